"""Which clip to fetch next and when to try again. Sans-I/O."""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from device_agent.effects import Want
from wire.messages import ClipRef

SOON = timedelta(minutes=2)
"""A start nearer than this: no jitter, and a short wait between attempts."""

FAR = timedelta(minutes=10)
"""A start farther than this: the first attempt is spread out, for a thousand gateways got the same plan."""

SPREAD_S = 30.0
"""Over how long at most; a sixtieth of the time that is left, if that is less."""

PIN_SPREAD_S = 30.0
"""The same for a pinned clip: a whole province may be told at once to keep twenty of them."""

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Job:
    """A clip to be fetched now."""

    owner: str
    sha256: str
    size_bytes: int
    needed_at: datetime | None
    """The earliest start of an item that plays it; None if it is only to be kept."""


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
    _pins: dict[str, tuple[ClipRef, ...]] = field(default_factory=dict)
    _attempts: dict[str, _Attempts] = field(default_factory=dict)

    def want(self, owner: str, wants: tuple[Want, ...], now: datetime, mono_s: float) -> None:
        """Take all wishes of one gateway in place of its earlier ones."""
        self._wants[owner] = wants
        for want in wants:
            left = want.needed_at - now
            spread_s = min(SPREAD_S, left.total_seconds() / 60) if left > FAR else 0.0
            self._expect(want.sha256, mono_s, spread_s)
        self._forget_unneeded()

    def pin(self, owner: str, clips: tuple[ClipRef, ...], mono_s: float) -> None:
        """Take all clips that one gateway must always hold, in place of its earlier ones."""
        self._pins[owner] = clips
        for clip in clips:
            self._expect(clip.sha256, mono_s, PIN_SPREAD_S)
        self._forget_unneeded()

    def needed(self) -> frozenset[str]:
        """Return every clip that someone wants or has pinned."""
        return frozenset(job.sha256 for job in self._jobs())

    def needed_before(self, at: datetime) -> frozenset[str]:
        """Return every clip of an item that starts before an instant."""
        return frozenset(
            want.sha256 for wants in self._wants.values() for want in wants if want.needed_at < at
        )

    def next_job(self, here: Iterable[str], now: datetime, mono_s: float) -> Job | float | None:
        """Return what to fetch now; else seconds to wait; None if nothing is missing.

        What starts within two minutes goes first, then what is pinned, then the nearest start.

        Args:
            here: Clips that need no fetching.
            now: The wall clock.
            mono_s: The monotonic clock, seconds.
        """
        here = frozenset(here)
        missing = [job for job in self._jobs() if job.sha256 not in here]
        if not missing:
            return None
        due = [job for job in missing if self._not_before_s(job, now) <= mono_s]
        if due:
            return min(due, key=lambda job: _urgency(job, now))
        return min(self._not_before_s(job, now) for job in missing) - mono_s

    def overtaken(self, job: Job, here: Iterable[str], now: datetime, mono_s: float) -> bool:
        """Whether what is being fetched should wait for a clip of an item that is about to start.

        Args:
            job: What is being fetched.
            here: Clips that need no fetching.
            now: The wall clock.
            mono_s: The monotonic clock, seconds.
        """
        first = self.next_job((*here, job.sha256), now, mono_s)
        return isinstance(first, Job) and _is_soon(first, now) and _urgency(first, now) < _urgency(job, now)

    def failed(self, sha256: str, mono_s: float) -> None:
        """Wait before the next attempt: doubling, with jitter."""
        attempts = self._attempts.get(sha256)
        if attempts is not None:
            attempts.failures += 1
            attempts.failed_s = mono_s
            ceiling = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempts.failures)
            attempts.not_before_s = mono_s + self.rng.uniform(ceiling / 2, ceiling)

    def _expect(self, sha256: str, mono_s: float, spread_s: float) -> None:
        if sha256 not in self._attempts:
            spread = self.rng.uniform(0.0, spread_s) if spread_s else 0.0
            self._attempts[sha256] = _Attempts(not_before_s=mono_s + spread)

    def _forget_unneeded(self) -> None:
        needed = self.needed()
        for sha256 in [sha256 for sha256 in self._attempts if sha256 not in needed]:
            del self._attempts[sha256]

    def _not_before_s(self, job: Job, now: datetime) -> float:
        attempts = self._attempts[job.sha256]
        if not _is_soon(job, now):
            return attempts.not_before_s
        # Near its start a clip is worth a try each second or so, whatever the back-off has grown to.
        return min(attempts.not_before_s, attempts.failed_s + FIRST_WAIT_S)

    def _jobs(self) -> Iterable[Job]:
        for owner, wants in self._wants.items():
            for want in wants:
                yield Job(owner, want.sha256, want.size_bytes, want.needed_at)
        for owner, clips in self._pins.items():
            for clip in clips:
                yield Job(owner, clip.sha256, clip.size_bytes, None)


def _is_soon(job: Job, now: datetime) -> bool:
    return job.needed_at is not None and job.needed_at - now <= SOON


def _urgency(job: Job, now: datetime) -> tuple[int, datetime]:
    if job.needed_at is None:
        return (1, now)
    return (0 if _is_soon(job, now) else 2, job.needed_at)
