"""Whether to believe a server's certificate while our own clock is not to be believed (ADR 10).

OpenSSL judges by the system's clock, which a gateway may not set: in 1970 no certificate is valid yet, so no
beat comes that would tell the time, and no emergency. With an authority that the operator has pinned, its
signature and the name are checked as ever, and the dates against what is known of the true time.
"""

import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

NO_CHECK_TIME = ssl.VerifyFlags(0x200000)
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h, which Python's ssl has no name for."""

MOST_PINNED = 4
"""Whoever pins an authority names one, or two while it is replaced; a file of more is a store of others'."""

Certificate = Mapping[str, Any]
"""As `ssl.SSLSocket.getpeercert` tells it."""


@dataclass(frozen=True, slots=True)
class KnownTime:
    """What is known of the time when a certificate is judged."""

    clock_is_right: bool
    """OpenSSL may judge by the system's clock."""
    now: datetime | None = None
    """The true time; None while nobody has told it."""
    floor_at: datetime | None = None
    """An instant that has certainly passed."""


AskTime = Callable[[], KnownTime]


@dataclass(frozen=True, slots=True)
class Pin:
    """The one authority that counts, and what is known of the time."""

    ca: Path
    ask_time: AskTime


def trusting(ca: Path, time: KnownTime) -> ssl.SSLContext:
    """Return a context that trusts the authorities in a file and nobody else.

    Args:
        ca: PEM file.
        time: Whether OpenSSL may judge by the system's clock.

    Raises:
        OSError: The file cannot be read, or is none.
    """
    context = ssl.create_default_context(cafile=str(ca))
    if not time.clock_is_right and len(context.get_ca_certs()) <= MOST_PINNED:
        context.verify_flags |= NO_CHECK_TIME
    return context


class Peer:
    """Who is at the other end of one connection, to be judged again when the time becomes known.

    Args:
        sock: A connection whose handshake is done: the chain and the name are checked.
        context: What it was made with.
    """

    def __init__(self, sock: ssl.SSLSocket, context: ssl.SSLContext) -> None:
        self._chain = tuple(_chain(sock.getpeercert() or {}, context.get_ca_certs()))

    def check(self, time: KnownTime) -> None:
        """Check the dates of its certificate and of the authority that signed it.

        Raises:
            ssl.SSLCertVerificationError: One is over, or not valid yet, by the true time; or by the one that
                has certainly passed, while the true time is not known.
        """
        for certificate in self._chain:
            reason = refusal(certificate, time)
            if reason is not None:
                raise ssl.SSLCertVerificationError(1, reason)


def refusal(certificate: Certificate, time: KnownTime) -> str | None:
    """Return why a certificate's dates do not allow it now; None if they do, as far as is known. Pure."""
    valid_from, valid_until = (_instant(certificate[name]) for name in ("notBefore", "notAfter"))
    if time.now is not None and time.now < valid_from:
        return f"certificate is not yet valid at {time.now:%Y-%m-%d %H:%M} UTC"
    known = time.now or time.floor_at
    if known is not None and known > valid_until:
        return f"certificate has expired on {valid_until:%Y-%m-%d %H:%M} UTC"
    return None


def _chain(certificate: Certificate, authorities: list[dict[str, Any]]) -> Iterator[Certificate]:
    yield certificate
    yield from (each for each in authorities if each["subject"] == certificate["issuer"])


def _instant(date: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(date), UTC)
