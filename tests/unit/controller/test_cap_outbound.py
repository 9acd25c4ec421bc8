"""Asking for alerts leads nowhere but to the feed's own hosts, and never into our own network."""

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.authority import authority

from controller.cap.outbound import Fetched, FetchFailed, Limits, check_url, fetch, is_allowed, limits_of

HOST = "alerts.example"
SECURE = limits_of(f"https://{HOST}/feed")


@pytest.mark.parametrize(
    "url",
    [
        "http://alerts.example/",
        "https://elsewhere.example/",
        "https://alerts.example.elsewhere.example/",
        "https://alerts.example@elsewhere.example/",
        "https://elsewhere.example#alerts.example",
        "https://user:secret@alerts.example/",
        "ftp://alerts.example/",
        "file:///etc/passwd",
        "gopher://alerts.example/",
        "//alerts.example/",
        "https://[::1",
        "https://alerts.example:99999/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::ffff:127.0.0.1]/",
        "",
    ],
)
def test_no_other_address_is_asked(url: str) -> None:
    with pytest.raises(FetchFailed):
        check_url(url, SECURE)


def test_the_feeds_own_host_and_those_that_were_named_are_asked() -> None:
    limits = limits_of(f"https://{HOST}/feed", ["cdn.example"])
    assert check_url("https://CDN.example/a.xml", limits).hostname == "cdn.example"
    assert check_url(f"https://{HOST}:8443/a.xml", limits).port == 8443


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address that is refused
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_no_address_of_our_own_network_is_connected_to(address: str) -> None:
    assert not is_allowed(address, private_allowed=False)


def test_a_private_network_may_be_meant_but_never_the_link_itself() -> None:
    assert is_allowed("1.1.1.1", private_allowed=False)
    assert is_allowed("2606:4700::1111", private_allowed=False)
    assert is_allowed("10.0.0.1", private_allowed=True)
    for address in ("169.254.169.254", "fe80::1", "224.0.0.1", "::ffff:169.254.169.254"):
        assert not is_allowed(address, private_allowed=True)


class Server(BaseHTTPRequestHandler):
    """Answers by the path that is asked for, and counts."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/known" and self.headers["If-None-Match"] == '"1"':
            self.answer(304)
        elif self.path == "/elsewhere":
            self.answer(302, Location="http://127.0.0.1/secret")
        elif self.path == "/packed":
            self.answer(200, b"x", **{"Content-Encoding": "gzip"})
        elif self.path == "/endless":
            self.answer(200, bytes(3 * 2**20))
        else:
            self.answer(200, self.headers["Host"].encode(), ETag='"1"')

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is given
        """Stay silent."""


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[int, list[str]]]:
    asked: list[str] = []
    handler = type("Counting", (Server,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found.server_address[1], asked
        found.shutdown()


def local(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


PLAIN = Limits("http", frozenset({HOST}), private_allowed=True)


def test_a_name_that_leads_to_ourselves_is_not_followed(server: tuple[int, list[str]]) -> None:
    port, asked = server
    before = list(asked)
    for addresses in (["127.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["::ffff:127.0.0.1"], []):
        with pytest.raises(FetchFailed):
            fetch(
                f"http://{HOST}:{port}/",
                Limits("http", frozenset({HOST})),
                resolving=lambda _host, _port, found=addresses: found,  # type: ignore[misc]
            )
    assert asked == before


def test_a_document_is_fetched_from_the_address_that_was_found_good(server: tuple[int, list[str]]) -> None:
    port, _ = server
    found = fetch(f"http://{HOST}:{port}/a?b=c", PLAIN, resolving=local)
    assert found == Fetched(f"{HOST}:{port}".encode(), '"1"', None)


def test_what_is_known_is_not_fetched_again(server: tuple[int, list[str]]) -> None:
    port, _ = server
    assert fetch(f"http://{HOST}:{port}/known", PLAIN, etag='"1"', resolving=local) == Fetched()


@pytest.mark.parametrize("path", ["/elsewhere", "/packed", "/endless"])
def test_nothing_is_followed_unpacked_or_read_without_end(server: tuple[int, list[str]], path: str) -> None:
    port, asked = server
    with pytest.raises(FetchFailed):
        fetch(f"http://{HOST}:{port}{path}", PLAIN, resolving=local)
    assert asked[-1] == path
    assert "/secret" not in asked


def test_a_recording_may_be_longer_than_an_alert(server: tuple[int, list[str]]) -> None:
    port, _ = server
    url = f"http://{HOST}:{port}/endless"
    assert len(fetch(url, PLAIN, most_bytes=3 * 2**20, resolving=local).body) == 3 * 2**20
    with pytest.raises(FetchFailed, match="more than"):
        fetch(url, PLAIN, most_bytes=3 * 2**20 - 1, resolving=local)


@pytest.fixture
def secure(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[int, Path]]:
    """A server with a certificate for the host of the test's parameter, and its authority."""
    ca, certificate, key = authority(tmp_path, "ca", host=request.param)
    handler = type("Counting", (Server,), {"asked": []})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        found.socket = context.wrap_socket(found.socket, server_side=True)
        threading.Thread(target=found.serve_forever, daemon=True).start()
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        yield found.server_address[1], ca
        found.shutdown()


OVER_TLS = Limits("https", frozenset({HOST}), private_allowed=True)


@pytest.mark.parametrize("secure", [HOST], indirect=True)
def test_over_tls_the_certificate_must_be_by_an_authority_of_the_system(
    secure: tuple[int, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    port, _ = secure
    assert fetch(f"https://{HOST}:{port}/", OVER_TLS, resolving=local).body == f"{HOST}:{port}".encode()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority(tmp_path, "another")[0]))
    with pytest.raises(FetchFailed, match="certificate verify failed"):
        fetch(f"https://{HOST}:{port}/", OVER_TLS, resolving=local)


@pytest.mark.parametrize("secure", [None, "elsewhere.example"], indirect=True)
def test_over_tls_the_certificate_must_be_for_the_name_and_not_for_the_address(
    secure: tuple[int, Path],
) -> None:
    port, _ = secure
    with pytest.raises(FetchFailed, match=r"Hostname mismatch|doesn't match|not valid for"):
        fetch(f"https://{HOST}:{port}/", OVER_TLS, resolving=local)


def test_a_host_that_is_not_there_is_a_failure_with_a_reason() -> None:
    with pytest.raises(FetchFailed, match=HOST):
        fetch(f"http://{HOST}:1/", PLAIN, resolving=local)
    with pytest.raises(FetchFailed, match="no address"):
        fetch(f"http://{HOST}/", PLAIN, resolving=lambda _host, _port: no_such_name())


def no_such_name() -> list[str]:
    raise OSError("no such name")
