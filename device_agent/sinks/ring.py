"""Samples on their way from the thread that makes them to the one that the sound device calls."""

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


class Ring:
    """A first-in first-out store of samples with room for so many.

    Args:
        frames: How many it holds at most; a piece handed over must not be longer.
        room: Whoever waits is woken when there is room for so many, to do more work at once.
    """

    def __init__(self, frames: int, room: int) -> None:
        self._samples = np.zeros(frames, dtype=np.float32)
        self._room = room
        self._first = 0
        self._held = 0
        self._nudged = False
        self._changed = threading.Condition()

    def put(self, sound: NDArray[np.float32], timeout_s: float) -> bool:
        """Take samples, waiting until there is room; return whether there was in time."""
        size = len(self._samples)
        with self._changed:
            if not self._changed.wait_for(lambda: self._held + len(sound) <= size, timeout_s):
                return False
            start = (self._first + self._held) % size
            until_edge = min(len(sound), size - start)
            self._samples[start : start + until_edge] = sound[:until_edge]
            self._samples[: len(sound) - until_edge] = sound[until_edge:]
            self._held += len(sound)
            return True

    def wait(self, frames: int, timeout_s: float) -> bool:
        """Return whether there is room for so many, waiting for it until `nudge` or so long."""
        size = len(self._samples)
        with self._changed:
            if size - self._held < frames:
                self._changed.wait_for(lambda: self._nudged or size - self._held >= self._room, timeout_s)
            self._nudged = False
            return size - self._held >= frames

    def nudge(self) -> None:
        """End a `wait`, now or the next one."""
        with self._changed:
            self._nudged = True
            self._changed.notify()

    def revise(self, most: int, revision: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> int:
        """Put what `revision` makes of the newest samples in their place; return by how many fewer they are.

        Args:
            most: How many samples at most are revised; fewer if fewer are held.
            revision: Returns as many samples as it is given, or fewer. Whoever takes waits for it.
        """
        size = len(self._samples)
        with self._changed:
            count = min(max(most, 0), self._held)
            places = (self._first + self._held - count + np.arange(count)) % size
            revised = revision(self._samples[places])
            self._samples[places[: len(revised)]] = revised
            self._held -= count - len(revised)
            return count - len(revised)

    def take_into(self, out: NDArray[np.float32]) -> int:
        """Fill `out` from its beginning as far as there are samples; return how many. Does not wait."""
        size = len(self._samples)
        with self._changed:
            count = min(len(out), self._held)
            until_edge = min(count, size - self._first)
            out[:until_edge] = self._samples[self._first : self._first + until_edge]
            out[until_edge:count] = self._samples[: count - until_edge]
            self._first = (self._first + count) % size
            self._held -= count
            if size - self._held >= self._room:
                self._changed.notify()
            return count
