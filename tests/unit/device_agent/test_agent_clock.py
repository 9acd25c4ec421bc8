"""A gateway's clock: wrong at boot, set forwards and back, right at last. Nothing sounds by a wrong one."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clocks import SetClock
from support.signing import EMERGENCY, NOON, a_clip, an_item
from support.simulated import SimulatedGateway

from device_agent.clock_trust import MAX_AWAY, MAX_DELAY, MAX_OFFSET, BoxClock, ClockTrust
from device_agent.clock_watch import ClockWatch
from device_agent.effects import ClockStepped
from device_agent.views import wanted_clips
from wire.types import ClockVoucher, Event

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


@pytest.mark.parametrize("ahead", WRONG, ids=str)
def test_repeats_ordered_ahead_keep_their_distance_though_the_clock_stays_wrong(ahead: timedelta) -> None:
    gateway = SimulatedGateway(now=NOON + ahead)
    gateway.connect()
    gateway.hear(gateway.pen.beat(NOON), "beat")
    repeats = [an_item(NOON + timedelta(minutes=m), priority="emergency") for m in (0, 1, 2)]
    for item in repeats:
        sealed = gateway.pen.play(NOON, item, boot=gateway.boots[-1])
        gateway.hear(sealed, "emergency", key=EMERGENCY)
    gateway.get_clips()
    began_at = gateway.now
    gateway.wait(150)
    starts = [(broadcast_id, at - began_at) for broadcast_id, at in gateway.sounded]
    assert [broadcast_id for broadcast_id, _ in starts] == [item.broadcast_id for item in repeats]
    for (_, waited), minutes in zip(starts, (0, 1, 2), strict=True):
        assert abs(waited - timedelta(minutes=minutes)) < timedelta(seconds=2)


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


@pytest.mark.parametrize("step_ms", [600_000, -600_000])
def test_a_clock_that_is_set_between_two_looks_is_read_as_before_until_the_next_look(step_ms: int) -> None:
    clock = SetClock(NOON)
    watch = ClockWatch(clock, lambda: NOBODY_VOUCHES)
    assert watch.step_ms() is None
    clock.step_ms(step_ms)
    clock.pass_s(0.25)
    assert watch.now() == NOON + timedelta(seconds=0.25), "what is due in ten minutes is not late by now"
    assert watch.step_ms() == step_ms
    assert watch.now() == clock.now()


@pytest.mark.parametrize("step", [timedelta(minutes=10), timedelta(minutes=-10), YEAR], ids=str)
def test_an_emergency_that_waits_for_its_clip_sounds_however_the_clock_is_set_meanwhile(
    step: timedelta,
) -> None:
    gateway = SimulatedGateway()
    gateway.connect()
    gateway.hear(gateway.pen.beat(NOON), "beat")
    urgent = an_item(NOON, priority="emergency")
    gateway.hear(gateway.pen.play(NOON, urgent, boot=gateway.boots[-1]), "emergency", key=EMERGENCY)
    gateway.wait(2)
    gateway.step_clock(round(step / timedelta(milliseconds=1)))
    gateway.wait(2)
    assert gateway.told(urgent.broadcast_id) == [("received", None)]
    gateway.get_clips()
    gateway.wait(5)
    ((broadcast_id, at),) = gateway.sounded
    assert broadcast_id == urgent.broadcast_id
    assert at - step - NOON < timedelta(seconds=6)


def test_repeats_that_lie_ahead_keep_their_distance_when_a_right_clock_is_set_wrong() -> None:
    gateway = SimulatedGateway()
    gateway.connect()
    gateway.hear(gateway.pen.beat(NOON), "beat")
    later = an_item(NOON + timedelta(seconds=60), priority="emergency")
    gateway.hear(gateway.pen.play(NOON, later, boot=gateway.boots[-1]), "emergency", key=EMERGENCY)
    gateway.get_clips()
    for step_ms in (3_600_000, -7_200_000, 3_600_000):
        gateway.wait(10)
        gateway.step_clock(step_ms)
    gateway.wait(60)
    ((_, at),) = gateway.sounded
    assert abs(at - later.start_at) < timedelta(seconds=1)


def test_a_player_learns_of_a_step_before_it_is_asked_for_anything_by_the_new_time() -> None:
    gateway = SimulatedGateway()
    gateway.connect()
    gateway.hear(gateway.pen.beat(NOON), "beat")
    gateway.hear(gateway.pen.plan(NOON, an_item(NOON + timedelta(minutes=5), late_limit_ms=600_000)), "plan")
    gateway.get_clips()
    effects = gateway.core.on_clock_stepped(300_000, NOON + timedelta(minutes=5))
    assert effects[0] == ClockStepped(300_000)


NOBODY_VOUCHES = BoxClock("second boot", None)


def a_gateway_with_a_plan(*starts_s: float) -> tuple[SimulatedGateway, list[str]]:
    """Return one that a beat has told the time in its first boot, and that is now cut off."""
    gateway = SimulatedGateway(box=BoxClock("first boot", None))
    gateway.connect()
    gateway.hear(gateway.pen.beat(NOON), "beat")
    items = [an_item(NOON + timedelta(seconds=each), late_limit_ms=10_000) for each in starts_s]
    gateway.hear(gateway.pen.plan(NOON, *items), "plan")
    gateway.get_clips()
    gateway.lose()
    return gateway, [item.broadcast_id for item in items]


@given(
    off=st.timedeltas(timedelta(), timedelta(hours=2)) | st.timedeltas(timedelta(), timedelta(days=20)),
    starts_s=st.lists(st.integers(1, 360), min_size=1, max_size=4, unique=True),
    alone_s=st.integers(0, 1_800),
)
@settings(max_examples=40, deadline=None)
def test_a_restored_clock_lets_nothing_routine_sound_and_gives_nothing_up(
    off: timedelta, starts_s: list[int], alone_s: int
) -> None:
    gateway, items = a_gateway_with_a_plan(*(each * 10.0 for each in starts_s))
    gateway.box = NOBODY_VOUCHES
    gateway.boot()
    gateway.get_clips()
    gateway.wait(alone_s)
    assert gateway.sounded == []
    assert all(item in gateway.core.playback.entries for item in items), "nothing is given up meanwhile"

    truly = gateway.now + off
    gateway.connect()
    gateway.hear(gateway.pen.beat(truly), "beat")
    gateway.step_clock(round(off / timedelta(milliseconds=1)))
    gateway.wait_until(NOON + timedelta(minutes=62))
    starts = {item: NOON + timedelta(seconds=each * 10) for item, each in zip(items, starts_s, strict=True)}
    for item, start_at in starts.items():
        said = gateway.told(item)[-1]
        if start_at + timedelta(seconds=10) < truly:
            assert said == ("missed", "clock_untrusted")
        elif start_at > truly:
            assert said[0] == "played" or said == ("missed", "busy")
    assert all(abs(at - starts[item]) <= timedelta(seconds=10) for item, at in gateway.sounded)


@pytest.mark.parametrize("vouched", [True, False])
def test_what_vouches_later_for_a_clock_lets_the_plan_go_on(*, vouched: bool) -> None:
    gateway, (missed, played) = a_gateway_with_a_plan(30, 300)
    gateway.box = NOBODY_VOUCHES
    gateway.boot()
    gateway.get_clips()
    gateway.wait(120)
    assert gateway.core.is_unvouched
    if vouched:
        gateway._do(gateway.core.on_clock_vouched(ClockVoucher.NTP, gateway.now))
        assert not gateway.core.is_unvouched
    gateway.wait(600)
    assert [item for item, _ in gateway.sounded] == ([played] if vouched else [])
    assert gateway.told(missed)[-1] == (("missed", "clock_untrusted") if vouched else ("ready", None))


@pytest.mark.parametrize(
    ("box", "voucher"),
    [
        (BoxClock("first boot", None), ClockVoucher.SAME_BOOT),
        (BoxClock("second boot", ClockVoucher.RTC), ClockVoucher.RTC),
        (BoxClock("second boot", None), ClockVoucher.NOBODY),
        (BoxClock(None, None), ClockVoucher.NOBODY),
    ],
)
def test_a_clock_is_believed_again_in_the_same_boot_or_if_something_vouches(
    box: BoxClock, voucher: ClockVoucher
) -> None:
    gateway, (item,) = a_gateway_with_a_plan(60)
    gateway.box = box
    gateway.boot()
    gateway.get_clips()
    gateway.wait(120)
    assert [one for one, _ in gateway.sounded] == ([] if voucher is ClockVoucher.NOBODY else [item])
    assert {each.clock_vouched_by for each in gateway.health} == {voucher}


def test_a_restart_in_a_boot_in_which_nobody_vouched_believes_no_more_than_before() -> None:
    gateway, (item,) = a_gateway_with_a_plan(60)
    gateway.box = NOBODY_VOUCHES
    for _ in range(2):
        gateway.boot()
        gateway.get_clips()
    gateway.wait(120)
    assert gateway.sounded == []
    # A beat that says it is wrong is no reason to believe it after the next restart either.
    gateway.connect()
    gateway.hear(gateway.pen.beat(gateway.now - timedelta(days=5)), "beat")
    gateway.lose()
    gateway.boot()
    assert gateway.core.is_unvouched
    assert item in gateway.core.playback.entries


def test_a_clock_that_nobody_vouches_for_neither_delays_an_emergency_nor_revives_one() -> None:
    gateway, _ = a_gateway_with_a_plan(600)
    gateway.box = NOBODY_VOUCHES
    gateway.boot()
    gateway.connect()
    over = an_item(NOON - timedelta(hours=3), priority="emergency")
    gateway.hear(
        gateway.pen.play(NOON - timedelta(hours=3), over, exp=NOON - timedelta(hours=2)),
        "emergency",
        key=EMERGENCY,
    )
    truly = NOON + timedelta(days=2)
    urgent = an_item(truly, priority="emergency")
    gateway.hear(gateway.pen.play(truly, urgent), "emergency", key=EMERGENCY)
    gateway.get_clips()
    gateway.wait(30)
    assert [item for item, _ in gateway.sounded] == [urgent.broadcast_id]
    assert gateway.reports(Event.REJECTED)[-1].reason == "expired"


@pytest.mark.parametrize("ahead", [YEAR, -YEAR], ids=str)
def test_when_a_clip_is_needed_is_told_by_the_true_time(ahead: timedelta) -> None:
    gateway = SimulatedGateway(now=NOON + ahead)
    gateway.connect()
    gateway.hear(gateway.pen.beat(NOON), "beat")
    item, urgent = (
        an_item(NOON + timedelta(hours=1)),
        an_item(NOON, clips=(a_clip("b"),), priority="emergency"),
    )
    gateway.hear(gateway.pen.plan(NOON, item), "plan")
    gateway.hear(gateway.pen.play(NOON, urgent, boot=gateway.boots[-1]), "emergency", key=EMERGENCY)
    first, then = wanted_clips(gateway.core.playback)
    assert first.sha256 == urgent.clips[0].sha256
    assert first.needed_at <= NOON
    assert then.needed_at == item.start_at
    assert gateway.core.true_now(gateway.now) == NOON
