"""Two things for the same loudspeakers at the same time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.conflicts import Conflict, Slot, Winner, find_conflicts, next_free_start
from schedules.quiet_hours import Interval, QuietHours
from wire.types import Priority

FIVE = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
"""05:00 in Việt Nam."""


def between(start: int, end: int) -> Interval:
    return Interval(FIVE + timedelta(minutes=start), FIVE + timedelta(minutes=end))


def slot(start: int, end: int, priority: Priority = Priority.NORMAL, key: str = "booked") -> Slot:
    return Slot(key, between(start, end), priority)


@pytest.mark.parametrize(
    ("wanted", "booked", "winner"),
    [
        (slot(0, 20, Priority.PRIORITY), slot(10, 30), Winner.WANTED),
        (slot(10, 30, Priority.PRIORITY), slot(0, 20), Winner.WANTED),
        (slot(0, 20), slot(10, 30, Priority.PRIORITY), Winner.BOOKED),
        (slot(0, 20, Priority.PRIORITY), slot(10, 30, Priority.EMERGENCY), Winner.BOOKED),
        (slot(0, 20), slot(10, 30), Winner.WANTED),
        (slot(10, 30), slot(0, 20), Winner.BOOKED),
        (slot(0, 30), slot(0, 20), Winner.BOOKED),
    ],
)
def test_priority_wins_then_the_earlier_start_then_what_is_booked(
    wanted: Slot, booked: Slot, winner: Winner
) -> None:
    (conflict,) = find_conflicts(wanted, [booked])
    assert conflict.winner is winner


def test_a_conflict_says_when_both_would_sound() -> None:
    assert find_conflicts(slot(0, 20), [slot(15, 30)]) == (
        Conflict(slot(15, 30), between(15, 20), Winner.WANTED),
    )


def test_conflicts_come_by_start() -> None:
    booked = [slot(20, 40, key="later"), slot(0, 10, key="earlier")]
    found = find_conflicts(slot(5, 30), booked)
    assert [conflict.booked.key for conflict in found] == ["earlier", "later"]


def test_slots_that_only_touch_do_not_conflict() -> None:
    assert find_conflicts(slot(10, 20), [slot(0, 10), slot(20, 30)]) == ()


def test_a_free_start_is_kept() -> None:
    assert next_free_start(between(10, 20), [slot(0, 10), slot(20, 30)]) == FIVE + timedelta(minutes=10)


def test_the_next_free_start_lies_behind_the_last_that_leaves_too_little_room() -> None:
    booked = [slot(0, 10), slot(15, 25), slot(34, 40)]
    assert next_free_start(between(5, 15), booked) == FIVE + timedelta(minutes=40)
    assert next_free_start(between(5, 14), booked) == FIVE + timedelta(minutes=25)


def test_a_slot_inside_another_is_not_forgotten() -> None:
    assert next_free_start(between(0, 10), [slot(0, 60), slot(5, 10)]) == FIVE + timedelta(minutes=60)


def test_the_next_free_start_keeps_clear_of_quiet_hours() -> None:
    evening = [slot(15 * 60, 15 * 60 + 50)]
    wanted = between(15 * 60 + 10, 15 * 60 + 40)
    assert next_free_start(wanted, evening) == FIVE + timedelta(hours=15, minutes=50)
    assert next_free_start(wanted, evening, QuietHours()) == FIVE + timedelta(hours=24)


def test_what_is_too_long_for_any_day_has_no_free_start() -> None:
    assert next_free_start(between(0, 17 * 60), [], QuietHours()) is None


def test_a_slot_without_a_length_is_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        slot(5, 5)


slots = st.builds(
    lambda start, length: slot(start, start + length), st.integers(-60, 120), st.integers(1, 60)
)


@given(booked=st.lists(slots, max_size=8), length=st.integers(1, 60))
def test_a_free_start_conflicts_with_nothing_and_no_earlier_minute_would_do(
    booked: list[Slot], length: int
) -> None:
    start = next_free_start(between(0, length), booked)
    assert start is not None
    minutes = (start - FIVE) // timedelta(minutes=1)
    assert not find_conflicts(slot(minutes, minutes + length), booked)
    assert all(find_conflicts(slot(early, early + length), booked) for early in range(minutes))
