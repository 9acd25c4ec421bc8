"""A pinned authority's certificate while our own clock is wrong: its dates are judged by what is known."""

import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from socket import socketpair

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.authority import authority
from support.far_end import now
from support.signing import NOON

from wire.certificates import MOST_PINNED, NO_CHECK_TIME, KnownTime, Peer, refusal, trusting

HOUR = timedelta(hours=1)
NOTHING_KNOWN = KnownTime(clock_is_right=False)
CERTIFICATE = {"notBefore": "Nov 24 04:00:00 2026 GMT", "notAfter": "Nov 24 06:00:00 2026 GMT"}

Greet = Callable[[ssl.SSLContext, str], Peer]


@pytest.fixture(scope="module")
def over(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """An authority whose server's certificate ended an hour ago."""
    return authority(tmp_path_factory.mktemp("over"), "over", -HOUR)


@pytest.fixture
def greet(over: tuple[Path, Path, Path]) -> Greet:
    """Shake hands with that server, as a host of some name."""

    def shake(context: ssl.SSLContext, host: str) -> Peer:
        theirs, ours = socketpair()
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(over[1], over[2])

        def answer() -> None:
            with suppress(OSError), server.wrap_socket(theirs, server_side=True) as sock:
                sock.recv(1)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            with context.wrap_socket(ours, server_hostname=host) as sock:
                return Peer(sock, context)
        finally:
            ours.close()
            thread.join(5)

    return shake


@given(st.timedeltas(-3 * HOUR, 3 * HOUR))
def test_a_known_time_judges_both_dates_and_one_that_has_passed_only_the_end(away: timedelta) -> None:
    at = NOON + away
    assert (refusal(CERTIFICATE, KnownTime(False, now=at)) is None) == (-HOUR <= away <= HOUR)
    assert (refusal(CERTIFICATE, KnownTime(False, floor_at=at)) is None) == (away <= HOUR)
    assert refusal(CERTIFICATE, NOTHING_KNOWN) is None


def test_the_system_clock_judges_as_ever_while_it_is_right(
    over: tuple[Path, Path, Path], greet: Greet
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        greet(trusting(over[0], KnownTime(clock_is_right=True)), "127.0.0.1")


def test_the_dates_wait_until_the_time_is_known(over: tuple[Path, Path, Path], greet: Greet) -> None:
    peer = greet(trusting(over[0], NOTHING_KNOWN), "127.0.0.1")
    peer.check(NOTHING_KNOWN)
    peer.check(KnownTime(False, now=now() - 2 * HOUR))
    for time in (KnownTime(False, now=now()), KnownTime(True, now=now()), KnownTime(False, floor_at=now())):
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            peer.check(time)
    with pytest.raises(ssl.SSLCertVerificationError, match="not yet valid"):
        peer.check(KnownTime(False, now=now() - timedelta(days=9)))


def test_neither_another_name_nor_another_authority_is_ever_believed(
    over: tuple[Path, Path, Path], greet: Greet, tmp_path: Path
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        greet(trusting(over[0], NOTHING_KNOWN), "127.0.0.2")
    with pytest.raises(ssl.SSLCertVerificationError, match=r"unable to get|self-signed|signature failure"):
        greet(trusting(authority(tmp_path, "over")[0], NOTHING_KNOWN), "127.0.0.1")


def test_a_store_of_many_authorities_is_no_pin(tmp_path: Path) -> None:
    store = tmp_path / "store.pem"
    pinned = [authority(tmp_path, f"number-{number}")[0].read_bytes() for number in range(MOST_PINNED + 1)]
    store.write_bytes(b"".join(pinned))
    assert not trusting(store, NOTHING_KNOWN).verify_flags & NO_CHECK_TIME
    store.write_bytes(b"".join(pinned[1:]))
    assert trusting(store, NOTHING_KNOWN).verify_flags & NO_CHECK_TIME
