"""Two ways from one controller: what comes by both is done once, and nobody is called an attacker for it."""

from hypothesis import given
from hypothesis import strategies as st
from support.signing import EMERGENCY, an_item, signed
from support.simulated import SimulatedGateway

from wire.types import Event, Priority

ORDERS = 4

Arrival = tuple[int, bool]
"""Number of an order, and whether the way changes before it comes."""


@given(
    st.lists(st.tuples(st.integers(0, ORDERS - 1), st.booleans()), max_size=12),
    st.permutations(range(ORDERS)),
)
def test_an_envelope_that_comes_by_both_ways_within_half_a_minute_of_a_change_is_done_once(
    arrivals: list[Arrival], last: list[int]
) -> None:
    gateway = SimulatedGateway()
    gateway.connect()
    envelopes = [
        (
            signed(gateway.pen.play(gateway.now, an_item(gateway.now, priority="emergency")), EMERGENCY),
            "emergency",
        )
        if number % 2
        else (signed(gateway.pen.volume(gateway.now, 10 * number)), "order")
        for number in range(ORDERS)
    ]
    for number, changes in [*arrivals, *((number, True) for number in last)]:
        if changes:
            gateway.connect()
        gateway.hear(*envelopes[number])
        gateway.wait(0.1)
    assert gateway.reports(Event.REJECTED) == []
    confirmed = [order for report in gateway.reports(Event.RECEIVED) for order in report.orders]
    assert len(confirmed) == len(set(confirmed)) == ORDERS


def test_half_an_hour_later_the_same_envelope_is_an_attack() -> None:
    gateway = SimulatedGateway()
    gateway.connect()
    item = an_item(gateway.now, priority=Priority.EMERGENCY)
    envelope = signed(gateway.pen.play(gateway.now, item), EMERGENCY)
    gateway.hear(envelope, "emergency")
    gateway.wait(1800)
    gateway.hear(envelope, "emergency")
    assert [report.reason for report in gateway.reports(Event.REJECTED)] == ["replayed"]
