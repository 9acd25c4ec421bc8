"""Clocks that stand still until a test moves them."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
"""Noon in the delta."""


class StoppedClock:
    """A `controller.clock.Clock` that only `pass_time` moves."""

    def __init__(self, at: datetime = NOON) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def pass_time(self, seconds: float) -> datetime:
        self._at += timedelta(seconds=seconds)
        return self._at
