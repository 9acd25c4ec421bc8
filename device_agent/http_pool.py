"""How a gateway speaks HTTP to its controller: as whom, over which sockets, trusting whom.

Certificates are checked against the system's authorities, or against the one that the credential names, and
then by the true time as far as it is known (ADR 10). Nothing is redirected, so that the secret goes to nobody
but the address in the credential.
"""

import socket
import ssl
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from wire.certificates import AskTime, KnownTime, Peer, Pin, trusting
from wire.credential import GatewayCredential
from wire.sockets import UNACKNOWLEDGED_MS

USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", None)
"""Only Linux has it."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a gateway finds its controller, and as whom it asks (HTTP Basic, RFC 7617)."""

    controller_url: str
    gateway_id: str
    secret: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say who asks."""
        return dict(urllib3.make_headers(basic_auth=f"{self.gateway_id}:{self.secret}"))


def pin_of(credential: GatewayCredential, ask_time: AskTime | None = None) -> Pin | None:
    """Return the authority that a credential names for the controller; None: the system's count.

    Args:
        credential: The gateway's.
        ask_time: What is known of the time; None: the clock is right.
    """
    if credential.controller_tls_ca is None:
        return None
    return Pin(Path(credential.controller_tls_ca), ask_time or (lambda: KnownTime(clock_is_right=True)))


class _PinnedConnection(HTTPSConnection):
    """Asks anew at each connection what is known of the time; sends nothing to whom it does not believe."""

    def __init__(self, host: str, port: int | None = None, *, pin: Pin, **options: Any) -> None:
        super().__init__(host, port, **options)
        self._pin = pin

    def connect(self) -> None:
        self.ssl_context = trusting(self._pin.ca, self._pin.ask_time())
        super().connect()
        if isinstance(self.sock, ssl.SSLSocket):
            Peer(self.sock, self.ssl_context).check(self._pin.ask_time())


class _PinnedPool(urllib3.HTTPSConnectionPool):
    def __init__(self, host: str, port: int | None = None, *, pin: Pin, **options: Any) -> None:
        super().__init__(host, port, cert_reqs="CERT_REQUIRED", **options)
        self.ConnectionCls = partial(_PinnedConnection, pin=pin)  # type: ignore[assignment]


def new_pool(*, connect_s: float, read_s: float, pin: Pin | None = None) -> urllib3.PoolManager:
    """Return a pool of connections.

    Args:
        connect_s: How long to wait for a connection.
        read_s: How long to wait for the next bytes.
        pin: The only authority that counts; None: the system's.
    """
    options = list(HTTPConnection.default_socket_options)
    if USER_TIMEOUT is not None:
        options.append((socket.IPPROTO_TCP, USER_TIMEOUT, UNACKNOWLEDGED_MS))
    timeout = urllib3.Timeout(connect=connect_s, read=read_s)
    pools = urllib3.PoolManager(num_pools=4, timeout=timeout, retries=False, socket_options=options)
    if pin is not None:
        pools.pool_classes_by_scheme = {
            **pools.pool_classes_by_scheme,
            "https": partial(_PinnedPool, pin=pin),  # type: ignore[dict-item]
        }
    return pools
