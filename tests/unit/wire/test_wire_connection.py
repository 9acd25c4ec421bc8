"""What keeps a connection honest: waits between tries, acknowledgements in order."""

import errno
import random
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.acks import AcksInOrder
from wire.backoff import wait_s
from wire.sockets import stayed_here

FAILURES = st.integers(1, 10_000)
DICE = st.floats(0, 1)


@given(FAILURES, DICE)
def test_a_wait_is_never_under_one_second_and_never_over_thirty(failures: int, dice: float) -> None:
    assert 1.0 <= wait_s(failures, dice) <= 30.0
    assert 1.0 <= wait_s(failures, dice, local=True) <= 5.0


@given(FAILURES, DICE)
def test_waits_grow_with_the_failures(failures: int, dice: float) -> None:
    assert wait_s(failures, dice) <= wait_s(failures + 1, dice)


def test_ten_thousand_gateways_spread_evenly_over_half_a_minute() -> None:
    dice = random.Random(1)
    waits = [wait_s(9, dice.random()) for _ in range(10_000)]
    in_one_second = [sum(1 for wait in waits if second <= wait < second + 1) for second in range(1, 30)]
    assert sum(in_one_second) == 10_000
    assert max(in_one_second) < 1.3 * 10_000 / 29


@pytest.mark.parametrize(
    ("error", "local"),
    [
        (OSError(errno.ENETUNREACH, ""), True),
        (OSError(errno.EHOSTUNREACH, ""), True),
        (socket.gaierror(-3, "no name server"), True),
        (ConnectionRefusedError(errno.ECONNREFUSED, ""), False),
        (TimeoutError(), False),
    ],
)
def test_only_what_never_left_the_machine_is_local(error: OSError, *, local: bool) -> None:
    assert stayed_here(error) is local


@given(st.permutations(range(12)), st.integers(0, 12))
def test_acknowledgements_go_out_in_the_order_of_arrival(order: list[int], done: int) -> None:
    acks = AcksInOrder()
    for mid in range(12):
        acks.received(mid)
    sent = [mid for each in order[:done] for mid in acks.done(each)]
    first_open = min(set(range(12)) - set(order[:done]), default=12)
    assert sent == list(range(first_open))


def test_a_message_of_another_connection_or_done_twice_acknowledges_nothing() -> None:
    acks = AcksInOrder()
    acks.received(5)
    assert acks.done(4) == ()
    assert acks.done(5) == (5,)
    assert acks.done(5) == ()
