"""The only place of this package that reads a clock."""

import select
import time
from datetime import UTC, datetime


class Clock:
    """The wall clock and the monotonic clock of this machine."""

    def now(self) -> datetime:
        """Return the wall clock's instant, aware UTC."""
        return datetime.now(UTC)

    def monotonic_ns(self) -> int:
        """Return nanoseconds of a clock that nobody sets; its zero means nothing."""
        return time.monotonic_ns()

    def wall_minus_monotonic_ns(self) -> int:
        """Return what to add to a monotonic instant to get Unix nanoseconds, now.

        The two clocks cannot be read at once: of three readings the one that took least time is used, good
        to about a microsecond where one sample at 48 kHz lasts twenty.
        """
        best = offset = 0
        for attempt in range(3):
            before = time.monotonic_ns()
            wall = time.time_ns()
            took = time.monotonic_ns() - before
            if attempt == 0 or took < best:
                best, offset = took, wall - before - took // 2
        return offset

    def wait_until_ns(self, monotonic_ns: int) -> None:
        """Wait for a monotonic instant; only a sound device that paces its writer needs this."""
        remaining = monotonic_ns - time.monotonic_ns()
        if remaining > 0:
            # As exact as time.sleep, whose absolute clock_nanosleep libfaketime (in tests) refuses.
            select.select((), (), (), remaining / 1e9)
