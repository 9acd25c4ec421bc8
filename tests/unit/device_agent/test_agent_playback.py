"""What a gateway plays and when, told as what its journal reports."""

from datetime import datetime, timedelta

import pytest
from support.signing import EMERGENCY, NOON, ROUTINE, a_clip, again, an_id, an_item
from support.simulated import SimulatedGateway

from device_agent.instants import seconds
from wire.envelope import SigningKey
from wire.messages import Item
from wire.types import AfterPreemption, Event, LatenessPolicy

PLAYED = [("ready", None), ("playing", None), ("played", None)]


@pytest.fixture
def gateway() -> SimulatedGateway:
    gateway = SimulatedGateway()
    gateway.connect()
    return gateway


def at(offset_s: float) -> datetime:
    return NOON + seconds(offset_s)


def plan(gateway: SimulatedGateway, *items: Item) -> None:
    gateway.hear(gateway.pen.plan(gateway.now, *items), "plan")


def play(gateway: SimulatedGateway, item: Item, key: SigningKey = ROUTINE) -> None:
    order = gateway.pen.play(gateway.now, item, boot=gateway.boots[-1])
    gateway.hear(order, "emergency" if key is EMERGENCY else "order", key=key)


def test_a_planned_item_is_ready_when_its_clips_are_there_and_sounds_at_its_start(
    gateway: SimulatedGateway,
) -> None:
    item = an_item(at(60))
    plan(gateway, item)
    gateway.wait(10)
    assert gateway.told(item.broadcast_id) == []
    gateway.get_clips()
    gateway.wait(90)
    assert gateway.told(item.broadcast_id) == PLAYED
    assert gateway.sounded == [(item.broadcast_id, at(60))]
    assert gateway.reports(Event.PLAYED)[0].played_ms == 4_000


def test_an_item_whose_clip_comes_late_sounds_from_its_start_within_its_limit(
    gateway: SimulatedGateway,
) -> None:
    item = an_item(at(60), late_limit_ms=30_000)
    plan(gateway, item)
    gateway.wait_until(at(80))
    gateway.get_clips()
    gateway.wait(10)
    assert gateway.sounded == [(item.broadcast_id, at(80))]


@pytest.mark.parametrize(("late_s", "reason"), [(29, None), (31, "clip_missing")])
def test_a_clip_that_does_not_come_within_the_limit_is_a_missed_item(
    gateway: SimulatedGateway, late_s: int, reason: str | None
) -> None:
    item = an_item(at(60), late_limit_ms=30_000)
    plan(gateway, item)
    gateway.wait_until(at(60 + late_s))
    assert gateway.told(item.broadcast_id) == ([("missed", reason)] if reason else [])


def test_an_item_that_may_not_be_late_is_skipped(gateway: SimulatedGateway) -> None:
    item = an_item(at(60), lateness=LatenessPolicy.SKIP)
    plan(gateway, item)
    gateway.wait_until(at(70))
    gateway.get_clips()
    assert gateway.told(item.broadcast_id) == [("missed", "clip_missing")]


def test_an_item_to_be_joined_begins_where_it_would_be_by_now(gateway: SimulatedGateway) -> None:
    item = an_item(at(0), clips=(a_clip(duration_ms=60_000),), lateness=LatenessPolicy.JOIN)
    gateway.wait(20)
    play(gateway, item)
    gateway.get_clips()
    gateway.wait(60)
    (played,) = gateway.reports(Event.PLAYED)
    assert (played.played_ms, played.expected_ms, played.detail) == (39_700, 39_700, "joined at 20300 ms")
    assert gateway.sounded == [(item.broadcast_id, at(20.3))]


def test_a_higher_priority_pre_empts_a_lower_one_at_its_own_start(gateway: SimulatedGateway) -> None:
    low = an_item(at(10), clips=(a_clip(duration_ms=20_000),), after_preemption=AfterPreemption.DROP)
    high = an_item(at(15), priority="priority")
    plan(gateway, low, high)
    gateway.get_clips()
    gateway.wait(60)
    (preempted,) = gateway.reports(Event.PREEMPTED)
    assert (preempted.broadcast_ids, preempted.by) == ((low.broadcast_id,), high.broadcast_id)
    assert preempted.played_ms == 5_000
    assert gateway.told(high.broadcast_id)[-1] == ("played", None)


