"""What every sink promises."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
"""Samples a second, mono; the rate of the canonical clip (Opus)."""

BLOCK_FRAMES = 960
"""20 ms: one Opus frame."""

Block = NDArray[np.float32]
"""`BLOCK_FRAMES` samples, full scale ±1; a sink takes some more or fewer as well."""

Revision = Callable[[Block], Block]
"""Given what waits, returns what is to wait instead: as long, or shorter."""

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

    def wait(self, most_s: float) -> bool:
        """Wait until there is room for a block, until `nudge`, or so long; return whether there is room.

        A sink that does not let what it took be revised has no reason to wait before `write` does.

        Raises:
            SinkError: The device is gone.
        """

    def nudge(self) -> None:
        """End a `wait`, from another thread: there is something to do that is better done at once."""

    def revise(self, most_frames: int, revision: Revision) -> int:
        """Change what was written last and has not gone to the device yet.

        Args:
            most_frames: How many of the newest frames at most; fewer are given if fewer wait.
            revision: Called once, and the device waits for it.

        Returns:
            How many frames fewer have been written now.
        """

    def close(self) -> None:
        """Let what was written sound to its end and let go of the device."""
