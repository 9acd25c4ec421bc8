"""What is cut off by something higher, and how it comes back."""

from datetime import datetime

import pytest
from support.ear import Stretch
from support.signing import EMERGENCY, NOON, ROUTINE, a_clip, an_id, an_item
from support.simulated import SimulatedGateway

from device_agent.ending import FADE_MS
from device_agent.instants import seconds
from wire.envelope import SigningKey
from wire.messages import Item
from wire.types import AfterPreemption, Event

MINUTE = a_clip("b", 60_000)


@pytest.fixture
def gateway() -> SimulatedGateway:
    gateway = SimulatedGateway()
    gateway.connect()
    return gateway


def at(offset_s: float) -> datetime:
    return NOON + seconds(offset_s)


def plan(gateway: SimulatedGateway, *items: Item) -> None:
    gateway.hear(gateway.pen.plan(gateway.now, *items), "plan")
    gateway.get_clips(*(clip.sha256 for item in items for clip in item.clips))


def order(gateway: SimulatedGateway, item: Item, key: SigningKey = EMERGENCY) -> None:
    message = gateway.pen.play(gateway.now, item, boot=gateway.boots[-1])
    gateway.hear(message, "emergency" if key is EMERGENCY else "order", key=key)
    gateway.get_clips(*(clip.sha256 for clip in item.clips))


def heard(gateway: SimulatedGateway, item: Item) -> list[tuple[int, int]]:
    return [
        (each.from_ms, each.to_ms) for each in gateway.stretches if each.broadcast_id == item.broadcast_id
    ]


def test_news_cut_off_by_an_emergency_go_on_where_they_were(gateway: SimulatedGateway) -> None:
    news = an_item(at(10), clips=(MINUTE,))
    plan(gateway, news)
    gateway.wait_until(at(30))
    warning = an_item(at(30), priority="emergency")
    order(gateway, warning)
    gateway.wait(120)
    assert heard(gateway, news) == [(0, 20_000), (20_000 - FADE_MS, 60_000)]
    assert gateway.stretches[-1].at == at(34)
    assert gateway.told(news.broadcast_id)[1:] == [
        ("playing", None),
        ("paused", None),
        ("resumed", None),
        ("played", None),
    ]
    (paused,) = gateway.reports(Event.PAUSED)
    assert (paused.by, paused.played_ms, paused.expected_ms) == (warning.broadcast_id, 20_000, 60_000)
    (played,) = gateway.reports(Event.PLAYED)[1:]
    assert played.played_ms == played.expected_ms == 60_000


def test_a_notice_to_be_restarted_begins_anew_and_counts_once(gateway: SimulatedGateway) -> None:
    notice = an_item(at(10), clips=(MINUTE,), after_preemption=AfterPreemption.RESTART)
    plan(gateway, notice)
    gateway.wait_until(at(30))
    order(gateway, an_item(at(30), priority="emergency"))
    gateway.wait(120)
    assert heard(gateway, notice) == [(0, 20_000), (0, 60_000)]
    assert gateway.reports(Event.PLAYED)[-1].played_ms == 60_000


def test_a_relay_to_be_dropped_ends_where_it_was_cut_off(gateway: SimulatedGateway) -> None:
    relay = an_item(at(10), clips=(MINUTE,), after_preemption=AfterPreemption.DROP)
    plan(gateway, relay)
    gateway.wait_until(at(30))
    order(gateway, an_item(at(30), priority="emergency"))
    gateway.wait(120)
    assert heard(gateway, relay) == [(0, 20_000)]
    assert gateway.told(relay.broadcast_id)[-1] == ("preempted", None)


def test_what_pre_empts_is_pre_empted_itself_and_each_comes_back_in_its_turn(
    gateway: SimulatedGateway,
) -> None:
    news = an_item(at(10), clips=(MINUTE,))
    notice = an_item(at(20), clips=(a_clip("c", 30_000),), priority="priority")
    plan(gateway, news, notice)
    gateway.wait_until(at(35))
    warning = an_item(at(35), priority="emergency")
    order(gateway, warning)
    gateway.wait(200)
    order_of_sound = [each.broadcast_id for each in gateway.stretches]
    assert order_of_sound == [each.broadcast_id for each in (news, notice, warning, notice, news)]
    assert heard(gateway, notice) == [(0, 15_000), (15_000 - FADE_MS, 30_000)]
    assert heard(gateway, news) == [(0, 10_000), (10_000 - FADE_MS, 60_000)]
    assert len(gateway.reports(Event.PLAYED)) == 3