def test_of_equals_the_next_follows_when_the_first_ends_if_still_in_time(gateway: SimulatedGateway) -> None:
    first = an_item(at(10), clips=(a_clip(duration_ms=20_000),))
    second = an_item(at(12), late_limit_ms=60_000)
    third = an_item(at(13), late_limit_ms=5_000)
    plan(gateway, third, second, first)
    gateway.get_clips()
    gateway.wait(60)
    assert gateway.sounded == [(first.broadcast_id, at(10)), (second.broadcast_id, at(30))]
    assert gateway.told(third.broadcast_id)[-1] == ("missed", "busy")


def test_items_back_to_back_follow_each_other_without_a_pause(gateway: SimulatedGateway) -> None:
    chime = an_item(at(10), clips=(a_clip(duration_ms=3_000),))
    words = an_item(at(13))
    plan(gateway, chime, words)
    gateway.get_clips()
    gateway.wait(60)
    assert gateway.sounded == [(chime.broadcast_id, at(10)), (words.broadcast_id, at(13))]


def test_an_emergency_pre_empts_at_once_and_a_lower_one_that_had_not_begun_tries_again(
    gateway: SimulatedGateway,
) -> None:
    low = an_item(at(10), late_limit_ms=60_000)
    plan(gateway, low)
    gateway.get_clips()
    gateway.wait_until(at(9.8))
    emergency = an_item(at(9.8), priority="emergency")
    play(gateway, emergency, EMERGENCY)
    gateway.wait(60)
    assert gateway.sounded == [(emergency.broadcast_id, at(9.8)), (low.broadcast_id, at(13.8))]
    assert gateway.told(low.broadcast_id) == PLAYED


def test_stop_fades_what_sounds_and_says_how_much_was_heard(gateway: SimulatedGateway) -> None:
    item = an_item(at(5), clips=(a_clip(duration_ms=60_000),))
    play(gateway, item)
    gateway.get_clips()
    gateway.wait_until(at(12))
    gateway.hear(gateway.pen.stop(gateway.now, item.broadcast_id))
    gateway.wait(1)
    (stopped,) = gateway.reports(Event.CANCELLED)
    assert (stopped.reason, stopped.played_ms) == ("stopped", 7_000)


def test_stop_without_a_name_silences_what_is_due_and_leaves_the_future(gateway: SimulatedGateway) -> None:
    sounding = an_item(at(5), clips=(a_clip(duration_ms=60_000),))
    due = an_item(at(6))
    future = an_item(at(100))
    plan(gateway, sounding, due, future)
    gateway.get_clips()
    gateway.wait_until(at(12))
    gateway.hear(gateway.pen.stop(gateway.now))
    gateway.wait_until(at(120))
    assert gateway.told(sounding.broadcast_id)[-1] == ("cancelled", "stopped")
    assert gateway.told(due.broadcast_id)[-1] == ("cancelled", "stopped")
    assert gateway.told(future.broadcast_id)[-1] == ("played", None)


@pytest.mark.parametrize("kind", ["stop", "cancel"])
def test_a_stop_or_cancel_that_overtakes_its_order_keeps_it_from_ever_beginning(
    gateway: SimulatedGateway, kind: str
) -> None:
    item = an_item(at(5))
    first = getattr(gateway.pen, kind)(gateway.now, item.broadcast_id)
    gateway.hear(first)
    play(gateway, item)
    gateway.get_clips("a" * 64)
    gateway.wait(60)
    assert gateway.sounded == []
    assert [event for event, _ in gateway.told(item.broadcast_id)] == ["cancelled", "received"]


def test_cancel_leaves_alone_what_sounds_already(gateway: SimulatedGateway) -> None:
    item = an_item(at(5))
    plan(gateway, item)
    gateway.get_clips()
    gateway.wait_until(at(6))
    gateway.hear(gateway.pen.cancel(gateway.now, item.broadcast_id))
    gateway.wait(10)
    assert gateway.told(item.broadcast_id) == PLAYED


def test_cancel_in_the_last_half_second_still_keeps_it_silent(gateway: SimulatedGateway) -> None:
    item = an_item(at(5))
    plan(gateway, item)
    gateway.get_clips()
    gateway.wait_until(at(4.8))
    gateway.hear(gateway.pen.cancel(gateway.now, item.broadcast_id))
    gateway.wait(10)
    assert gateway.sounded == []
    assert gateway.told(item.broadcast_id) == [("ready", None), ("cancelled", "cancelled")]


