"""Hours in which nothing but an emergency sounds."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.quiet_hours import DailyWindow, Interval, QuietHours

HOME = ZoneInfo("Asia/Ho_Chi_Minh")
MINUTE_MS = 60_000


def at(text: str, zone: ZoneInfo = HOME) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("start", "minutes", "quiet"),
    [
        ("2026-11-24T05:00", 30, False),
        ("2026-11-24T04:59", 30, True),
        ("2026-11-24T03:15", 1, True),
        ("2026-11-24T20:30", 30, False),
        ("2026-11-24T20:30", 31, True),
        ("2026-11-24T21:00", 0, True),
        ("2026-11-24T20:59", 0, False),
        ("2026-11-24T23:59", 5, True),
        ("2026-11-24T05:00", 16 * 60, False),
        ("2026-11-24T05:00", 48 * 60, True),
    ],
)
def test_by_default_nothing_may_sound_from_21_to_5(start: str, minutes: int, quiet: bool) -> None:  # noqa: FBT001
    assert (QuietHours().touched_by(at(start), minutes * MINUTE_MS) is not None) is quiet


def test_the_answer_names_the_window_that_is_in_the_way() -> None:
    window = QuietHours().touched_by(at("2026-11-24T20:30"), 45 * MINUTE_MS)
    assert window == Interval(at("2026-11-24T21:00"), at("2026-11-25T05:00"))


@pytest.mark.parametrize(
    ("start", "minutes", "allowed"),
    [
        ("2026-11-24T03:15", 30, "2026-11-24T05:00"),
        ("2026-11-24T05:00", 30, "2026-11-24T05:00"),
        ("2026-11-24T20:45", 30, "2026-11-25T05:00"),
        ("2026-11-24T21:00", 30, "2026-11-25T05:00"),
        ("2026-11-24T06:00", 16 * 60, "2026-11-25T05:00"),
    ],
)
def test_what_may_not_sound_now_may_sound_next(start: str, minutes: int, allowed: str) -> None:
    assert QuietHours().next_allowed(at(start), minutes * MINUTE_MS) == at(allowed)


def test_what_is_longer_than_the_day_between_two_windows_may_never_sound() -> None:
    assert QuietHours().next_allowed(at("2026-11-24T05:00"), 16 * 60 * MINUTE_MS + 1) is None


def test_windows_that_together_fill_the_day_leave_nothing() -> None:
    whole_day = QuietHours((DailyWindow(time(21), time(5)), DailyWindow(time(5), time(21))))
    assert whole_day.next_allowed(at("2026-11-24T12:00"), 0) is None


def test_a_midday_rest_is_one_more_window() -> None:
    hours = QuietHours((DailyWindow(time(21), time(5)), DailyWindow(time(11, 30), time(13, 30))))
    assert hours.next_allowed(at("2026-11-24T11:15"), 20 * MINUTE_MS) == at("2026-11-24T13:30")
    assert hours.next_allowed(at("2026-11-24T11:10"), 20 * MINUTE_MS) == at("2026-11-24T11:10")


def test_without_windows_everything_may_sound() -> None:
    assert QuietHours(()).touched_by(at("2026-11-24T03:15"), MINUTE_MS) is None


def test_where_an_end_exists_twice_it_is_quiet_until_the_second() -> None:
    hours = QuietHours((DailyWindow(time(21), time(2, 30)),), zone="Europe/Berlin")
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert hours.next_allowed(datetime(2026, 10, 25, 0, 45, tzinfo=UTC), 0) == second


def test_a_window_inside_an_hour_that_does_not_exist_is_never_quiet_before_its_time() -> None:
    hours = QuietHours((DailyWindow(time(2, 15), time(3, 10)),), zone="Europe/Berlin")
    assert hours.touched_by(datetime(2026, 3, 29, 0, 59, tzinfo=UTC), 0) is None


def test_a_window_without_a_length_is_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        DailyWindow(time(5), time(5))


def test_a_negative_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        QuietHours().touched_by(at("2026-11-24T05:00"), -1)


@given(
    start=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    minutes=st.integers(0, 1_200),
    zone=st.sampled_from(["Asia/Ho_Chi_Minh", "Europe/Berlin", "Australia/Lord_Howe"]),
    bounds=st.lists(st.times(timezones=st.none()), min_size=2, max_size=2, unique=True),
)
@settings(deadline=None)
def test_the_next_allowed_start_is_allowed_and_nothing_before_it_is(
    start: datetime, minutes: int, zone: str, bounds: list[time]
) -> None:
    hours = QuietHours((DailyWindow(*bounds),), zone)
    allowed = hours.next_allowed(start, minutes * MINUTE_MS)
    if allowed is not None:
        assert hours.touched_by(allowed, minutes * MINUTE_MS) is None
    until = start + timedelta(days=1) if allowed is None else min(allowed, start + timedelta(days=1))
    earlier = (start + step * (until - start) / 7 for step in range(7) if until > start)
    assert all(hours.touched_by(moment, minutes * MINUTE_MS) is not None for moment in earlier)
