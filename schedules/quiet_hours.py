"""Hours in which nothing but an emergency sounds. Pure.

A relay set to 03:15 once woke a whole commune (Trung Lộc, December 2025); this is the check that a form, a
plan and a gateway can all make. Whether an emergency may pass is the caller's rule, not this module's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from schedules.zones import DEFAULT_ZONE, to_instant, to_local, zone_named

_DAY = timedelta(days=1)
_LOOK_AHEAD = timedelta(days=3)
"""The windows are the same every day, so what finds no room in three, finds none."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From `start_at`, inclusive, to `end_at`, exclusive; aware instants."""

    start_at: datetime
    end_at: datetime

    def overlaps(self, other: "Interval") -> bool:
        """Return whether the two share an instant; those that only touch do not."""
        return self.start_at < other.end_at and other.start_at < self.end_at


@dataclass(frozen=True, slots=True)
class DailyWindow:
    """The same hours of every local day, `start` inclusive to `end` exclusive.

    One that ends before it starts crosses midnight.

    Raises:
        ValueError: It has no length.
    """

    start: time
    end: time

    def __post_init__(self) -> None:
        """Refuse what could be read as nothing or as the whole day."""
        if self.start == self.end:
            raise ValueError("a window needs a length")


DEFAULT_WINDOWS = (DailyWindow(time(21), time(5)),)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The quiet windows of an area; by default 21:00 to 05:00, none at all if `windows` is empty."""

    windows: tuple[DailyWindow, ...] = DEFAULT_WINDOWS
    zone: str = DEFAULT_ZONE

    def touched_by(self, start_at: datetime, duration_ms: int) -> Interval | None:
        """Return the first quiet interval that something played then would sound in, or None.

        Args:
            start_at: When it would start, aware.
            duration_ms: How long it would sound; one that ends just as a window begins touches nothing. With
                0, only its start counts.
        """
        sounding = _sounding(start_at, duration_ms)
        return next((quiet for quiet in self._near(sounding) if quiet.overlaps(sounding)), None)

    def next_allowed(self, start_at: datetime, duration_ms: int) -> datetime | None:
        """Return the first instant from `start_at` on at which something that long sounds in no quiet hour.

        None if it is longer than any stretch between two windows.
        """
        at = start_at
        while at <= start_at + _LOOK_AHEAD:
            quiet = self.touched_by(at, duration_ms)
            if quiet is None:
                return at
            at = quiet.end_at
        return None

    def _near(self, sounding: Interval) -> Iterator[Interval]:
        zone = zone_named(self.zone)
        first = to_local(sounding.start_at, zone).date() - _DAY
        last = to_local(sounding.end_at, zone).date()
        days = (first + number * _DAY for number in range((last - first).days + 1))
        near = (_on(window, day, zone) for day in days for window in self.windows)
        yield from sorted(near, key=lambda quiet: quiet.start_at)


def _sounding(start_at: datetime, duration_ms: int) -> Interval:
    if duration_ms < 0:
        raise ValueError("a length of time cannot be negative")
    # An instant has no length to overlap with; the smallest that `datetime` knows stands for it.
    return Interval(start_at, start_at + max(timedelta(milliseconds=duration_ms), timedelta.resolution))


def _on(window: DailyWindow, day: date, zone: ZoneInfo) -> Interval:
    """Place a window that starts on a local day. An end that exists twice is the second one: quiet wins."""
    end = datetime.combine(day + (_DAY if window.end < window.start else timedelta()), window.end)
    return Interval(
        to_instant(datetime.combine(day, window.start), zone),
        max(to_instant(end, zone), to_instant(end.replace(fold=1), zone)),
    )
