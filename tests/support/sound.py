"""Hear what was played: read a clip as a gateway would, and find one sound within another."""

import io
from pathlib import Path

import av
import numpy as np
import soundfile
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 48_000

_QUIET_SHARE = 1e-6
"""A window this much weaker than the loudest holds only rounding noise, which correlates with anything."""


def decode_clip(path: Path) -> NDArray[np.float32]:
    """Return a sound file of ours as mono samples at 48 kHz, full scale ±1, shape (n,).

    A clip is decoded by libopus, as a gateway does it: FFmpeg's own decoder has the same sound with other
    phases, which is less alike sample by sample. Anything else is decoded, and resampled, by FFmpeg.
    """
    with path.open("rb") as file:
        is_ogg = file.read(4) == b"OggS"
    if is_ogg:
        return as_decoded(path.read_bytes())
    resampler = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
    with av.open(str(path)) as container:
        frames = [
            out.to_ndarray()[0] for frame in container.decode(audio=0) for out in resampler.resample(frame)
        ]
        frames += [out.to_ndarray()[0] for out in resampler.resample(None)]
    return np.concatenate(frames).astype(np.float32) if frames else np.zeros(0, np.float32)


def as_decoded(clip: bytes) -> NDArray[np.float32]:
    """Return what libopus makes of a clip, shape (n,): its phases are not those of what was encoded."""
    sound, rate = soundfile.read(io.BytesIO(clip), dtype="float32")
    assert rate == SAMPLE_RATE_HZ
    return np.asarray(sound, dtype=np.float32)


def normalised_cross_correlation(
    recorded: NDArray[np.floating], reference: NDArray[np.floating]
) -> tuple[float, int]:
    """Find where a reference sounds within a recording, and how surely.

    Each lag is judged against the energy of just that window of the recording, so neither the level of
    the recording nor what else is in it changes the figure: 1 is the same wave at any volume, 0.9 is the
    same sound through a codec or some noise, other speech stays under about 0.3.

    Every lag is tried at which the whole reference lies within the recording, by FFT in blocks
    (overlap-save): a quarter of an hour of recording takes seconds and little memory.

    Args:
        recorded: Mono samples, shape (n,).
        reference: Mono samples at the same rate, shape (m,), 1 ≤ m ≤ n, not silent.

    Returns:
        The highest correlation, -1 to 1, and the lag in samples at which it stands: the reference begins
        at `recorded[lag]`. A silent recording gives (0.0, 0).

    Raises:
        ValueError: The reference is empty, silent or longer than the recording.
    """
    sought = np.asarray(reference, dtype=np.float64)
    heard = np.asarray(recorded, dtype=np.float64)
    size, lags = len(sought), len(heard) - len(sought) + 1
    sought_energy = float(sought @ sought)
    if size == 0 or sought_energy == 0:
        raise ValueError("the reference is empty or silent")
    if lags < 1:
        raise ValueError("the reference is longer than the recording")
    energies = _window_energies(heard, size)
    loudest = float(energies.max())
    if loudest <= 0:
        return 0.0, 0
    scale = np.sqrt(np.maximum(energies, loudest * _QUIET_SHARE) * sought_energy)
    correlation = _products(heard, sought, lags) / scale
    correlation[energies < loudest * _QUIET_SHARE] = 0
    lag = int(np.argmax(correlation))
    return float(correlation[lag]), lag


def _window_energies(heard: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return the energy of each window of `size` samples, shape (lags,)."""
    total = np.concatenate(([0.0], np.cumsum(heard * heard)))
    return total[size:] - total[:-size]


def _products(heard: NDArray[np.float64], sought: NDArray[np.float64], lags: int) -> NDArray[np.float64]:
    """Return the inner product of `sought` with the window at each lag, shape (lags,)."""
    size = len(sought)
    block = 1 << (4 * size - 1).bit_length()
    step = block - size + 1  # lags of one block that do not wrap around
    spectrum = np.conj(np.fft.rfft(sought, block))
    products = np.empty(lags)
    for start in range(0, lags, step):
        span = np.fft.irfft(np.fft.rfft(heard[start : start + block], block) * spectrum, block)
        products[start : start + step] = span[: min(step, lags - start)]
    return products


def integrated_lufs(samples: NDArray[np.floating]) -> float:
    """Return the integrated loudness of mono samples at 48 kHz (BS.1770-4), -inf if nothing passes the gate.

    A second meter beside ffmpeg's, written from the recommendation: the K weighting is applied to the
    spectrum of the whole, then 400 ms blocks every 100 ms pass the absolute and the relative gate.
    """
    sound = np.asarray(samples, dtype=np.float64)
    length = 1 << (len(sound) + SAMPLE_RATE_HZ).bit_length()
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(length))
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high_pass = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    weighted = np.fft.irfft(np.fft.rfft(sound, length) * shelf * high_pass, length)[: len(sound)]
    energy = np.concatenate(([0.0], np.cumsum(weighted * weighted)))
    block, hop = SAMPLE_RATE_HZ * 4 // 10, SAMPLE_RATE_HZ // 10
    starts = np.arange(0, len(sound) - block + 1, hop)
    power = (energy[starts + block] - energy[starts]) / block
    power = power[power > 10 ** ((-70 + 0.691) / 10)]
    if len(power) == 0:
        return -np.inf
    power = power[power > power.mean() / 10]
    return -0.691 + 10 * float(np.log10(power.mean()))


def true_peak_dbtp(samples: NDArray[np.floating]) -> float:
    """Return the true peak of mono samples in dBTP: the highest of eight times as many, by the spectrum."""
    spectrum = np.fft.rfft(np.asarray(samples, dtype=np.float64))
    finer = np.fft.irfft(spectrum, 8 * len(samples)) * 8
    return 20 * float(np.log10(np.abs(finer).max()))
