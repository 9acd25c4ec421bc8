"""Sounds to test with, made on the spot: speech by espeak-ng, and signals by arithmetic."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from support.sound import SAMPLE_RATE_HZ

from audio import ffmpeg
from audio.espeak import VOICES
from audio.limits import Bounds

MEETING = (
    "Ủy ban nhân dân xã thông báo. Kính mời bà con nhân dân ấp Đại Ân dự họp lúc 7h30 ngày 24/11/2026 "
    "tại nhà văn hóa. Nội dung: phòng chống bão, tiêm chủng cho trẻ em và thu gom rác thải."
)
STORM = "Bão số 9 mạnh cấp 12 đang vào gần bờ. Đề nghị bà con neo đậu tàu thuyền và chằng chống nhà cửa."


def speech(out: Path, text: str = MEETING, *, voice: str = "vi-south") -> Path:
    """Speak a text into a WAV file and return it; some 10 s for `MEETING`."""
    VOICES[voice].synthesise(text, out)
    return out


def write_sound(out: Path, samples: NDArray[np.floating]) -> Path:
    """Write mono samples at 48 kHz, full scale ±1, into a WAV file of 32-bit floats and return it."""
    raw = out.with_suffix(".raw")
    raw.write_bytes(np.asarray(samples).astype("<f4").tobytes())
    source = ffmpeg.Input(raw, "f32le", ("-ar", str(SAMPLE_RATE_HZ), "-ch_layout", "mono"))
    ffmpeg.run([source], ["-c:a", "pcm_f32le"], ffmpeg.Output(out, "wav"), bounds=Bounds())
    raw.unlink()
    return out


def convert(source: Path, out: Path, muxer: str, *arguments: str) -> Path:
    """Encode a WAV file otherwise and return the result."""
    ffmpeg.run([ffmpeg.Input(source, "wav")], arguments, ffmpeg.Output(out, muxer), bounds=Bounds())
    return out


def music(seconds: float = 12) -> NDArray[np.float64]:
    """Return something like music: plucked notes of a scale over a bass, shape (n,), peak 0.5."""
    time_s = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    sound = np.zeros(len(time_s))
    for step, pitch_hz in enumerate((262, 294, 330, 392, 440, 392, 330, 294)):
        since_s = (time_s - step * 0.25) % 2.0
        sound += np.exp(-4 * since_s) * np.sin(2 * np.pi * pitch_hz * since_s)
    sound += 0.4 * np.sin(2 * np.pi * 98 * time_s) * (0.6 + 0.4 * np.sin(2 * np.pi * 0.5 * time_s))
    return 0.5 * sound / np.abs(sound).max()


def noise(seconds: float = 12, *, pink: bool = False, seed: int = 7) -> NDArray[np.float64]:
    """Return white or pink noise, shape (n,), peak 0.5."""
    samples = round(seconds * SAMPLE_RATE_HZ)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    if pink:
        spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 20))
    sound = np.fft.irfft(spectrum, samples)
    return 0.5 * sound / np.abs(sound).max()
