"""What a gateway keeps to whoever orders what: the second lock, at the horn itself."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.signing import EMERGENCY, NOON, a_clip, an_item
from support.simulated import SimulatedGateway

from device_agent.entries import Entry
from device_agent.guards import Guards
from device_agent.instants import seconds
from device_agent.journal import MemoryJournal
from wire.messages import DailySpan, Item, VolumeCap
from wire.types import Event

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NIGHT = DailySpan(from_minute=21 * 60, to_minute=5 * 60)


@pytest.fixture
def gateway() -> SimulatedGateway:
    gateway = SimulatedGateway()
    gateway.connect()
    return gateway


def local(hour: int, minute: int = 0, second: int = 0, *, day: int = 24) -> datetime:
    return datetime(2026, 11, day, hour, minute, second, tzinfo=ZONE)


def plan(gateway: SimulatedGateway, *items: Item) -> None:
    gateway.hear(gateway.pen.plan(gateway.now, *items), "plan")
    gateway.get_clips(*(clip.sha256 for item in items for clip in item.clips))


def configure(gateway: SimulatedGateway, version: int = 1, **changes: object) -> None:
    gateway.hear(gateway.pen.config(gateway.now, version, **changes))


@pytest.mark.parametrize(
    ("start_at", "ends"),
    [
        (local(20, 59, 55), ("played", None)),
        (local(20, 59, 57), ("rejected", "quiet_hours")),
        (local(21), ("rejected", "quiet_hours")),
        (local(3, 15, day=25), ("rejected", "quiet_hours")),
        (local(4, 59, 59, day=25), ("rejected", "quiet_hours")),
        (local(5, day=25), ("played", None)),
    ],
)
def test_nothing_routine_sounds_in_quiet_hours_not_even_its_end(
    gateway: SimulatedGateway, start_at: datetime, ends: tuple[str, str | None]
) -> None:
    configure(gateway, quiet=(NIGHT,))
    item = an_item(start_at)
    plan(gateway, item)
    gateway.wait_until(local(6, day=25))
    assert gateway.told(item.broadcast_id)[-1] == ends
    assert bool(gateway.sounded) == (ends[0] == "played")


def test_an_emergency_sounds_at_night(gateway: SimulatedGateway) -> None:
    configure(gateway, quiet=(NIGHT,), longest_ms=1_000)
    gateway.wait_until(local(3, day=25))
    warning = an_item(gateway.now, priority="emergency")
    gateway.hear(gateway.pen.play(gateway.now, warning), "emergency", key=EMERGENCY)
    gateway.get_clips()
    gateway.wait(10)
    assert gateway.told(warning.broadcast_id)[-1] == ("played", None)


def test_what_an_emergency_has_pushed_into_the_night_does_not_come_back(gateway: SimulatedGateway) -> None:
    configure(gateway, quiet=(NIGHT,))
    news = an_item(local(20, 58), clips=(a_clip("b", 110_000),))
    plan(gateway, news)
    gateway.wait_until(local(20, 59))
    warning = an_item(gateway.now, clips=(a_clip("c", 30_000),), priority="emergency")
    gateway.hear(gateway.pen.play(gateway.now, warning), "emergency", key=EMERGENCY)
    gateway.get_clips()
    gateway.wait_until(local(22))
    assert gateway.told(news.broadcast_id)[-1] == ("preempted", "quiet_hours")
    assert [each.broadcast_id for each in gateway.stretches] == [news.broadcast_id, warning.broadcast_id]


def test_what_is_longer_than_allowed_does_not_begin(gateway: SimulatedGateway) -> None:
    configure(gateway, longest_ms=60_000)
    item = an_item(NOON + seconds(10), clips=(a_clip("b", 20_000),), repeat=4)
    plan(gateway, item)
    gateway.wait(60)
    assert gateway.told(item.broadcast_id)[-1] == ("rejected", "too_long")
    assert gateway.sounded == []


def test_a_planned_item_starts_later_by_the_gateways_own_offset_and_an_emergency_does_not(
    gateway: SimulatedGateway,
) -> None:
    before, after = an_item(NOON + seconds(10)), an_item(NOON + seconds(30))
    plan(gateway, before)
    configure(gateway, start_offset_ms=700)
    plan(gateway, before, after)
    gateway.wait(60)
    warning = an_item(gateway.now, priority="emergency")
    gateway.hear(gateway.pen.play(gateway.now, warning), "emergency", key=EMERGENCY)
    gateway.wait(10)
    assert gateway.sounded == [
        (before.broadcast_id, NOON + seconds(10.7)),
        (after.broadcast_id, NOON + seconds(30.7)),
        (warning.broadcast_id, NOON + seconds(60)),
    ]


def test_the_volume_is_capped_by_the_hour_and_comes_back(gateway: SimulatedGateway) -> None:
    gateway.hear(gateway.pen.volume(gateway.now, 90))
    configure(gateway, volume_caps=(VolumeCap(from_minute=18 * 60, to_minute=6 * 60, percent=40),))
    heard = []
    for hour in (17, 18, 23):
        gateway.wait_until(local(hour))
        heard.append(gateway.volume)
    for hour in (5, 6, 12):
        gateway.wait_until(local(hour, day=25))
        heard.append(gateway.volume)
    assert heard == [90, 40, 40, 40, 90, 90]


def test_an_older_configuration_does_not_take_the_place_of_a_newer_one(gateway: SimulatedGateway) -> None:
    configure(gateway, 2, longest_ms=1_000)
    configure(gateway, 1)
    assert gateway.core.playback.guards.version == 2
    assert len(gateway.reports(Event.RECEIVED)) == 2


def test_the_configuration_survives_a_power_cut() -> None:
    gateway = SimulatedGateway(MemoryJournal("01930000-0000-7000-8000-0000000000c0"))
    gateway.connect()
    configure(gateway, quiet=(NIGHT,))
    gateway.boot()
    assert gateway.core.playback.guards.config is not None
    assert gateway.core.playback.guards.config.quiet == (NIGHT,)


def test_a_zone_that_this_box_does_not_know_is_refused_and_the_old_rules_stay(
    gateway: SimulatedGateway,
) -> None:
    configure(gateway, 1, quiet=(NIGHT,))
    configure(gateway, 2, zone="Mars/Olympus_Mons")
    assert gateway.core.playback.guards.version == 1
    assert gateway.reports(Event.REJECTED)[-1].reason == "unknown_zone"


def test_prepared_warnings_are_wanted_and_kept(gateway: SimulatedGateway) -> None:
    clip = a_clip("b")
    configure(gateway, pinned=(clip,))
    assert gateway.pinned == {clip.sha256}
    configure(gateway, 2)
    assert gateway.pinned == set()


@given(
    st.sampled_from(["Asia/Ho_Chi_Minh", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001 - Hypothesis takes naive ones
    st.integers(1, 3_600_000),
)
def test_an_item_is_let_through_only_if_no_minute_of_it_is_quiet(
    zone: str, from_minute: int, to_minute: int, start: datetime, duration_ms: int
) -> None:
    gateway = SimulatedGateway()
    span = DailySpan(from_minute=from_minute, to_minute=to_minute)
    config = gateway.pen.config(NOON, zone=zone, quiet=(span,))
    start_at = start.replace(tzinfo=ZoneInfo("UTC"))
    item = an_item(start_at, clips=(a_clip("b", duration_ms),))
    refused = Guards(config).forbids(Entry(item=item, due_at=start_at, arrived=1), start_at)

    def quiet(at: datetime) -> bool:
        clock = at.astimezone(ZoneInfo(zone))
        minute = clock.hour * 60 + clock.minute
        if from_minute < to_minute:
            return from_minute <= minute < to_minute
        return minute >= from_minute or minute < to_minute

    steps = range(0, duration_ms, 20_000)
    if any(quiet(start_at + timedelta(milliseconds=step)) for step in steps):
        assert refused == "quiet_hours"
