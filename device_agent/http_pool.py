"""How a gateway speaks HTTP to its controller: as whom, over which sockets, trusting whom.

Certificates are checked against the system's authorities. Nothing is redirected, so that the secret goes to
nobody but the address in the credential.
"""

import socket
from dataclasses import dataclass, field

import urllib3
from urllib3.connection import HTTPConnection

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


def new_pool(*, connect_s: float, read_s: float) -> urllib3.PoolManager:
    """Return a pool of connections.

    Args:
        connect_s: How long to wait for a connection.
        read_s: How long to wait for the next bytes.
    """
    options = list(HTTPConnection.default_socket_options)
    if USER_TIMEOUT is not None:
        options.append((socket.IPPROTO_TCP, USER_TIMEOUT, UNACKNOWLEDGED_MS))
    timeout = urllib3.Timeout(connect=connect_s, read=read_s)
    return urllib3.PoolManager(num_pools=4, timeout=timeout, retries=False, socket_options=options)
