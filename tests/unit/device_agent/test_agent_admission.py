"""What a gateway lets in, and what it says of the rest."""

from datetime import timedelta

import pytest
from support.signing import (
    EMERGENCY,
    ROUTINE,
    STRANGER,
    Pen,
    again,
    an_id,
    an_item,
    signed,
)
from support.simulated import SimulatedGateway

from device_agent.freshness import WINDOW
from device_agent.rejections import PER_MINUTE
from wire.envelope import Scope, SigningKey, seal
from wire.messages import MAX_BYTES, Play
from wire.types import Event


@pytest.fixture
def gateway() -> SimulatedGateway:
    """Connected for so long that a repeat is no redelivery after a crash."""
    gateway = SimulatedGateway()
    gateway.connect()
    gateway.wait(60)
    return gateway


def refused(gateway: SimulatedGateway) -> list[str | None]:
    return [report.reason for report in gateway.reports(Event.REJECTED)]


def play(gateway: SimulatedGateway, **changes: object) -> Play:
    return gateway.pen.play(gateway.now, an_item(gateway.now), **changes)


def nothing_happened(gateway: SimulatedGateway) -> bool:
    gateway.get_clips("a" * 64)
    gateway.wait(30)
    return not gateway.sounded and not gateway.reports(Event.RECEIVED)


def test_an_order_signed_by_a_stranger_is_refused_with_its_id(gateway: SimulatedGateway) -> None:
    order = play(gateway)
    gateway.hear(order, key=STRANGER)
    assert nothing_happened(gateway)
    (report,) = gateway.reports(Event.REJECTED)
    assert (report.reason, report.detail) == ("bad_signature", f"order {order.id}")


def test_a_changed_payload_under_a_good_signature_is_refused(gateway: SimulatedGateway) -> None:
    data = signed(play(gateway))
    gateway.hear(data.replace(b'"payload":"ey', b'"payload":"eQ', 1))
    assert nothing_happened(gateway)
    assert refused(gateway) == ["bad_signature"]


def test_a_key_that_nobody_enrolled_is_refused(gateway: SimulatedGateway) -> None:
    gateway.hear(play(gateway), key=SigningKey("routine-9", Scope.ROUTINE, STRANGER.private))
    assert nothing_happened(gateway)
    assert refused(gateway) == ["unknown_key"]


@pytest.mark.parametrize(("channel", "key"), [("order", EMERGENCY), ("emergency", ROUTINE)])
def test_a_key_signs_within_its_scope_only(gateway: SimulatedGateway, channel: str, key: SigningKey) -> None:
    gateway.hear(play(gateway), channel, key=key)
    assert nothing_happened(gateway)
    assert refused(gateway) == ["unknown_key"]


@pytest.mark.parametrize("channel", ["order", "plan"])
def test_a_routine_key_cannot_make_an_emergency(gateway: SimulatedGateway, channel: str) -> None:
    urgent = an_item(gateway.now, priority="emergency")
    pen, now = gateway.pen, gateway.now
    gateway.hear(pen.play(now, urgent) if channel == "order" else pen.plan(now, urgent), channel)
    assert nothing_happened(gateway)
    assert refused(gateway) == ["unknown_key"]


def test_an_order_to_another_gateway_is_refused(gateway: SimulatedGateway) -> None:
    gateway.hear(Pen("31672-002").play(gateway.now, an_item(gateway.now)))
    assert nothing_happened(gateway)
    assert refused(gateway) == ["wrong_audience"]


def test_an_expired_order_is_refused_and_one_from_the_future_too(gateway: SimulatedGateway) -> None:
    gateway.hear(play(gateway, exp=gateway.now - timedelta(seconds=1)))
    gateway.hear(play(gateway, nbf=gateway.now + timedelta(minutes=5)))
    assert nothing_happened(gateway)
    assert refused(gateway) == ["expired", "not_yet_valid"]


def test_an_emergency_with_our_boot_nonce_needs_no_clock(gateway: SimulatedGateway) -> None:
    item = an_item(gateway.now - timedelta(days=400), priority="emergency")
    order = gateway.pen.play(
        item.start_at, item, boot=gateway.boots[-1], exp=item.start_at + timedelta(minutes=5)
    )
    gateway.hear(order, "emergency", key=EMERGENCY)
    gateway.get_clips()
    gateway.wait(10)
    assert [broadcast_id for broadcast_id, _ in gateway.sounded] == [item.broadcast_id]


def test_an_expired_emergency_with_another_boots_nonce_is_refused(gateway: SimulatedGateway) -> None:
    item = an_item(gateway.now, priority="emergency")
    order = gateway.pen.play(gateway.now, item, boot=an_id(), exp=gateway.now - timedelta(seconds=1))
    gateway.hear(order, "emergency", key=EMERGENCY)
    assert nothing_happened(gateway)
    assert refused(gateway) == ["expired"]


