"""The chime before and after an announcement: three notes struck on wooden bars, made by arithmetic.

A rising chord opens and a falling one closes, so that people know by ear whether to come to the window.
"""

from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from audio.formats import SAMPLE_RATE_HZ

CHIME_LUFS: Final = -18.0
"""Loudness of either chime as `render` returns it; a test measures it anew."""

_NOTE_EVERY_S, _RING_S, _ATTACK_S, _RELEASE_S = 0.36, 1.3, 0.003, 0.15
# (multiple of the fundamental, amplitude, seconds to fall by 1/e). Marimba makers tune a bar's first
# overtone two octaves up, and the next near ten times; overtones die first, which makes it wood.
_PARTIALS = ((1.0, 1.0, 0.38), (4.0, 0.22, 0.11), (9.9, 0.05, 0.03))
_PEAK = 0.5


class Chime(Enum):
    """Which chime; the value is its notes in Hz, in equal temperament."""

    OPENING = (523.25, 659.26, 783.99)
    """C5 E5 G5."""
    CLOSING = (783.99, 659.26, 523.25)
    """G5 E5 C5."""


def render(chime: Chime) -> NDArray[np.float32]:
    """Return the chime as mono samples at 48 kHz, within ±0.5, shape (n,), starting and ending on zero."""
    notes = chime.value
    length = round((_NOTE_EVERY_S * (len(notes) - 1) + _RING_S) * SAMPLE_RATE_HZ)
    sound = np.zeros(length)
    for index, pitch_hz in enumerate(notes):
        start = round(_NOTE_EVERY_S * index * SAMPLE_RATE_HZ)
        sound[start:] += _note(pitch_hz, length - start)
    release = round(_RELEASE_S * SAMPLE_RATE_HZ)
    sound[-release:] *= np.cos(np.linspace(0, np.pi / 2, release)) ** 2
    return np.float32(_PEAK / np.abs(sound).max()) * sound.astype(np.float32)


def duration_samples(chime: Chime) -> int:
    """Return the length of a chime in samples at 48 kHz."""
    return round((_NOTE_EVERY_S * (len(chime.value) - 1) + _RING_S) * SAMPLE_RATE_HZ)


def _note(pitch_hz: float, samples: int) -> NDArray[np.float64]:
    time_s = np.arange(samples) / SAMPLE_RATE_HZ
    note = np.zeros(samples)
    for multiple, amplitude, fall_s in _PARTIALS:
        note += amplitude * np.exp(-time_s / fall_s) * np.sin(2 * np.pi * pitch_hz * multiple * time_s)
    return note * np.minimum(time_s / _ATTACK_S, 1.0)
