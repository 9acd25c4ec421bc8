"""What we ask of the system's TCP, and what its errors tell."""

import errno
import socket
from typing import Any

UNACKNOWLEDGED_MS = 30_000
"""Data that the other machine's TCP has not acknowledged for so long ends the connection (RFC 5482)."""

_NOT_SENT = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})


def tune(sock: Any) -> None:
    """Send small messages at once, and do not wait for hours for an answer out of a black hole."""
    # Nagle's algorithm makes ten thousand small publishes five times slower.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)


def stayed_here(error: OSError) -> bool:
    """Whether a connection failed before anything left this machine: no route, no name server."""
    return isinstance(error, socket.gaierror) or error.errno in _NOT_SENT
