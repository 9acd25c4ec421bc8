"""The controller's clock: everything else is given `now` as an argument."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where instants come from."""

    def now(self) -> datetime:
        """Return the present as aware UTC."""
        ...


class SystemClock:
    """The machine's clock; keep it disciplined (chrony), gateways compare theirs with it."""

    def now(self) -> datetime:
        """Return the present as aware UTC."""
        return datetime.now(UTC)


def monotonic_s() -> float:
    """Return seconds that only ever grow, for measuring how long something took."""
    return time.monotonic()
