"""Asking other hosts for alerts without being turned against our own network (SSRF, CWE-918).

A name is resolved once, its addresses are looked at, and the connection goes to the very address that was
found good. Nothing is followed anywhere else. Size and time have their limits.
"""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Collection
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import urllib3

from controller.cap.xml import MAX_BYTES
from controller.clock import monotonic_s

CONNECT_S, READ_S, WHOLE_S = 5.0, 10.0, 20.0
_CHUNK = 64 * 1024
_OK, _NOT_MODIFIED = 200, 304
_DEFAULT_PORTS = {"https": 443, "http": 80}

_EMBEDDING = tuple(ipaddress.ip_network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16"))
"""IPv6 addresses that carry one of IPv4 (RFC 6052, RFC 8215, RFC 3056): what they lead to cannot be seen."""

Resolve = Callable[[str, int], Collection[str]]
"""From a name and a port to numeric addresses."""


class FetchFailed(Exception):
    """Nothing was got; the text says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where one feed may lead us."""

    scheme: str
    hosts: frozenset[str]
    private_allowed: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a host answered; an empty body is nothing new."""

    body: bytes = b""
    etag: str | None = None
    modified: str | None = None


def limits_of(url: str, more_hosts: Collection[str] = (), *, private_allowed: bool = False) -> Limits:
    """Return where a feed of this address may lead: its own host, and those that were named. Pure.

    Raises:
        FetchFailed: It is no address of the web.
    """
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise FetchFailed(f"not an address of the web: {url[:80]}")
    return Limits(parts.scheme, frozenset({parts.hostname, *more_hosts}), private_allowed)


def check_url(url: str, limits: Limits) -> SplitResult:
    """Return the parts of an address that may be asked. Pure.

    Raises:
        FetchFailed: It may not: another host, plain where the feed is secure, or a name and password in it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise FetchFailed(f"no address: {url[:80]}") from error
    if parts.scheme not in {"https", limits.scheme} or parts.scheme not in _DEFAULT_PORTS:
        raise FetchFailed(f"scheme {parts.scheme[:20]} is not allowed")
    if parts.username is not None or parts.password is not None or port == 0:
        raise FetchFailed("the address has a name, a password or no port in it")
    if parts.hostname not in limits.hosts:
        raise FetchFailed(f"host {parts.hostname} is not allowed")
    return parts


def is_allowed(address: str, *, private_allowed: bool) -> bool:
    """Whether an address may be connected to: one of the public net, or a private one where that is meant.

    Never one of the link itself, where clouds keep their secrets (169.254.169.254), nor of many hosts. Pure.
    """
    ip = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_allowed(str(ip.ipv4_mapped), private_allowed=private_allowed)
        if any(ip in network for network in _EMBEDDING):
            return False
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved:
        return False
    return private_allowed or ip.is_global


def resolve(host: str, port: int) -> Collection[str]:
    """Ask the system for the addresses of a name."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def fetch(
    url: str,
    limits: Limits,
    *,
    etag: str | None = None,
    modified: str | None = None,
    most_bytes: int = MAX_BYTES,
    resolving: Resolve = resolve,
) -> Fetched:
    """Ask for a document.

    Args:
        url: Its address.
        limits: Where the feed may lead.
        etag: Of what is known; if it is still that, the answer is empty.
        modified: The same, by time.
        most_bytes: No more than this is read; a longer document is a failure.
        resolving: From names to addresses.

    Raises:
        FetchFailed: It is not to be asked, does not answer in time, or answers otherwise than with a small
            document.
    """
    parts = check_url(url, limits)
    host = parts.hostname or ""
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    try:
        addresses = resolving(host, port)
    except (OSError, ValueError) as error:
        raise FetchFailed(f"{host} has no address") from error
    if not addresses or not all(
        is_allowed(each, private_allowed=limits.private_allowed) for each in addresses
    ):
        raise FetchFailed(f"{host} has an address that is not allowed")
    headers = {"Host": parts.netloc, "Accept-Encoding": "identity", "User-Agent": "LoaCast"}
    headers |= {"If-None-Match": etag} if etag else {}
    headers |= {"If-Modified-Since": modified} if modified else {}
    path = parts.path or "/"
    with _pool(parts.scheme, next(iter(addresses)), port, host) as pool:
        try:
            answer = pool.request(
                "GET",
                f"{path}?{parts.query}" if parts.query else path,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
            )
            return _read(answer, most_bytes)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise FetchFailed(f"{host}: {error}"[:200]) from error


def _read(answer: urllib3.BaseHTTPResponse, most_bytes: int) -> Fetched:
    if answer.status == _NOT_MODIFIED:
        return Fetched()
    if answer.status != _OK:
        raise FetchFailed(f"answered {answer.status}")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise FetchFailed("answered packed, which was not asked for")
    began_s, body = monotonic_s(), b""
    while chunk := answer.read1(_CHUNK):
        body += chunk
        if len(body) > most_bytes:
            raise FetchFailed(f"answered more than {most_bytes} bytes")
        if monotonic_s() - began_s > WHOLE_S:
            raise FetchFailed("took too long")
    return Fetched(body, answer.headers.get("ETag"), answer.headers.get("Last-Modified"))


def _pool(scheme: str, address: str, port: int, host: str) -> urllib3.HTTPConnectionPool:
    where = f"[{address}]" if ":" in address else address
    if scheme == "http":
        return urllib3.HTTPConnectionPool(where, port)
    return urllib3.HTTPSConnectionPool(
        where,
        port,
        server_hostname=host,
        assert_hostname=host,
        ssl_context=ssl.create_default_context(),
    )
