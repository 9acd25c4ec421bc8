"""Two things for the same loudspeakers at the same time: who would be heard, and when there is room. Pure.

Who shares loudspeakers with whom is the caller's to know: everything passed in here is for one audience.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from schedules.quiet_hours import Interval, QuietHours
from wire.types import Priority


@dataclass(frozen=True, slots=True)
class Slot:
    """Time taken, or wanted, on an audience's loudspeakers.

    Raises:
        ValueError: It has no length.
    """

    key: str
    """Whose it is; opaque here."""
    interval: Interval
    priority: Priority

    def __post_init__(self) -> None:
        """Refuse what can be heard by nobody."""
        if self.interval.end_at <= self.interval.start_at:
            raise ValueError("a slot needs a length")


class Winner(StrEnum):
    """Who is heard where two slots overlap."""

    WANTED = "wanted"
    BOOKED = "booked"


@dataclass(frozen=True, slots=True)
class Conflict:
    """One booked slot that the wanted one runs into."""

    booked: Slot
    overlap: Interval
    winner: Winner


def find_conflicts(wanted: Slot, booked: Iterable[Slot]) -> tuple[Conflict, ...]:
    """Return what a wanted slot runs into, by start.

    The higher priority is heard. Between equals the one that starts first goes on sounding; if both start at
    once, the one that is booked already (wire protocol: equal priority is first come).
    """
    hit = sorted(
        (slot for slot in booked if slot.interval.overlaps(wanted.interval)),
        key=lambda slot: (slot.interval.start_at, slot.key),
    )
    return tuple(Conflict(slot, _overlap(wanted, slot), _winner(wanted, slot)) for slot in hit)


def next_free_start(
    wanted: Interval, booked: Iterable[Slot], quiet_hours: QuietHours | None = None
) -> datetime | None:
    """Return the first start, not before the wanted one, at which nothing booked is in the way.

    Args:
        wanted: When it is wanted; its length is kept.
        booked: What is taken, whatever its priority: an offer to move should push nobody aside.
        quiet_hours: Kept clear of as well, if given.

    Returns:
        An instant, or None if the length fits between no two quiet windows.
    """
    length = wanted.end_at - wanted.start_at
    taken = sorted((slot.interval for slot in booked), key=lambda interval: interval.start_at)
    at: datetime | None = wanted.start_at
    while at is not None:
        allowed = at if quiet_hours is None else quiet_hours.next_allowed(at, _whole_ms(length))
        if allowed is None:
            return None
        placed = Interval(allowed, allowed + length)
        in_the_way = next((interval for interval in taken if interval.overlaps(placed)), None)
        if in_the_way is None:
            return allowed
        at = in_the_way.end_at
    return None


def _whole_ms(length: timedelta) -> int:
    return -(-length // timedelta(milliseconds=1))


def _overlap(one: Slot, other: Slot) -> Interval:
    return Interval(
        max(one.interval.start_at, other.interval.start_at), min(one.interval.end_at, other.interval.end_at)
    )


def _winner(wanted: Slot, booked: Slot) -> Winner:
    if wanted.priority is not booked.priority:
        return Winner.WANTED if wanted.priority.rank > booked.priority.rank else Winner.BOOKED
    return Winner.WANTED if wanted.interval.start_at < booked.interval.start_at else Winner.BOOKED
