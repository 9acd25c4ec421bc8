"""The sink between the player and the device, for a gateway that listens to itself."""

from collections.abc import Callable
from threading import Lock

import numpy as np

from device_agent.evidence.timeline import SECOND_NS, Samples, Timeline
from device_agent.sinks.contract import RATE, Block, Revision, Sink

_NOTHING: Samples = np.zeros(0, dtype=np.float32)


class Written:
    """What was written to the device, whichever sink was open at the time. Safe from several threads."""

    def __init__(self) -> None:
        self.samples = Timeline(RATE)
        self.is_open = False
        """Whether there is a device at this moment."""
        self._lock = Lock()
        self._whisper: Samples = _NOTHING
        self._sounded_ns: int | None = None
        self._whispered_ns: int | None = None

    @property
    def sounded_ns(self) -> int | None:
        """When the last sample that was not silence has sounded; None if none was written yet."""
        return self._sounded_ns

    @property
    def whispered_ns(self) -> int | None:
        """When the first sample of the last whisper sounds; None while it waits, and if it was dropped."""
        return self._whispered_ns

    @property
    def is_whispering(self) -> bool:
        """Whether a whisper waits to be written, or to be written to its end."""
        return len(self._whisper) > 0

    def whisper(self, samples: Samples) -> None:
        """Have this written in place of silence. It is dropped at the first sound that was ordered."""
        with self._lock:
            self._whisper, self._whispered_ns = samples, None

    def next_block(self, block: Block) -> tuple[Block, bool]:
        """Return what to write when the player has this block, and whether it is the whisper's."""
        if not len(self._whisper):
            return block, False
        with self._lock:
            if block.any():
                self._whisper, self._whispered_ns = _NOTHING, None
                return block, False
            part, self._whisper = self._whisper[: len(block)], self._whisper[len(block) :]
            return np.pad(part, (0, len(block) - len(part))), True

    def took(self, block: Block, at_ns: int, *, whispered: bool) -> None:
        """Note a block that the device took, and when its first sample sounds."""
        self.samples.add(at_ns, block)
        if whispered and self._whispered_ns is None:
            self._whispered_ns = at_ns
        if block.any():
            self._sounded_ns = at_ns + len(block) * SECOND_NS // RATE


class WatchedSink:
    """A sink that remembers what it was given; see `Sink`.

    Args:
        open_inner: Opens the device.
        written: Takes what the device took.
        one_at_a_time: PortAudio opens and closes one stream at a time, and the probe is another one.

    Raises:
        SinkError: As `open_inner` does.
    """

    def __init__(self, open_inner: Callable[[], Sink], written: Written, one_at_a_time: Lock) -> None:
        self._one_at_a_time = one_at_a_time
        with one_at_a_time:
            self._inner = open_inner()
        self._written = written
        written.is_open = True

    @property
    def underruns(self) -> int:
        """How often the device ran dry."""
        return self._inner.underruns

    @property
    def fast_ppm(self) -> float:
        """By how much the device's crystal is fast."""
        return self._inner.fast_ppm

    def next_ns(self) -> int:
        """Return when the next block sounds."""
        return self._inner.next_ns()

    def write(self, block: Block) -> int:
        """Hand over one block; see `Sink.write`."""
        block, whispered = self._written.next_block(block)
        at_ns = self._inner.write(block)
        self._written.took(block, at_ns, whispered=whispered)
        return at_ns

    def wait(self, most_s: float) -> bool:
        """Wait for room; see `Sink.wait`."""
        return self._inner.wait(most_s)

    def nudge(self) -> None:
        """End a `wait`."""
        self._inner.nudge()

    def revise(self, most_frames: int, revision: Revision) -> int:
        """Change what waits for the device, and the memory of it; see `Sink.revise`."""

        def remembered(waiting: Block) -> Block:
            revised = revision(waiting)
            self._written.samples.replace_last(len(waiting), revised)
            return revised

        return self._inner.revise(most_frames, remembered)

    def close(self) -> None:
        """Let go of the device."""
        self._written.is_open = False
        with self._one_at_a_time:
            self._inner.close()