def test_an_item_gone_from_the_plan_is_cancelled_and_one_that_sounds_goes_on(
    gateway: SimulatedGateway,
) -> None:
    sounding, gone, kept = (
        an_item(at(5), clips=(a_clip(duration_ms=9_000),)),
        an_item(at(50)),
        an_item(at(60)),
    )
    plan(gateway, sounding, gone, kept)
    gateway.get_clips()
    gateway.wait_until(at(8))
    plan(gateway, kept)
    gateway.wait_until(at(100))
    assert gateway.told(gone.broadcast_id) == [("ready", None), ("cancelled", "not_in_plan")]
    assert gateway.told(sounding.broadcast_id) == PLAYED
    assert gateway.told(kept.broadcast_id) == PLAYED


def test_an_item_moved_by_a_newer_plan_sounds_at_its_new_start_only(gateway: SimulatedGateway) -> None:
    item = an_item(at(30))
    plan(gateway, item)
    gateway.get_clips()
    gateway.wait_until(at(29))
    plan(gateway, an_item(at(50), broadcast_id=item.broadcast_id))
    gateway.wait(60)
    assert gateway.sounded == [(item.broadcast_id, at(50))]


def test_one_broadcast_in_plan_and_order_is_one_item(gateway: SimulatedGateway) -> None:
    item = an_item(at(30))
    plan(gateway, item)
    play(gateway, item)
    plan(gateway)
    gateway.get_clips()
    gateway.wait(60)
    assert gateway.told(item.broadcast_id) == [("received", None), *PLAYED]


def test_what_has_ended_is_never_played_again_whoever_says_so(gateway: SimulatedGateway) -> None:
    item = an_item(at(5))
    plan(gateway, item)
    gateway.get_clips()
    gateway.wait(20)
    plan(gateway, an_item(at(60), broadcast_id=item.broadcast_id))
    play(gateway, an_item(at(70), broadcast_id=item.broadcast_id))
    gateway.boot()
    gateway.get_clips("a" * 64)
    gateway.wait(100)
    assert len(gateway.sounded) == 1
    assert gateway.told(item.broadcast_id)[:3] == PLAYED


def test_after_a_power_cut_while_playing_the_rest_is_not_played_and_the_record_says_how_much_was(
    gateway: SimulatedGateway,
) -> None:
    item = an_item(at(5), clips=(a_clip(duration_ms=60_000),), late_limit_ms=600_000)
    plan(gateway, item)
    gateway.get_clips()
    gateway.wait_until(at(15.5))
    gateway.boot()
    gateway.get_clips("a" * 64)
    gateway.wait(60)
    assert len(gateway.sounded) == 1
    (partial,) = gateway.reports(Event.PARTIAL)
    assert (partial.reason, partial.played_ms, partial.expected_ms) == ("restarted", 10_000, 60_000)


def test_after_a_power_cut_before_the_first_sample_it_has_failed(gateway: SimulatedGateway) -> None:
    item = an_item(at(5))
    plan(gateway, item)
    gateway.get_clips()
    gateway.wait_until(at(4.9))
    gateway.boot()
    gateway.get_clips("a" * 64)
    gateway.wait(60)
    assert gateway.told(item.broadcast_id)[-1] == ("failed", "restarted")
    assert gateway.sounded == []


def test_with_a_clock_far_off_the_controllers_nothing_routine_sounds_and_an_emergency_does(
    gateway: SimulatedGateway,
) -> None:
    item = an_item(at(60), late_limit_ms=10_000)
    plan(gateway, item)
    gateway.get_clips()
    gateway.hear(gateway.pen.beat(at(45)), "beat")
    emergency = an_item(at(45), priority="emergency")
    play(gateway, emergency, EMERGENCY)
    gateway.wait(120)
    assert gateway.told(item.broadcast_id)[-1] == ("missed", "clock_untrusted")
    assert [broadcast_id for broadcast_id, _ in gateway.sounded] == [emergency.broadcast_id]