def test_an_item_cut_off_twice_is_whole_in_the_end(gateway: SimulatedGateway) -> None:
    news = an_item(at(10), clips=(MINUTE,))
    plan(gateway, news)
    for second in (20, 40):
        gateway.wait_until(at(second))
        order(gateway, an_item(at(second), priority="emergency"))
    gateway.wait(200)
    assert [to_ms for _, to_ms in heard(gateway, news)] == [10_000, 26_000 - FADE_MS, 60_000]
    assert len(gateway.reports(Event.PAUSED)) == 2
    assert gateway.reports(Event.PLAYED)[-1].played_ms == 60_000


def test_what_waits_too_long_to_come_back_is_pre_empted_for_good(gateway: SimulatedGateway) -> None:
    news = an_item(at(10), clips=(MINUTE,), resume_limit_ms=10_000)
    plan(gateway, news)
    gateway.wait_until(at(30))
    warning = an_item(at(30), clips=(a_clip("d", 30_000),), priority="emergency")
    order(gateway, warning)
    gateway.wait(200)
    (ended,) = gateway.reports(Event.PREEMPTED)
    assert (ended.by, ended.played_ms, ended.expected_ms) == (warning.broadcast_id, 20_000, 60_000)
    assert heard(gateway, news) == [(0, 20_000)]


@pytest.mark.parametrize("how", ["stop", "stop all", "cancel"])
def test_what_waits_to_come_back_can_be_stopped(gateway: SimulatedGateway, how: str) -> None:
    news = an_item(at(10), clips=(MINUTE,))
    plan(gateway, news)
    gateway.wait_until(at(30))
    order(gateway, an_item(at(30), priority="emergency"))
    gateway.wait(2)
    pen, now = gateway.pen, gateway.now
    stops = {
        "stop": pen.stop(now, news.broadcast_id),
        "stop all": pen.stop(now, None),
        "cancel": pen.cancel(now, news.broadcast_id),
    }
    gateway.hear(stops[how])
    gateway.wait(200)
    (ended,) = [r for r in gateway.reports(Event.CANCELLED) if news.broadcast_id in r.broadcast_ids]
    assert ended.played_ms == 20_000
    assert heard(gateway, news) == [(0, 20_000)]


def test_a_power_cut_while_it_waits_leaves_it_partial_and_silent(gateway: SimulatedGateway) -> None:
    news = an_item(at(10), clips=(MINUTE,))
    plan(gateway, news)
    gateway.wait_until(at(30))
    order(gateway, an_item(at(30), priority="emergency"))
    gateway.wait(2)
    gateway.boot()
    gateway.get_clips(MINUTE.sha256)
    gateway.wait(200)
    (partial,) = [r for r in gateway.reports(Event.PARTIAL) if news.broadcast_id in r.broadcast_ids]
    assert (partial.reason, partial.played_ms) == ("restarted", 20_000)
    assert heard(gateway, news) == [(0, 20_000)]


def test_a_newer_emergency_takes_the_place_of_the_one_it_names(gateway: SimulatedGateway) -> None:
    old = an_item(at(10), clips=(MINUTE,), priority="emergency")
    gateway.wait_until(at(10))
    order(gateway, old)
    gateway.wait_until(at(20))
    new = an_item(at(20), priority="emergency", supersedes=(old.broadcast_id,))
    order(gateway, new)
    gateway.wait(200)
    assert gateway.stretches == [
        Stretch(old.broadcast_id, at(10), 0, 10_000),
        Stretch(new.broadcast_id, at(20), 0, 4_000),
    ]
    (ended,) = gateway.reports(Event.PREEMPTED)
    assert (ended.by, ended.reason) == (new.broadcast_id, "superseded")


def test_an_emergency_whose_clip_is_not_there_does_not_silence_the_one_it_is_to_replace(
    gateway: SimulatedGateway,
) -> None:
    old = an_item(at(0), clips=(MINUTE,), priority="emergency")
    order(gateway, old)
    gateway.wait_until(at(20))
    new = an_item(at(20), clips=(a_clip("e"),), priority="emergency", supersedes=(old.broadcast_id,))
    gateway.hear(gateway.pen.play(gateway.now, new, boot=gateway.boots[-1]), "emergency", key=EMERGENCY)
    gateway.wait_until(at(30))
    assert [each.broadcast_id for each in gateway.stretches] == [old.broadcast_id]
    gateway.get_clips(*(clip.sha256 for clip in new.clips))
    gateway.wait_until(at(31))
    assert gateway.stretches[-1].broadcast_id == new.broadcast_id


