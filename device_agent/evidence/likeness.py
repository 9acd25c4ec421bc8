"""Whether a sound that was written to the device is in what a probe heard, and how much later. Pure.

The two are compared by the phases of their spectra (generalised cross-correlation with the phase transform:
Knapp and Carter, IEEE Trans. ASSP 24(4), 1976). A horn, a room, an amplifier and their gains change the
levels of frequencies far more than they change when each one arrives, so what they do leaves a sharp peak at
the delay; noise and other speech leave none. Only the band that every horn and cheap microphone passes
counts. Figures behind the thresholds: ``docs/evidence.md``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

LOW_HZ, HIGH_HZ = 300.0, 3400.0
"""The telephone's band; beneath it stand hum and wind."""

GRID_HZ = 8_000
"""Delays are told apart by 1/8 ms."""

ONE_SOUND_S = 0.03
"""Peaks nearer than this are one arrival: its pitch and its first reflections."""

MIN_PROMINENCE = 15.0
MIN_LEAD = 1.5
MIN_COHERENCE = 0.08
DISTINCT_LEAD = 3.0
"""Of the written sound over itself: a steady tone has 1.6, plucked notes 3.9, speech 30 and more."""

MIN_LEVEL_DB = -50.0
"""Quieter than this, the written sound counts as a pause."""

_WEAK = 0.01
_NOTHING = 1e-12
_RAYLEIGH_95 = 2.448
"""95 % of the magnitudes of noise are below this many times its standard deviation."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How one stretch of written sound stands out in what was heard."""

    delay_ms: float
    """How much later it was heard than it was written for."""
    prominence: float
    """Height of the peak over the noise around it, in standard deviations."""
    lead: float
    """Height of the peak over the next best delay: near 1 for what only resembles itself."""
    coherence: float
    """1 is the same wave at any volume."""

    @property
    def recognised(self) -> bool:
        """Whether it is this sound and no other."""
        return self.prominence >= MIN_PROMINENCE and self.lead >= MIN_LEAD and self.coherence >= MIN_COHERENCE


def likeness(
    expected: Samples, heard: Samples, *, expected_hz: int, heard_hz: int, earliest_ms: float
) -> Likeness | None:
    """Compare what was written with what was heard around the same time.

    Args:
        expected: Mono samples as written to the device, shape (n,).
        heard: Mono samples of the probe, shape (m,), longer than `expected` by all the delays to try.
        expected_hz: Sample rate of `expected`.
        heard_hz: Sample rate of `heard`; it need not be the same.
        earliest_ms: Delay at which `heard` begins; negative if before `expected`.

    Returns:
        What was found, or None if this stretch cannot be judged, by whatever probe: it is a pause, or so
        regular (a steady tone) that one delay looks like the next.
    """
    if level_db(expected) < MIN_LEVEL_DB:
        return None
    length_s = (len(expected) / expected_hz, len(heard) / heard_hz)
    # Both at a common length in seconds: their bins then are the same frequencies, whatever their rates.
    span_s = float(np.ceil(sum(length_s)))
    wanted, got = _band(_tapered(expected), expected_hz, span_s), _band(heard, heard_hz, span_s)
    power = np.square(np.abs(wanted))
    weight = power / (power + _WEAK * power.mean())
    if _lead(_envelope(weight, span_s), round(span_s * GRID_HZ), middle=True) < DISTINCT_LEAD:
        return None
    scale = float(weight.sum())
    peaks = _envelope(weight * np.conj(_phases(wanted)) * _phases(got), span_s) / scale
    lags = max(1, round((length_s[1] - length_s[0]) * GRID_HZ) + 1)
    peaks = peaks[:lags]
    best = int(peaks.argmax())
    around = _others(peaks, best)
    noise = float(np.percentile(around, 95)) / _RAYLEIGH_95 if len(around) else 0.0
    height = float(peaks[best])
    return Likeness(
        delay_ms=best * 1000 / GRID_HZ + earliest_ms,
        prominence=height / max(noise, _NOTHING) if height > _NOTHING else 0.0,
        lead=_lead(peaks, lags),
        coherence=height,
    )


def level_db(samples: Samples) -> float:
    """Return the root mean square of samples, dBFS; -120 for silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return 10.0 * float(np.log10(max(power, _NOTHING)))


def band_level_db(samples: Samples, rate_hz: int) -> float:
    """Return the level of what of the samples lies in the band, dBFS; -120 for silence."""
    if not len(samples):
        return level_db(samples)
    spectrum = _band(samples, rate_hz, len(samples) / rate_hz)
    power = 2.0 * float(np.sum(np.square(np.abs(spectrum), dtype=np.float64))) / len(samples) ** 2
    return 10.0 * float(np.log10(max(power, _NOTHING)))


def _band(samples: Samples, rate_hz: int, span_s: float) -> NDArray[np.complex64]:
    spectrum = np.fft.rfft(samples.astype(np.float32, copy=False), round(span_s * rate_hz))
    # numpy 2 keeps the precision; its type stubs say that it does not.
    return np.asarray(spectrum[round(LOW_HZ * span_s) : round(HIGH_HZ * span_s)], dtype=np.complex64)


def _tapered(samples: Samples) -> Samples:
    """Return the samples with soft ends: a hard edge is a sound of its own, in every frequency."""
    edge = len(samples) // 10
    ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(edge) / max(edge, 1))).astype(np.float32)
    return np.concatenate(
        (
            samples[:edge] * ramp,
            samples[edge : len(samples) - edge],
            samples[len(samples) - edge :] * ramp[::-1],
        )
    )


def _phases(spectrum: NDArray[np.complex64]) -> NDArray[np.complex64]:
    return np.asarray(spectrum / np.maximum(np.abs(spectrum), np.float32(_NOTHING)), dtype=np.complex64)


def _envelope(spectrum: NDArray[np.complex64] | NDArray[np.float32], span_s: float) -> NDArray[np.float32]:
    """Return the correlation's envelope by delay; the envelope stays when a horn turns the phase."""
    grid = np.zeros(round(span_s * GRID_HZ), dtype=np.complex64)
    grid[: len(spectrum)] = spectrum
    return np.asarray(np.abs(np.fft.ifft(grid, norm="forward")), dtype=np.float32)


def _others(peaks: NDArray[np.float32], best: int) -> NDArray[np.float32]:
    near = round(ONE_SOUND_S * GRID_HZ)
    return np.concatenate((peaks[: max(0, best - near)], peaks[best + near :]))


def _lead(peaks: NDArray[np.float32], lags: int, *, middle: bool = False) -> float:
    """Return by how much the highest peak is above every other one, as a ratio."""
    near = round(ONE_SOUND_S * GRID_HZ)
    others = peaks[near : lags - near] if middle else _others(peaks, int(peaks.argmax()))
    highest = float(others.max()) if len(others) else 0.0
    return float(peaks.max()) / max(highest, _NOTHING)
