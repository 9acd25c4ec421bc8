"""Clocks that stand still until a test moves them."""

from datetime import UTC, datetime, timedelta

from device_agent.clock import Clock
from device_agent.instants import unix_ns

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


class SetClock(Clock):
    """A gateway's clocks; both stand still until `pass_s` moves them together. `step_ms` sets one of them."""

    def __init__(self, at: datetime = NOON) -> None:
        self._at = at
        self._monotonic_ns = 1_000_000_000

    def now(self) -> datetime:
        return self._at

    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    def wall_minus_monotonic_ns(self) -> int:
        return unix_ns(self._at) - self._monotonic_ns

    def step_ms(self, step_ms: int) -> None:
        self._at += timedelta(milliseconds=step_ms)

    def pass_s(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)
        self._monotonic_ns += round(seconds * 1e9)
