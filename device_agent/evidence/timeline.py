"""The last seconds of a stream of samples, and when each of them sounded."""

import threading
from collections import deque

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

SECOND_NS = 1_000_000_000
KEPT_NS = 8 * SECOND_NS
"""A judged stretch, the longest delay, and time to come round to it: 1.5 MB at 48 kHz."""

STEP_NS = SECOND_NS // 10
"""A block that comes this much off its turn follows a gap; less is the jitter of whoever counted."""

_SMOOTHING = 0.02
_ROUNDING_NS = 1_000_000


class SamplesLost(LookupError):
    """Some of these samples were never there, or are not remembered any more."""


class Timeline:
    """Remembers blocks by the monotonic instant of their first samples. Safe to use from several threads.

    Args:
        rate_hz: Samples a second.
    """

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._lock = threading.Lock()
        self._blocks: deque[tuple[int, bool, Samples]] = deque()
        """Instant, whether it follows the one before it without a gap, samples."""
        self._end_ns: int | None = None

    @property
    def end_ns(self) -> int | None:
        """When the first sample after the newest one would sound; None if there was none yet."""
        return self._end_ns

    def add(self, at_ns: int, samples: Samples, *, gap: bool = False) -> None:
        """Append a block, kept and not copied.

        Args:
            at_ns: When its first sample sounds or sounded, as far as the device tells.
            samples: Mono, full scale ±1.
            gap: Samples were lost before it.
        """
        with self._lock:
            follows = self._end_ns is not None and not gap and abs(at_ns - self._end_ns) < STEP_NS
            if follows and self._end_ns is not None:
                # Each block is dated a little early or late; the stream's own pace shows in the mean.
                at_ns = self._end_ns + round(_SMOOTHING * (at_ns - self._end_ns))
            self._blocks.append((at_ns, follows, samples))
            self._end_ns = at_ns + len(samples) * SECOND_NS // self.rate_hz
            while self._blocks[0][0] < self._end_ns - KEPT_NS:
                self._blocks.popleft()

    def replace_last(self, count: int, samples: Samples) -> None:
        """Put these samples, as many or fewer, in the place of the newest ones; they never sounded."""
        with self._lock:
            while count and self._blocks:
                at_ns, follows, block = self._blocks.pop()
                kept = block[: max(0, len(block) - count)]
                count -= len(block) - len(kept)
                self._end_ns = at_ns + len(kept) * SECOND_NS // self.rate_hz
                if len(kept):
                    self._blocks.append((at_ns, follows, kept))
            if len(samples) and self._end_ns is not None:
                self._blocks.append((self._end_ns, bool(self._blocks), samples))
                self._end_ns += len(samples) * SECOND_NS // self.rate_hz

    def between(self, start_ns: int, end_ns: int) -> Samples:
        """Return the samples from one instant until before another.

        They are as many as came in that time, give or take a tenth of a second, for blocks are dated late and
        early.

        Raises:
            SamplesLost: One of them is not there.
        """
        with self._lock:
            blocks = list(self._blocks)
        parts: list[Samples] = []
        first_ns = last_ns = 0
        for at_ns, follows, samples in blocks:
            ends_ns = at_ns + len(samples) * SECOND_NS // self.rate_hz
            if ends_ns <= start_ns or at_ns >= end_ns:
                continue
            if not parts:
                first_ns = at_ns
            elif not follows:
                raise SamplesLost
            parts.append(samples)
            last_ns = ends_ns
        if not parts or first_ns > start_ns or last_ns < end_ns - _ROUNDING_NS:
            raise SamplesLost
        skip = (start_ns - first_ns) * self.rate_hz // SECOND_NS
        frames = (end_ns - start_ns) * self.rate_hz // SECOND_NS
        return np.concatenate(parts)[skip : skip + frames]