def test_a_clock_that_woke_up_in_1970_is_not_trusted_until_a_beat_confirms_it(
    gateway: SimulatedGateway,
) -> None:
    gateway.hear(gateway.pen.beat(gateway.now), "beat")
    item = an_item(at(600))
    plan(gateway, item)
    gateway.wait(120)
    gateway.now -= timedelta(days=365 * 56)
    gateway.boot()
    gateway.get_clips()
    gateway.wait(60)
    gateway.step_clock(int(timedelta(days=365 * 56).total_seconds() * 1000))
    gateway.hear(gateway.pen.beat(gateway.now), "beat")
    gateway.wait_until(at(700))
    assert gateway.sounded == [(item.broadcast_id, at(600))]


def test_an_order_sent_again_under_a_new_id_is_already_done(gateway: SimulatedGateway) -> None:
    loud = gateway.pen.volume(gateway.now, 90)
    gateway.hear(loud)
    gateway.hear(gateway.pen.volume(gateway.now, 20))
    gateway.hear(again(loud, gateway.pen, gateway.now))
    assert gateway.volume == 20
    assert gateway.reports(Event.RECEIVED)[0].orders == (loud.order_id,)
    assert len(gateway.reports(Event.RECEIVED)) == 2


def test_a_clip_lost_before_the_start_makes_an_item_wait_again(gateway: SimulatedGateway) -> None:
    item = an_item(at(60))
    plan(gateway, item)
    gateway.get_clips()
    gateway.lose_clips("a" * 64)
    gateway.wait_until(at(70))
    gateway.get_clips("a" * 64)
    gateway.wait(20)
    assert gateway.sounded == [(item.broadcast_id, at(70))]
    assert gateway.told(item.broadcast_id) == PLAYED


def test_an_unknown_broadcast_in_a_beat_makes_the_gateway_say_its_state(gateway: SimulatedGateway) -> None:
    said = len(gateway.states)
    gateway.hear(gateway.pen.beat(gateway.now), "beat")
    assert len(gateway.states) == said
    gateway.hear(gateway.pen.beat(gateway.now, open_orders=(an_id(),)), "beat")
    gateway.hear(gateway.pen.beat(gateway.now, plan_version=3), "beat")
    assert len(gateway.states) == said + 2


def test_an_order_for_now_is_not_held_up_by_a_slow_clock(gateway: SimulatedGateway) -> None:
    gateway.hear(gateway.pen.beat(gateway.now + seconds(20)), "beat")
    for key, priority in ((ROUTINE, "normal"), (EMERGENCY, "emergency")):
        item = an_item(gateway.now + seconds(20), priority=priority)
        order = gateway.pen.play(gateway.now + seconds(20), item, boot=gateway.boots[-1])
        gateway.hear(order, "emergency" if key is EMERGENCY else "order", key=key)
        gateway.get_clips()
        began = gateway.now
        gateway.wait(10)
        assert gateway.sounded[-1] == (item.broadcast_id, began)


def test_a_plan_says_nothing_of_what_comes_after_its_end(gateway: SimulatedGateway) -> None:
    tail = an_item(at(120))
    plan(gateway, tail)
    gateway.hear(gateway.pen.plan(gateway.now, until_at=at(100)), "plan")
    gateway.get_clips()
    gateway.wait(200)
    assert gateway.told(tail.broadcast_id)[-1] == ("played", None)


def test_one_beat_that_was_held_up_does_not_make_a_right_clock_wrong(gateway: SimulatedGateway) -> None:
    gateway.hear(gateway.pen.beat(gateway.now), "beat")
    gateway.wait(60)
    gateway.hear(gateway.pen.beat(gateway.now - seconds(40)), "beat")
    gateway.lose()
    item = an_item(gateway.now + seconds(30))
    plan(gateway, item)
    gateway.get_clips()
    gateway.wait(60)
    assert gateway.told(item.broadcast_id)[-1] == ("played", None)


def test_a_second_beat_that_says_the_same_is_believed(gateway: SimulatedGateway) -> None:
    gateway.hear(gateway.pen.beat(gateway.now), "beat")
    for _ in range(2):
        gateway.wait(60)
        gateway.hear(gateway.pen.beat(gateway.now - seconds(40)), "beat")
    item = an_item(gateway.now + seconds(10))
    plan(gateway, item)
    gateway.get_clips()
    gateway.wait(20)
    assert gateway.sounded == []