def test_an_emergency_that_names_no_other_waits_for_the_one_that_sounds(gateway: SimulatedGateway) -> None:
    first = an_item(at(0), clips=(a_clip("f", 20_000),), priority="emergency")
    order(gateway, first)
    gateway.wait_until(at(10))
    second = an_item(at(10), priority="emergency")
    order(gateway, second)
    gateway.wait(100)
    assert gateway.sounded == [(first.broadcast_id, at(0)), (second.broadcast_id, at(20))]


def test_a_superseded_order_that_arrives_late_never_begins(gateway: SimulatedGateway) -> None:
    old = an_item(at(0), priority="emergency")
    order(gateway, an_item(at(0), priority="emergency", supersedes=(old.broadcast_id,)))
    gateway.wait(1)
    order(gateway, old)
    gateway.wait(100)
    assert heard(gateway, old) == []
    assert gateway.told(old.broadcast_id) == [("cancelled", "superseded"), ("received", None)]


def test_a_routine_item_cannot_take_the_place_of_an_emergency(gateway: SimulatedGateway) -> None:
    warning = an_item(at(0), clips=(MINUTE,), priority="emergency")
    order(gateway, warning)
    gateway.wait(1)
    unheard = an_id()
    order(gateway, an_item(at(1), supersedes=(warning.broadcast_id, unheard)), ROUTINE)
    gateway.wait(100)
    assert heard(gateway, warning) == [(0, 60_000)]
    assert gateway.told(unheard) == []


def test_an_emergency_silences_what_was_already_fading_for_something_else(gateway: SimulatedGateway) -> None:
    news = an_item(at(10), clips=(MINUTE,))
    notice = an_item(at(20), clips=(a_clip("c", 30_000),), priority="priority")
    plan(gateway, news, notice)
    gateway.wait_until(at(19.7))
    warning = an_item(at(19.7), priority="emergency")
    order(gateway, warning)
    gateway.wait(200)
    assert gateway.sounded[:2] == [(news.broadcast_id, at(10)), (warning.broadcast_id, at(19.7))]
    assert {each.broadcast_id for each in gateway.stretches[2:]} == {news.broadcast_id, notice.broadcast_id}
    assert len(gateway.reports(Event.PLAYED)) == 3


@pytest.mark.parametrize("how", ["stop", "plan"])
def test_what_was_to_make_way_for_something_withdrawn_goes_on_and_still_gives_way_to_an_emergency(
    gateway: SimulatedGateway, how: str
) -> None:
    news = an_item(at(10), clips=(MINUTE,))
    notice = an_item(at(20), clips=(a_clip("c", 30_000),), priority="priority")
    plan(gateway, news, notice)
    gateway.wait_until(at(19.7))
    if how == "stop":
        gateway.hear(gateway.pen.stop(gateway.now, notice.broadcast_id))
    else:
        plan(gateway, news)
    gateway.wait_until(at(30))
    warning = an_item(at(30), priority="emergency")
    order(gateway, warning)
    gateway.wait(200)
    assert heard(gateway, notice) == []
    assert gateway.sounded[:2] == [(news.broadcast_id, at(10)), (warning.broadcast_id, at(30))]
    assert heard(gateway, news) == [(0, 20_000), (20_000 - FADE_MS, 60_000)]


def test_what_the_player_had_opened_is_closed_when_it_never_begins(gateway: SimulatedGateway) -> None:
    plan(gateway, an_item(at(10), clips=(MINUTE,)), an_item(at(12), late_limit_ms=2_000))
    gateway.wait(60)
    assert gateway.cued == set()


def test_a_cancellation_that_comes_after_the_start_can_still_silence_it(gateway: SimulatedGateway) -> None:
    news = an_item(at(10), clips=(MINUTE,))
    plan(gateway, news)
    gateway.wait_until(at(20))
    gateway.hear(gateway.pen.cancel(gateway.now, news.broadcast_id, sounding=True))
    gateway.wait(100)
    assert heard(gateway, news) == [(0, 10_000)]
    assert gateway.told(news.broadcast_id)[-1] == ("cancelled", "cancelled")
