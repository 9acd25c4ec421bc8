"""A probe: whatever lets a gateway hear itself. A microphone, a line input, or what the mixer plays."""

import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from device_agent.clock import Clock
from device_agent.evidence.timeline import Timeline
from device_agent.sinks.contract import RATE
from device_agent.sinks.portaudio import portaudio

LATENCY_S = 0.2
"""Nothing waits for what a probe hears, so it may come in large pieces."""

BLOCKS_PER_SECOND = 10


class ProbeError(RuntimeError):
    """There is no such probe, or it does not run."""


class Probe(Protocol):
    """One open input."""

    @property
    def heard(self) -> Timeline:
        """What it has heard of late."""

    def close(self) -> None:
        """Let go of the device."""


OpenProbe = Callable[[], Probe]
"""Opens it, or raises `ProbeError`."""


class DeviceProbe:
    """An input through PortAudio (Debian: ``libportaudio2``); it fills its timeline from PortAudio's thread.

    Args:
        name: Device as PortAudio lists it, or part of that; empty is the system's default input.
        clock: To tell when a sample was heard.

    Raises:
        ProbeError: No PortAudio, no such device, or it does not run.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        try:
            sounddevice = portaudio()
        except OSError as error:
            raise ProbeError(f"{error}; on Debian: apt install libportaudio2") from error
        self._clock = clock
        self._errors = sounddevice.PortAudioError
        device = name or None
        try:
            rate_hz = _rate_of(sounddevice, device)
            self.heard = Timeline(rate_hz)
            self._stream: Any = sounddevice.InputStream(
                device=device,
                samplerate=rate_hz,
                channels=1,
                dtype="float32",
                blocksize=rate_hz // BLOCKS_PER_SECOND,
                latency=LATENCY_S,
                callback=self._callback,
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            raise ProbeError(str(error)) from error

    def close(self) -> None:
        """Let go of the device."""
        with contextlib.suppress(self._errors):
            self._stream.close()

    def _callback(self, got: Any, _frames: int, time: Any, status: Any) -> None:
        # As in `sinks.device`: PortAudio's clock may be another one, so it is read again beside ours.
        ago_s = self._stream.time - time.inputBufferAdcTime
        at_ns = self._clock.monotonic_ns() - round(ago_s * 1e9)
        self.heard.add(at_ns, got[:, 0].copy(), gap=bool(status.input_overflow))


def _rate_of(sounddevice: Any, device: str | None) -> int:
    """Return the sink's rate if the device has it, else the device's own."""
    try:
        sounddevice.check_input_settings(device=device, samplerate=RATE, channels=1, dtype="float32")
    except sounddevice.PortAudioError:
        rate_hz: float = sounddevice.query_devices(device, "input")["default_samplerate"]
        return round(rate_hz)
    return RATE
