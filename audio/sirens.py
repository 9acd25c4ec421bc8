"""Sirens and the attention signal, made by arithmetic: tones that a horn carries, in a fixed cadence.

People tell the sirens apart by how often and how long they sound, as in Huế, where four sirens of the
civil-defence command use these cadences for storm, flood and the worst of both. The attention signal goes
before spoken words: EN 50849 asks for 4 to 10 s of it before the first message of an emergency.
"""

import wave
from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audio.formats import SAMPLE_RATE_HZ

LOWEST_HZ: Final = 500.0
HIGHEST_HZ: Final = 2_000.0
"""A horn of a village pole is weak below, old ears above; fundamental and overtone both lie between."""

_OVERTONE = 0.4
"""Of the octave above: with it the tone is found by ear more easily than a bare sine."""
_WAIL_MS = 5_000
"""One rise and fall. It goes into every burst a whole number of times, so that each starts and ends low."""
_WAIL_HZ = (520.0, 960.0)
_TWO_TONES_HZ, _TWO_TONE_MS = (800.0, 600.0), 500
_GLIDE_MS = 8
"""From one of the two tones to the other: a jump would click."""
_FADE_MS = 30
REST_MS: Final = 500
"""Silence behind a signal: words right after a loud tone are lost on the ear."""
_PEAK = 0.5


class Cadence(NamedTuple):
    """How often and how long a signal sounds.

    Attributes:
        bursts: How many times.
        burst_ms: Length of one.
        gap_ms: Silence between two.
    """

    bursts: int
    burst_ms: int
    gap_ms: int

    @property
    def duration_ms(self) -> int:
        """From the first sample to the last."""
        return self.bursts * self.burst_ms + (self.bursts - 1) * self.gap_ms


class Siren(Enum):
    """Which signal; the value is its cadence."""

    ATTENTION = Cadence(1, 6_000, 0)
    """Two tones in turn: listen, words follow."""
    STORM = Cadence(3, 20_000, 10_000)
    FLOOD = Cadence(2, 10_000, 10_000)
    EXTREME = Cadence(5, 30_000, 5_000)
    """A flood over alarm level III, a storm about to land, a tsunami."""


def render(siren: Siren) -> NDArray[np.float32]:
    """Return a signal as mono samples at 48 kHz, within ±0.5, shape (n,), starting on zero.

    It ends with `REST_MS` of silence.
    """
    cadence: Cadence = siren.value
    burst = _burst(siren, cadence.burst_ms)
    with_gap = np.concatenate((burst, np.zeros(_samples(cadence.gap_ms), np.float32)))
    rest = np.zeros(_samples(REST_MS), np.float32)
    return np.concatenate((*([with_gap] * (cadence.bursts - 1)), burst, rest))


def write(siren: Siren, out: Path) -> None:
    """Write a signal as a WAV file (mono, 48 kHz, 16 bits) for `audio.prepare.prepare` to make a clip of."""
    samples = np.rint(render(siren) * 32767).astype("<i2")
    with wave.open(str(out), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(samples.tobytes())


def _burst(siren: Siren, duration_ms: int) -> NDArray[np.float32]:
    time_ms = np.arange(_samples(duration_ms), dtype=np.float64) / (SAMPLE_RATE_HZ / 1000)
    pitch_hz = _two_tones_hz(time_ms) if siren is Siren.ATTENTION else _wail_hz(time_ms)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    tone = np.sin(phase) + _OVERTONE * np.sin(2 * phase)
    rise = np.minimum(time_ms, time_ms[::-1]) / _FADE_MS
    tone *= np.sin(np.pi / 2 * np.minimum(rise, 1.0)) ** 2
    return np.float32(_PEAK / np.abs(tone).max()) * tone.astype(np.float32)


def _wail_hz(time_ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rise and fall as a turning siren does."""
    low, high = _WAIL_HZ
    return low + (high - low) * (0.5 - 0.5 * np.cos(2 * np.pi * time_ms / _WAIL_MS))


def _two_tones_hz(time_ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Change between two tones, gliding for a moment."""
    first, second = _TWO_TONES_HZ
    within = time_ms % (2 * _TWO_TONE_MS)
    to_second = np.clip((within - _TWO_TONE_MS) / _GLIDE_MS, 0, 1)
    back = np.clip((within - 2 * _TWO_TONE_MS + _GLIDE_MS) / _GLIDE_MS, 0, 1)
    return first + (second - first) * (to_second - back)


def _samples(duration_ms: int) -> int:
    return duration_ms * SAMPLE_RATE_HZ // 1000
