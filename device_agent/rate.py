"""How fast clips may be fetched. Pure: a token bucket that remembers when it will be full again.

A gateway often shares a mobile contract with a camera, or pays by the megabyte. A cap keeps what is fetched
ahead from filling the line. It gives way when an item would else be late: see `gives_way`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

BURST_S = 1.0
"""So many seconds' worth may come at once."""

MARGIN = timedelta(minutes=2)
"""A clip is to be here so long before its start, or as soon as the line allows."""


@dataclass(slots=True)
class RateLimit:
    """A cap on what comes in.

    Args:
        kbit_s: Thousands of bits a second, on average; positive.
    """

    kbit_s: float
    _paid_until_s: float = 0.0

    def wait_s(self, size_bytes: int, mono_s: float) -> float:
        """Note that so many bytes came, and return how many seconds to wait before the next are taken.

        Args:
            size_bytes: What came.
            mono_s: The monotonic clock, seconds.
        """
        self._paid_until_s = max(self._paid_until_s, mono_s) + size_bytes * 8 / (self.kbit_s * 1000)
        return max(0.0, self._paid_until_s - mono_s - BURST_S)

    def gives_way(self, missing_bytes: int, needed_at: datetime | None, now: datetime) -> bool:
        """Whether a clip is fetched as fast as the line allows, because the cap would make it late.

        Args:
            missing_bytes: What of it has not come.
            needed_at: When the first item that plays it starts; None if none is known.
            now: The wall clock.
        """
        if needed_at is None:
            return False
        return now + timedelta(seconds=missing_bytes * 8 / (self.kbit_s * 1000)) + MARGIN >= needed_at
