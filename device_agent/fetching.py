"""Which clip to fetch next and when to try again. Sans-I/O."""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from device_agent.effects import Want

SOON = timedelta(minutes=2)
"""A start nearer than this: no jitter, and a short wait between attempts."""

FAR = timedelta(minutes=10)
"""A start farther than this: the first attempt is spread out, for a thousand gateways got the same plan."""

SPREAD_S = 5.0
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 120.0


@dataclass(slots=True)
class _Attempts:
    failures: int = 0
    failed_s: float = -math.inf
    not_before_s: float = 0.0


@dataclass(slots=True)
class FetchQueue:
    """What is wanted by whom, and how earlier attempts went. `mono_s` are seconds of the monotonic clock."""

    rng: random.Random
    _wants: dict[str, tuple[Want, ...]] = field(default_factory=dict)
    _attempts: dict[str, _Attempts] = field(default_factory=dict)

    def want(self, owner: str, wants: tuple[Want, ...], now: datetime, mono_s: float) -> None:
        """Take all wishes of one gateway in place of its earlier ones."""
        self._wants[owner] = wants
        for want in wants:
            if want.sha256 not in self._attempts:
                spread = self.rng.uniform(0.0, SPREAD_S) if want.needed_at - now > FAR else 0.0
                self._attempts[want.sha256] = _Attempts(not_before_s=mono_s + spread)
        needed = self.needed()
        for sha256 in [sha256 for sha256 in self._attempts if sha256 not in needed]:
            del self._attempts[sha256]

    def needed(self) -> frozenset[str]:
        """Return every clip that someone wants."""
        return frozenset(want.sha256 for want in self._all())

    def next_job(self, here: Iterable[str], now: datetime, mono_s: float) -> tuple[str, Want] | float | None:
        """Return whose wish to fulfil now; else seconds to wait; None if nothing is missing.

        Args:
            here: Clips that need no fetching.
            now: The wall clock.
            mono_s: The monotonic clock, seconds.
        """
        here = frozenset(here)
        missing = [
            (owner, want) for owner, wants in self._wants.items() for want in wants if want.sha256 not in here
        ]
        if not missing:
            return None
        due = [(owner, want) for owner, want in missing if self._not_before_s(want, now) <= mono_s]
        if due:
            return min(due, key=lambda job: job[1].needed_at)
        return min(self._not_before_s(want, now) for _, want in missing) - mono_s

    def failed(self, sha256: str, mono_s: float) -> None:
        """Wait before the next attempt: doubling, with jitter."""
        attempts = self._attempts.get(sha256)
        if attempts is not None:
            attempts.failures += 1
            attempts.failed_s = mono_s
            ceiling = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempts.failures)
            attempts.not_before_s = mono_s + self.rng.uniform(ceiling / 2, ceiling)

    def _not_before_s(self, want: Want, now: datetime) -> float:
        attempts = self._attempts[want.sha256]
        if want.needed_at - now > SOON:
            return attempts.not_before_s
        # Near its start a clip is worth a try each second or so, whatever the back-off has grown to.
        return min(attempts.not_before_s, attempts.failed_s + FIRST_WAIT_S)

    def _all(self) -> Iterable[Want]:
        return (want for wants in self._wants.values() for want in wants)
