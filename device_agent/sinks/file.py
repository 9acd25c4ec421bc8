"""A sink that behaves as a sound device does and writes down what would have sounded, and when.

``sound.pcm`` holds 16-bit little-endian mono at 48 kHz, without the silence; ``sound.jsonl`` says for each
unbroken run at which instant of the wall clock its first sample sounded and where it begins in the file.
Both are only appended to, and written past Python's buffers, so they outlive ``kill -9``; the next process
goes on where this one ended. What was handed over in the last 80 ms before a kill is on record although a
real device would have swallowed it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from device_agent.clock import Clock
from device_agent.frame_clock import FrameClock
from device_agent.sinks.contract import RATE, Block, Revision, SinkError

BUFFER_NS = 80_000_000
_SECOND_NS = 1_000_000_000
_FULL_SCALE = 32767


def _no_jitter() -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Crystal:
    """What is wrong with the device that is acted."""

    ppm: float = 0.0
    """By how much its frames pass faster than they should. The record then names the true rate."""
    jitter_ns: Callable[[], int] = _no_jitter
    """By how much a look at the device is off; asked at every look."""


class FileSink:
    """A paced sound device made of two files.

    Args:
        directory: Where `sound.pcm` and `sound.jsonl` are appended to; made if missing.
        clock: Paces the writer and dates the runs.
        crystal: The device's time base; the default is right.

    Raises:
        SinkError: The directory cannot be written.
    """

    def __init__(self, directory: Path, clock: Clock, crystal: Crystal | None = None) -> None:
        self._clock = clock
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._pcm = _open_to_append(directory / "sound.pcm")
            self._runs = _open_to_append(directory / "sound.jsonl")
            size = os.fstat(self._pcm).st_size
            if size % 2:
                os.ftruncate(self._pcm, size - 1)
        except OSError as error:
            raise SinkError(f"cannot record into {directory}: {error.strerror}") from error
        self._crystal = crystal or Crystal()
        self._rate = RATE * (1.0 + self._crystal.ppm * 1e-6)
        self._seen = FrameClock()
        self._recorded_frames = size // 2
        self._base_ns = clock.monotonic_ns() + BUFFER_NS
        self._written_frames = 0
        self._in_run = False
        self._underruns = 0

    @property
    def underruns(self) -> int:
        """How often a block came after the buffer had run dry."""
        return self._underruns

    @property
    def fast_ppm(self) -> float:
        """By how much the crystal seems to be faster than the monotonic clock."""
        return self._seen.fast_ppm

    def next_ns(self) -> int:
        """Return the monotonic instant of the next block's first sample, on the device's sample grid."""
        return self._seems_ns(self._written_frames + self._lost_frames())

    def write(self, block: Block) -> int:
        """Take one block as a sound device would; see `Sink.write`."""
        lost = self._lost_frames()
        if lost:
            # The device went on by itself; its sample grid stays, the missing time was silence.
            self._written_frames += lost
            self._underruns += 1
            self._in_run = False
        first = self._written_frames
        at_ns = self._grid_ns(first)
        self._seen.saw(first, at_ns - self._base_ns + self._crystal.jitter_ns())
        self._clock.wait_until_ns(self._grid_ns(first + len(block)) - BUFFER_NS)
        if block.any():
            self._record(block, at_ns)
        else:
            self._in_run = False
        self._written_frames += len(block)
        return self._seems_ns(first)

    def wait(self, _most_s: float) -> bool:
        """Do not wait: what is on record stays, so nothing is gained by it."""
        return True

    def nudge(self) -> None:
        """Do nothing; nobody waits."""

    def revise(self, _most_frames: int, _revision: Revision) -> int:
        """Change nothing: what was written is as good as in the device."""
        return 0

    def close(self) -> None:
        """Wait until what was written has sounded."""
        self._clock.wait_until_ns(self._grid_ns(self._written_frames + self._lost_frames()))
        os.close(self._pcm)
        os.close(self._runs)

    def _seems_ns(self, frame: int) -> int:
        if not self._seen.known:
            return self._grid_ns(frame)
        return self._base_ns + round(self._seen.at_ns(frame))

    def _grid_ns(self, frame: int) -> int:
        return self._base_ns + round(frame * _SECOND_NS / self._rate)

    def _lost_frames(self) -> int:
        late_ns = self._clock.monotonic_ns() - self._grid_ns(self._written_frames)
        return max(0, int(-(-late_ns * self._rate // _SECOND_NS)))

    def _record(self, block: Block, at_ns: int) -> None:
        try:
            if not self._in_run:
                # The line goes first: killed in between, there is a run without samples, which is true.
                unix = at_ns + self._clock.wall_minus_monotonic_ns()
                second, rest = divmod(unix, _SECOND_NS)
                rate = f', "rate": {self._rate!r}' if self._crystal.ppm else ""
                line = f'{{"at": {second}.{rest:09d}, "frame": {self._recorded_frames}{rate}}}\n'
                os.write(self._runs, line.encode())
                self._in_run = True
            samples = np.rint(np.clip(block, -1.0, 1.0) * _FULL_SCALE).astype("<i2")
            os.write(self._pcm, samples.tobytes())
        except OSError as error:
            raise SinkError(f"cannot record: {error.strerror}") from error
        self._recorded_frames += len(block)


def _open_to_append(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
