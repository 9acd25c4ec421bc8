"""Without a way to a gateway the dispatcher waits for one: to look again at once would burn a core."""

import pytest
from support.office import Office

from wire.messages import Play
from wire.types import Event


@pytest.fixture
def much_waits(office: Office) -> Office:
    """A beat, a plan, an order and a receipt for each gateway, all of them due, and the broker gone."""
    office.births("g1", "g2")
    office.schedule(dtstart="2026-11-24T17:30:00", rrule="FREQ=DAILY")
    broadcast = office.play_now(gateways=["g1", "g2"])
    office.step()
    office.tell("g1", Event.RECEIVED, broadcast.id)
    office.tell("g2", Event.RECEIVED, broadcast.id)
    office.play_now(gateways=["g1", "g2"])
    office.publisher.connected = False
    office.clock.pass_time(61)
    return office


@pytest.mark.parametrize("asking", [(), ("g2",)], ids=["nobody", "one-by-https"])
def test_what_cannot_be_sent_does_not_ring_the_alarm(much_waits: Office, asking: tuple[str, ...]) -> None:
    much_waits.publisher.asking = frozenset(asking)
    sent = much_waits.step()
    assert {each.gateway_id for each in sent} == set(asking)
    assert much_waits.alarms[-1] > much_waits.clock.now()


def test_what_waited_goes_out_when_the_broker_is_back(much_waits: Office) -> None:
    much_waits.step()
    much_waits.publisher.connected = True
    sent = much_waits.step("order")
    assert {each.gateway_id for each in sent if isinstance(each.message, Play)} == {"g1", "g2"}


def test_what_is_too_late_to_be_sent_does_not_ring_the_alarm(office: Office) -> None:
    office.publisher.connected = False
    office.play_now(gateways=["g1"])
    office.clock.pass_time(119)
    office.step()
    office.publisher.connected = True
    office.clock.pass_time(2)
    office.step()
    assert office.alarms[-1] > office.clock.now()
