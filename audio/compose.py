"""Put short clips together with pydub, and the ONLY file that imports it.

pydub holds everything in memory several times over (60 minutes of stereo took it 1.8 GB), so it composes
what is short and `audio.stream` what is long; both render the same timeline.
"""

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from audio import ffmpeg
from audio.chimes import CHIME_LUFS, Chime, render
from audio.formats import SAMPLE_RATE_HZ
from audio.ingest import Decoded
from audio.limits import own_work
from audio.loudness import gain_to_target
from audio.timeline import CHIME_BELOW_SPEECH_LU, FADE_MS, Piece, Silence, Speech

with warnings.catch_warnings():
    # pydub 0.25.1 has invalid escapes, imports the deprecated audioop, and misses an ffmpeg on PATH that
    # it never gets to run here. Only this import is silenced.
    warnings.simplefilter("ignore")
    from pydub import AudioSegment

LONGEST_MS = 5 * 60_000
"""The longest clip that is composed here."""

WORKING_LUFS = -23.0
"""Speech is brought here first, so that the chime can be set against it whatever the upload's level."""

_SAMPLE_BYTES = 2


def working_gain_db(speech: Decoded) -> float:
    """Return the gain in dB to the level at which clips are put together."""
    loudness = speech.loudness
    return gain_to_target(loudness.integrated_lufs, WORKING_LUFS, peak_dbtp=loudness.true_peak_dbtp)


def chime_gain_db(speech: Decoded) -> float:
    """Return the gain in dB that sets a chime below the speech at its working level."""
    speech_lufs = speech.loudness.integrated_lufs + working_gain_db(speech)
    return speech_lufs - CHIME_BELOW_SPEECH_LU - CHIME_LUFS


def speech_filters(speech: Decoded) -> str:
    """Return the ffmpeg filters that bring speech to its working level and fade its edges.

    Not by pydub: its fades cut to whole milliseconds, and the end of the clip with them.
    """
    fade = FADE_MS * SAMPLE_RATE_HZ // 1000
    return (
        f"volume={working_gain_db(speech):.3f}dB,"
        f"afade=t=in:start_sample=0:nb_samples={fade},"
        f"afade=t=out:start_sample={speech.samples - fade}:nb_samples={fade}"
    )


def compose(speech: Decoded, pieces: tuple[Piece, ...], out: Path) -> ffmpeg.Input:
    """Render a short clip into a WAV file: mono, 48 kHz, 16 bits, not yet at its final loudness.

    Args:
        speech: What is said.
        pieces: In the order in which they sound.
        out: The file to write.

    Returns:
        `out`, as ffmpeg is to read it.

    Raises:
        FfmpegFailed: The speech cannot be read back; for a file of ours that is a bug or a full disk.
    """
    said = _speech(speech)
    clip = _segment(b"")
    for piece in pieces:
        # append() would cross-fade by 100 ms unless told not to.
        match piece:
            case Silence(duration_ms):
                blank = bytes(duration_ms * SAMPLE_RATE_HZ // 1000 * _SAMPLE_BYTES)
                clip = clip.append(_segment(blank), crossfade=0)
            case Speech():
                clip = clip.append(said, crossfade=0)
            case chime:
                clip = clip.append(_chime(chime, chime_gain_db(speech)), crossfade=0)
    clip.export(str(out), format="wav").close()  # by the wave module: pydub runs no program for WAV
    return ffmpeg.Input(out, "wav")


def _speech(speech: Decoded) -> AudioSegment:
    with TemporaryDirectory(dir=speech.path.parent) as folder:
        raw = Path(folder, "speech.raw")
        ffmpeg.run(
            [ffmpeg.Input(speech.path, "flac")],
            ["-af", speech_filters(speech), "-c:a", "pcm_s16le"],
            ffmpeg.Output(raw, "s16le"),
            bounds=own_work(speech.duration_ms),
        )
        return _segment(raw.read_bytes())


def _chime(chime: Chime, gain_db: float) -> AudioSegment:
    samples = render(chime) * 10 ** (gain_db / 20)
    return _segment(np.rint(samples * 32767).astype("<i2").tobytes())


def _segment(samples: bytes) -> AudioSegment:
    return AudioSegment(data=samples, sample_width=_SAMPLE_BYTES, frame_rate=SAMPLE_RATE_HZ, channels=1)
