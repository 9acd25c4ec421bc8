"""How much of the time a gateway was there, from the rows that say when it came and went. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span of time and how much of it a gateway was there."""

    start_at: datetime
    end_at: datetime
    known: timedelta
    """How much of it anything is known about."""
    online: timedelta

    @property
    def share(self) -> float | None:
        """0 to 1 of what is known; None if nothing is."""
        return self.online / self.known if self.known else None


def stretches(
    changes: Sequence[tuple[datetime, bool]], bounds: Sequence[datetime], now: datetime
) -> list[Stretch]:
    """Measure the spans between neighbouring bounds.

    Args:
        changes: When it went or came back, ascending, starting early enough that the first says how it was
            at the first bound, if that is known at all. Before the first of them nothing is known.
        bounds: Ascending; n of them make n - 1 spans.
        now: Nothing is known of what comes after.
    """
    ends = [*(at for at, _ in changes[1:]), now]
    known = [(at, until, online) for (at, online), until in zip(changes, ends, strict=False)]
    found = []
    for start_at, end_at in pairwise(bounds):
        overlaps = [
            (max(timedelta(), min(until, end_at) - max(at, start_at)), online) for at, until, online in known
        ]
        found.append(
            Stretch(
                start_at,
                end_at,
                sum((length for length, _ in overlaps), timedelta()),
                sum((length for length, online in overlaps if online), timedelta()),
            )
        )
    return found


def whole(parts: Sequence[Stretch]) -> Stretch:
    """Return all spans as one."""
    return Stretch(
        parts[0].start_at,
        parts[-1].end_at,
        sum((part.known for part in parts), timedelta()),
        sum((part.online for part in parts), timedelta()),
    )
