"""What every sink promises."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
"""Samples a second, mono; the rate of the canonical clip (Opus)."""

BLOCK_FRAMES = 960
"""20 ms: one Opus frame."""

Block = NDArray[np.float32]
"""`BLOCK_FRAMES` samples, full scale ±1; a sink takes some more or fewer as well."""

SILENCE: Block = np.zeros(BLOCK_FRAMES, dtype=np.float32)
SILENCE.flags.writeable = False


class SinkError(RuntimeError):
    """The sound device is not there or refuses; nothing sounds until it is opened again."""


class Sink(Protocol):
    """One stream kept open, on silence when nothing plays. Used by one thread."""

    @property
    def underruns(self) -> int:
        """How often the device ran dry because a block came late."""

    @property
    def fast_ppm(self) -> float:
        """By how much the device's crystal is faster than the monotonic clock, as measured so far."""

    def next_ns(self) -> int:
        """Return the monotonic instant at which the first sample of the next block will sound."""

    def write(self, block: Block) -> int:
        """Hand over one block; waits until there is room, which paces the writer.

        Returns:
            The monotonic instant, in nanoseconds, at which its first sample sounds. It differs from
            `next_ns` before when the device ran dry in between.

        Raises:
            SinkError: The device is gone.
        """

    def close(self) -> None:
        """Let what was written sound to its end and let go of the device."""
