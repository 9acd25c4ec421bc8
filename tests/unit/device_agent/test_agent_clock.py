"""A gateway's clock: wrong at boot, set forwards and back, right at last. Nothing sounds by a wrong one."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.signing import EMERGENCY, NOON, an_item
from support.simulated import SimulatedGateway

from device_agent.clock_trust import MAX_AWAY, MAX_DELAY, MAX_OFFSET, ClockTrust
from wire.types import Event

YEAR = timedelta(days=365)
IN_1970 = datetime(1970, 1, 1, 0, 0, 10, tzinfo=NOON.tzinfo)
WRONG = [IN_1970 - NOON, YEAR, -YEAR, timedelta(minutes=10), timedelta(minutes=-10)]
STEPS = st.lists(
    st.one_of(
        st.sampled_from([round(each / timedelta(milliseconds=1)) for each in WRONG]),
        st.integers(-90_000, 90_000),
    ),
    max_size=6,
)


@given(steps_ms=STEPS, floor_s=st.none() | st.integers(-90 * 86_400, 0))
def test_after_a_beat_the_true_time_is_known_however_the_clock_is_set(
    steps_ms: list[int], floor_s: int | None
) -> None:
    floor_at = None if floor_s is None else NOON + timedelta(seconds=floor_s)
    trust = ClockTrust(floor_at=floor_at).heard(NOON, NOON)
    ahead = timedelta()
    for step_ms in steps_ms:
        ahead += timedelta(milliseconds=step_ms)
        trust = trust.stepped(step_ms)
        moment = trust.at(NOON + ahead)
        assert moment.true_now == (NOON if not moment.trusted else NOON + ahead)
        assert abs(moment.true_now - NOON) <= MAX_OFFSET
        assert moment.trusted == (abs(ahead) <= MAX_OFFSET)


@given(
    ahead=st.timedeltas(-60 * YEAR, 2 * YEAR),
    beats=st.lists(st.floats(0, 1), min_size=2, max_size=5),
)
def test_two_beats_tell_any_clock_to_within_their_own_delay(ahead: timedelta, beats: list[float]) -> None:
    """However the first was held up: at most three minutes (a stalled link), as the second may be."""
    trust, at = ClockTrust(), NOON
    for delay_s in beats:
        trust = trust.heard(at, at + ahead + timedelta(seconds=delay_s))
        at += timedelta(seconds=60)
    measured = timedelta(milliseconds=trust.offset_ms or 0)
    assert -timedelta(seconds=1.001) <= measured + ahead <= timedelta(seconds=0.001)


@given(ahead=st.timedeltas(-60 * YEAR, 2 * YEAR))
def test_an_unconfirmed_clock_is_believed_only_near_what_was_last_known(ahead: timedelta) -> None:
    moment = ClockTrust(floor_at=NOON).at(NOON + ahead)
    assert moment.trusted == (-MAX_OFFSET <= ahead <= MAX_AWAY)
    assert moment.true_now == (NOON + ahead if moment.trusted else NOON)
    assert not moment.confirmed


def test_the_floor_is_the_newest_date_that_the_controller_has_signed() -> None:
    trust = ClockTrust().passed(NOON)
    assert trust.passed(NOON - YEAR).floor_at == NOON
    assert trust.passed(NOON + YEAR).floor_at == NOON + YEAR
    assert not trust.at(IN_1970).trusted


def test_one_late_beat_does_not_make_a_right_clock_wrong() -> None:
    trust = ClockTrust().heard(NOON, NOON).heard(NOON, NOON + MAX_DELAY)
    assert trust.at(NOON + MAX_DELAY).trusted


@pytest.mark.parametrize("ahead", WRONG, ids=str)
def test_a_plan_survives_a_boot_with_a_wrong_clock_and_sounds_once_it_is_right(ahead: timedelta) -> None:
    gateway = SimulatedGateway()
    gateway.connect()
    item = an_item(NOON + timedelta(minutes=20))
    gateway.hear(gateway.pen.beat(NOON), "beat")
    gateway.hear(gateway.pen.plan(NOON, item), "plan")
    gateway.get_clips()
    gateway.lose()

    gateway.now = NOON + timedelta(minutes=1) + ahead
    gateway.boot()
    gateway.get_clips()
    gateway.wait(60)
    assert gateway.sounded == []
    assert gateway.told(item.broadcast_id)[-1][0] == "ready", "not given up"

    gateway.connect()
    gateway.hear(gateway.pen.beat(NOON + timedelta(minutes=2)), "beat")
    gateway.step_clock(-round(ahead / timedelta(milliseconds=1)))
    gateway.wait_until(NOON + timedelta(minutes=21))
    assert gateway.sounded == [(item.broadcast_id, item.start_at)]


@pytest.mark.parametrize("ahead", WRONG, ids=str)
def test_with_a_clock_that_stays_wrong_only_the_emergency_sounds(ahead: timedelta) -> None:
    gateway = SimulatedGateway(now=NOON + ahead)
    gateway.connect()
    gateway.hear(gateway.pen.beat(NOON), "beat")
    assert abs(gateway.states[-1].clock_offset_ms * timedelta(milliseconds=1) + ahead) < timedelta(seconds=1)  # type: ignore[operator]
    routine = an_item(NOON + timedelta(seconds=20), late_limit_ms=10_000)
    urgent = an_item(NOON, priority="emergency")
    gateway.hear(gateway.pen.plan(NOON, routine), "plan")
    gateway.hear(gateway.pen.play(NOON, urgent, boot=gateway.boots[-1]), "emergency", key=EMERGENCY)
    gateway.get_clips()
    gateway.wait(60)
    assert [broadcast_id for broadcast_id, _ in gateway.sounded] == [urgent.broadcast_id]
    assert gateway.told(routine.broadcast_id)[-1] == ("missed", "clock_untrusted")
    for report in gateway.reports(Event.PLAYING, Event.PLAYED):
        assert report.started_at is not None
        assert abs(report.started_at - NOON) < timedelta(seconds=2), "the record has the real time"
    said_at = [report.at for report in gateway.reports()]
    assert NOON <= min(said_at) <= max(said_at) <= NOON + timedelta(seconds=61)


@pytest.mark.parametrize("ahead", [IN_1970 - NOON, YEAR, -YEAR], ids=str)
def test_a_box_that_woke_up_in_another_year_is_not_attacked_by_its_controller(ahead: timedelta) -> None:
    gateway = SimulatedGateway(now=NOON + ahead)
    gateway.connect()
    item = an_item(NOON + timedelta(minutes=1))
    plan = gateway.pen.plan(NOON, item)
    gateway.hear(plan, "plan")
    assert gateway.reports(Event.REJECTED) == []
    gateway.hear(gateway.pen.beat(NOON, plan_version=1), "beat")
    assert gateway.states[-1].plan_version == 0, "it asks for the plan"
    gateway.hear(plan, "plan")
    assert gateway.reports(Event.REJECTED) == []
    assert gateway.told(item.broadcast_id) == []
    assert item.broadcast_id in gateway.core.playback.entries


def test_a_clock_set_by_minutes_is_told_at_once() -> None:
    gateway = SimulatedGateway()
    gateway.connect()
    gateway.hear(gateway.pen.beat(NOON), "beat")
    gateway.step_clock(600_000)
    assert gateway.states[-1].clock_offset_ms == -600_000
    gateway.step_clock(-600_000)
    assert gateway.states[-1].clock_offset_ms == 0
