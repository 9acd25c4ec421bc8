"""A sound device through PortAudio (Debian: ``libportaudio2``), ALSA or PulseAudio behind it."""

import contextlib
import queue
from typing import Any

from device_agent.clock import Clock
from device_agent.sinks.contract import BLOCK_FRAMES, RATE, SILENCE, Block, SinkError

LATENCY_S = 0.1
"""Asked for by name: PortAudio's own choices differ by a factor of ten between devices."""

QUEUED_BLOCKS = 4
SETTLE_BLOCKS = 25
"""Half a second of silence at either end: PulseAudio swallows up to 20 ms at the start and 120 ms at the
end of a stream without it (architecture.md §5)."""

STALLED_S = 2.0
_SMOOTHING = 0.02
_STEP_NS = 20_000_000
_BLOCK_NS = BLOCK_FRAMES * 1_000_000_000 // RATE


class DeviceSink:
    """One output stream, open as long as the agent runs.

    Args:
        name: Device as PortAudio lists it, or part of that; None is the system's default.
        clock: To tell when a block sounds.

    Raises:
        SinkError: No PortAudio, no such device, or it does not run.
    """

    def __init__(self, name: str | None, clock: Clock) -> None:
        try:
            import sounddevice  # noqa: PLC0415 - the wheel has no PortAudio on Linux: the box may lack it
        except OSError as error:
            raise SinkError(f"{error}; on Debian: apt install libportaudio2") from error
        self._clock = clock
        self._blocks: queue.Queue[Block] = queue.Queue(QUEUED_BLOCKS)
        self._underruns = 0
        self._taken = 0
        self._written = 0
        self._base_ns: float | None = None
        self._errors = sounddevice.PortAudioError
        try:
            self._stream: Any = sounddevice.OutputStream(
                device=name,
                samplerate=RATE,
                channels=1,
                dtype="float32",
                blocksize=BLOCK_FRAMES,
                latency=LATENCY_S,
                callback=self._callback,
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            raise SinkError(str(error)) from error
        for _ in range(SETTLE_BLOCKS):
            self.write(SILENCE)
        self._underruns = 0

    @property
    def underruns(self) -> int:
        """How often the device asked for a block and there was none, or said that it ran dry."""
        return self._underruns

    def next_ns(self) -> int:
        """Return when the next block's first sample sounds, as far as the device tells its latency."""
        if self._base_ns is None:
            return self._clock.monotonic_ns() + int(LATENCY_S * 1e9)
        return round(self._base_ns) + self._written * _BLOCK_NS

    def write(self, block: Block) -> int:
        """Hand over one block; see `Sink.write`."""
        try:
            self._blocks.put(block.copy(), timeout=STALLED_S)
        except queue.Full:
            self._abort()
            raise SinkError(f"the sound device took nothing for {STALLED_S:.0f} s") from None
        at_ns = self.next_ns()
        self._written += 1
        return at_ns

    def close(self) -> None:
        """Let half a second of silence follow what was written, then let go of the device."""
        with contextlib.suppress(SinkError):
            for _ in range(SETTLE_BLOCKS):
                self.write(SILENCE)
        with contextlib.suppress(self._errors):
            self._stream.close()

    def _abort(self) -> None:
        with contextlib.suppress(self._errors):
            self._stream.abort()

    def _callback(self, out: Any, _frames: int, time: Any, status: Any) -> None:
        # The stream's own clock is not the monotonic one; only its differences are used.
        latency_s = max(0.0, time.outputBufferDacTime - time.currentTime)
        sounds_ns = self._clock.monotonic_ns() + latency_s * 1e9
        try:
            block = self._blocks.get_nowait()
        except queue.Empty:
            out.fill(0.0)
            self._underruns += 1
            # This block's place in time was taken by silence: all that follows comes one later.
            if self._base_ns is not None:
                self._base_ns += _BLOCK_NS
            return
        if status.output_underflow:
            self._underruns += 1
        out[:, 0] = block
        base_ns = sounds_ns - self._taken * _BLOCK_NS
        if self._base_ns is None or abs(base_ns - self._base_ns) > _STEP_NS:
            # The device began late, as PulseAudio does after it has filled its buffer, or it stood still.
            self._base_ns = base_ns
        else:
            # Each callback comes a little early or late; the device's own pace shows in the mean.
            self._base_ns += _SMOOTHING * (base_ns - self._base_ns)
        self._taken += 1
