"""A sound device through PortAudio (Debian: ``libportaudio2``), ALSA or PulseAudio behind it."""

import contextlib
from typing import Any

from device_agent.clock import Clock
from device_agent.frame_clock import FrameClock
from device_agent.priority import ask_for_priority
from device_agent.sinks.contract import BLOCK_FRAMES, RATE, SILENCE, Block, Revision, SinkError
from device_agent.sinks.portaudio import portaudio
from device_agent.sinks.ring import Ring

LATENCY_S = 0.06
"""Asked for by name: PortAudio's own choices differ by a factor of ten between devices. What is in there
sounds before anything else can: it is most of what a pre-emption takes."""

WAITING_FRAMES = 3 * BLOCK_FRAMES
"""What waits at least between the player and the device's own buffer; it can still be revised."""

STRETCHED_FRAMES = 8
"""By so much a block is longer at most when it has been stretched."""

ROOM_FRAMES = 2 * BLOCK_FRAMES + STRETCHED_FRAMES
"""Two blocks are made at once, stretched by as much as they ever are."""

SETTLE_BLOCKS = 25
"""Half a second of silence at either end: PulseAudio swallows up to 20 ms at the start and 120 ms at the
end of a stream without it (architecture.md §5)."""

STALLED_S = 2.0


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
            sounddevice = portaudio()
        except OSError as error:
            raise SinkError(f"{error}; on Debian: apt install libportaudio2") from error
        self._clock = clock
        self._ring = Ring(WAITING_FRAMES + ROOM_FRAMES, ROOM_FRAMES)
        self._seen = FrameClock()
        self._is_called = False
        self._opened_ns = clock.monotonic_ns()
        self._underruns = 0
        self._room_ns = self._opened_ns
        self._written_frames = 0
        self._taken_frames = 0
        self._starved_frames = 0
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
        try:
            for _ in range(SETTLE_BLOCKS):
                self.write(SILENCE)
        except SinkError:
            # Nobody else will: the device would stay busy with us, and we with it, until a restart.
            self._stream.close()
            raise
        self._underruns = 0

    @property
    def underruns(self) -> int:
        """How often the device asked for a block and there was none, or said that it ran dry."""
        return self._underruns

    @property
    def fast_ppm(self) -> float:
        """By how much the device's crystal is faster than the monotonic clock."""
        return self._seen.fast_ppm

    def next_ns(self) -> int:
        """Return when the next block's first sample sounds, as far as the device tells its latency."""
        if not self._seen.known:
            return self._clock.monotonic_ns() + int(LATENCY_S * 1e9)
        return self._opened_ns + round(self._seen.at_ns(self._written_frames + self._starved_frames))

    def write(self, block: Block) -> int:
        """Hand over one block; see `Sink.write`."""
        if not self._ring.put(block, STALLED_S):
            self._abort()
            raise SinkError(f"the sound device took nothing for {STALLED_S:.0f} s")
        at_ns = self.next_ns()
        self._written_frames += len(block)
        return at_ns

    def wait(self, most_s: float) -> bool:
        """Wait for room; see `Sink.wait`."""
        has_room = self._ring.wait(BLOCK_FRAMES + STRETCHED_FRAMES, most_s)
        now_ns = self._clock.monotonic_ns()
        if has_room:
            self._room_ns = now_ns
        elif now_ns - self._room_ns > STALLED_S * 1e9:
            self._abort()
            raise SinkError(f"the sound device took nothing for {STALLED_S:.0f} s")
        return has_room

    def nudge(self) -> None:
        """End a `wait`."""
        self._ring.nudge()

    def revise(self, most_frames: int, revision: Revision) -> int:
        """Change what waits for the device; see `Sink.revise`."""
        fewer = self._ring.revise(most_frames, revision)
        self._written_frames -= fewer
        return fewer

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

    def _callback(self, out: Any, frames: int, time: Any, status: Any) -> None:
        if not self._is_called:
            # PortAudio's own thread, which refills the device's 60 ms: none of them is to be lost.
            self._is_called = True
            ask_for_priority()
        # PortAudio's clock may be the wall's or the monotonic one, and a busy processor may have held us up
        # since it was read: both fall out when it is read again beside ours.
        wait_s = time.outputBufferDacTime - self._stream.time
        sounds_ns = self._clock.monotonic_ns() + wait_s * 1e9
        self._seen.saw(self._taken_frames, sounds_ns - self._opened_ns)
        self._taken_frames += frames
        got = self._ring.take_into(out[:, 0])
        if got < frames:
            # This place in time was taken by silence: all that follows comes later.
            out[got:] = 0.0
            self._starved_frames += frames - got
        if got < frames or status.output_underflow:
            self._underruns += 1
