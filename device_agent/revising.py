"""What was composed and waits for the sound device, changed when something more urgent comes.

The player is some blocks ahead of the device, so that a busy processor does not make it run dry. What should
change at once - a fade, a beginning - would come so much later; here it is brought forward into what waits.
"""

import numpy as np

from device_agent.frame_clock import NOMINAL_NS
from device_agent.sequencer import Composed, Sequencer
from device_agent.sinks.contract import BLOCK_FRAMES, Block, Sink
from device_agent.stretching import TAPS, Stretcher
from device_agent.voice import FADE_FRAMES

_FADE: Block = (1.0 - np.arange(FADE_FRAMES) / FADE_FRAMES).astype(np.float32)


class Revisable:
    """The way from composed blocks into one sink, and back as far as the record allows.

    What was told of - an item began, or ended - is never taken back.

    Args:
        sink: Where blocks go.
        sequencer: Composes them.
    """

    def __init__(self, sink: Sink, sequencer: Sequencer) -> None:
        self._sink = sink
        self._sequencer = sequencer
        self._untold_frames = 0
        """Written since something was told; below 0 while the filter may still hold some of that block."""
        self._is_shortened = False
        """Silence was taken out for what comes; once is enough, if the amplifier keeps it waiting."""
        self.stretcher = Stretcher()

    def wrote(self, composed: Composed) -> None:
        """Take note of a block that the sink took."""
        if composed.happened:
            self._untold_frames, self._is_shortened = -TAPS, False
        else:
            self._untold_frames += BLOCK_FRAMES

    def revise(self, wall_minus_monotonic_ns: int) -> bool:
        """Bring forward what is overdue into what waits; return whether there is room for it now.

        What sounds is faded out over 50 ms, of which all must still wait; otherwise it is faded in the blocks
        to come, which is as soon. Where nothing sounds one block is left: the device must not run dry.
        """
        held_frames = self.stretcher.held_frames
        next_ns = self._sink.next_ns() + round(held_frames * NOMINAL_NS)
        overdue = self._sequencer.overdue_frames(next_ns, wall_minus_monotonic_ns)
        most = min(overdue, self._untold_frames)
        if most <= 0 or (self._sequencer.is_silent and self._is_shortened):
            return False
        if self._sequencer.is_silent:
            fewer, self._is_shortened = self._sink.revise(most, _shortened), True
        else:
            fewer = self._sink.revise(most, _faded)
            if fewer:
                self._sequencer.cut_off(fewer + round(held_frames))
        if not fewer:
            return False
        self._untold_frames = 0
        self.stretcher = Stretcher()
        return True


def _shortened(waiting: Block) -> Block:
    return waiting[:BLOCK_FRAMES]


def _faded(waiting: Block) -> Block:
    return waiting if len(waiting) <= FADE_FRAMES else waiting[:FADE_FRAMES] * _FADE
