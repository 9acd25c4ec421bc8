"""What the agent's loop notices of its wall clock: that it was set, that something vouches for it by now."""

from collections.abc import Callable
from datetime import datetime

import structlog

from device_agent.clock import Clock
from device_agent.clock_trust import BoxClock
from device_agent.instants import from_unix_ns
from wire.types import ClockVoucher

log = structlog.get_logger(__name__)

CLOCK_STEP_MS = 500
"""A wall clock that moves by this against the monotonic one within a second was set, not slewed."""

ASK_BOX_EVERY_S = 5.0
"""How often the box is asked whether anything vouches for its clock."""


class ClockWatch:
    """Used by the agent's loop only.

    Args:
        clock: The machine's clocks.
        ask_box: Asks the box what it says of its clock.
    """

    def __init__(self, clock: Clock, ask_box: Callable[[], BoxClock]) -> None:
        self._clock = clock
        self._ask_box = ask_box
        self._ask_at_ns = 0
        self._ahead_ns = clock.wall_minus_monotonic_ns()

    def step_ms(self) -> int | None:
        """Return by how much the wall clock was set forward since the last look; None if it was not."""
        ahead_ns = self._clock.wall_minus_monotonic_ns()
        step_ms = round((ahead_ns - self._ahead_ns) / 1e6)
        self._ahead_ns = ahead_ns
        if abs(step_ms) < CLOCK_STEP_MS:
            return None
        log.warning("clock_was_set", step_ms=step_ms)
        return step_ms

    def now(self) -> datetime:
        """Return the wall clock's instant, aware UTC, as if nobody had set it since the last look.

        Read afresh, it could be after a step that nobody has been told of: all that falls due in ten minutes
        would be ten minutes late at once.
        """
        return from_unix_ns(self._clock.monotonic_ns() + self._ahead_ns)

    def voucher(self) -> ClockVoucher | None:
        """Return who on the box vouches for the clock by now; None: nobody, or it is not time to ask."""
        mono_ns = self._clock.monotonic_ns()
        if mono_ns < self._ask_at_ns:
            return None
        self._ask_at_ns = mono_ns + round(ASK_BOX_EVERY_S * 1e9)
        voucher = self._ask_box().voucher
        if voucher is not None:
            log.info("clock_vouched", by=voucher.value)
        return voucher