def test_with_an_untrusted_clock_an_order_is_still_not_older_than_the_last_known_time(
    gateway: SimulatedGateway,
) -> None:
    true_now = gateway.now + timedelta(hours=1)
    gateway.hear(gateway.pen.beat(true_now), "beat")
    gateway.hear(play(gateway, exp=true_now - timedelta(minutes=1)))
    gateway.hear(gateway.pen.volume(true_now, 30))
    assert refused(gateway) == ["expired"]
    assert gateway.volume == 30


def test_an_order_is_taken_once_and_its_replay_is_a_security_event(gateway: SimulatedGateway) -> None:
    order = signed(gateway.pen.volume(gateway.now, 40))
    gateway.hear(order)
    gateway.hear(order)
    assert len(gateway.reports(Event.RECEIVED)) == 1
    assert refused(gateway) == ["replayed"]


def test_a_replay_after_a_restart_is_still_one(gateway: SimulatedGateway) -> None:
    order = signed(gateway.pen.volume(gateway.now, 40))
    gateway.hear(order)
    gateway.boot()
    gateway.hear(order)
    assert refused(gateway) == ["replayed"]


def test_a_redelivery_by_the_broker_is_quiet(gateway: SimulatedGateway) -> None:
    order = signed(gateway.pen.volume(gateway.now, 40))
    gateway.hear(order)
    gateway.hear(order, redelivered=True)
    gateway.lose()
    gateway.connect()
    gateway.wait(29)
    gateway.hear(order)
    assert refused(gateway) == []
    gateway.wait(2)
    gateway.hear(order)
    assert refused(gateway) == ["replayed"]


def test_orders_may_overtake_each_other_but_not_by_more_than_the_window(gateway: SimulatedGateway) -> None:
    early, kept_back = gateway.pen.volume(gateway.now, 1), gateway.pen.volume(gateway.now, 2)
    for percent in range(WINDOW - 1):
        gateway.hear(gateway.pen.volume(gateway.now, percent % 100))
    gateway.hear(kept_back)
    assert refused(gateway) == []
    assert gateway.volume == 2
    gateway.hear(early)
    assert refused(gateway) == ["replayed"]


def test_a_higher_epoch_is_taken_and_a_lower_one_refused_from_then_on(gateway: SimulatedGateway) -> None:
    gateway.hear(gateway.pen.volume(gateway.now, 10))
    restored = Pen(epoch=2)
    gateway.hear(restored.volume(gateway.now, 20))
    gateway.boot()
    gateway.hear(gateway.pen.volume(gateway.now, 30))
    gateway.hear(restored.volume(gateway.now, 40))
    assert refused(gateway) == ["old_epoch"]
    assert gateway.volume == 40


def test_an_older_plan_is_stale_when_retained_and_a_replay_when_not(gateway: SimulatedGateway) -> None:
    first = gateway.pen.plan(gateway.now)
    second = gateway.pen.plan(gateway.now)
    gateway.hear(second, "plan")
    gateway.hear(second, "plan", retained=True)
    gateway.hear(first, "plan", retained=True)
    gateway.hear(second, "plan")
    assert refused(gateway) == []
    gateway.hear(first, "plan")
    gateway.hear(again(second, gateway.pen, gateway.now), "plan")
    assert refused(gateway) == ["replayed", "replayed"]
    assert [report.plan_version for report in gateway.reports(Event.PLAN_STORED)] == [2]


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"\xff\xfe", b"[" * 5000, b'{"payload":"!","kid":"routine-1","sig":""}']
)
def test_nonsense_is_refused_and_nothing_breaks(gateway: SimulatedGateway, data: bytes) -> None:
    gateway.hear(data)
    assert refused(gateway) == ["malformed"]
    assert gateway.reports(Event.REJECTED)[0].detail == "order"


def test_what_is_too_big_is_not_even_parsed(gateway: SimulatedGateway) -> None:
    gateway.hear(b" " * (MAX_BYTES + 1))
    assert refused(gateway) == ["too_big"]


@pytest.mark.parametrize(("kind", "channel"), [("plan", "order"), ("volume", "plan"), ("volume", "beat")])
def test_a_message_on_the_wrong_channel_is_refused(
    gateway: SimulatedGateway, kind: str, channel: str
) -> None:
    pen, now = gateway.pen, gateway.now
    gateway.hear(pen.plan(now) if kind == "plan" else pen.volume(now, 5), channel)
    assert refused(gateway) == ["malformed"]


def test_signed_nonsense_is_refused(gateway: SimulatedGateway) -> None:
    gateway.hear(seal(b'{"kind":"dance"}', ROUTINE))
    assert refused(gateway) == ["malformed"]


def test_a_flood_is_summed_up(gateway: SimulatedGateway) -> None:
    for _ in range(500):
        gateway.hear(b"{}")
    assert len(refused(gateway)) == PER_MINUTE
    gateway.wait(61)
    assert gateway.reports(Event.REJECTED)[-1].detail == f"{500 - PER_MINUTE} more refused within a minute"
    assert len(refused(gateway)) == PER_MINUTE + 1
