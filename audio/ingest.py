"""From an untrusted file to sound of our own: the one time that its bytes are decoded."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from audio import ffmpeg
from audio.errors import AudioRefused, Refusal
from audio.formats import SAMPLE_RATE_HZ, WORKING_ENCODING, flac_samples, samples_to_ms
from audio.limits import MIN_DURATION_MS, Limits
from audio.loudness import SILENCE_LUFS, Loudness
from audio.measure import METER, parse
from audio.probe import SourceInfo, probe, refusal_of, refuse_too_long

_HEADROOM_DB = 6
"""A lossy codec decodes to over full scale where the music was full; integers would clip it."""
_MONO = (
    f"aresample={SAMPLE_RATE_HZ},aformat=channel_layouts=mono"  # before the meter: stereo measures otherwise
)
_MISSING_MS, _MISSING_SHARE = 500, 0.02
"""How far a whole file may fall short of its header: encoders round, pad and trim."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Sound as it came, in our working format: mono FLAC, 24 bits, 48 kHz.

    Attributes:
        path: The working file.
        samples: Its length.
        loudness: As measured on it, so some decibels below the upload's.
    """

    path: Path
    samples: int
    loudness: Loudness

    @property
    def duration_ms(self) -> int:
        """Its length in ms."""
        return samples_to_ms(self.samples)


def decode(
    path: Path, out: Path, *, limits: Limits, progress: Callable[[float], None] | None = None
) -> Decoded:
    """Decode an untrusted file and measure it, in one run of ffmpeg.

    A file that was cut short is refused when it states its length (WAV, FLAC, MP4, WebM, most MP3), since
    an announcement that breaks off in mid-sentence should be noticed by whoever uploads it. Where it does
    not (Ogg, ADTS, MP3 without an index) what is there is taken.

    Args:
        path: The file; its name has no meaning.
        out: Where the working file goes.
        limits: What it may cost.
        progress: Told the share done, 0 to 1.

    Raises:
        AudioRefused: What `probe` raises; and `too_short`, `silent`, `too_large`.
        OSError: A file cannot be opened or the disk is full.
    """
    info = probe(path, limits)
    total_ms = max(info.duration_ms, 1)

    def on_position_ms(position_ms: int) -> None:
        if progress is not None:
            progress(min(position_ms / total_ms, 1.0))

    arguments = ["-map", "0:a:0", "-af", ",".join((_MONO, f"volume=-{_HEADROOM_DB}dB", METER))]
    # One second more than allowed, so that a header that lied is told from a file that just fits.
    arguments += [*WORKING_ENCODING, "-t", f"{limits.max_duration_ms / 1000 + 1:.3f}"]
    try:
        log = ffmpeg.run(
            [ffmpeg.Input(path, info.container.value)],
            arguments,
            ffmpeg.Output(out, "flac"),
            bounds=limits.decode,
            on_position_ms=on_position_ms,
        )
    except ffmpeg.FfmpegFailed as failed:
        raise refusal_of(failed) from failed
    decoded = Decoded(out, flac_samples(out), parse(log))
    _refuse_unfit(decoded, info, limits)
    return decoded


def _refuse_unfit(decoded: Decoded, info: SourceInfo, limits: Limits) -> None:
    refuse_too_long(decoded.duration_ms, limits)
    missing_ms = info.duration_ms - decoded.duration_ms
    if decoded.samples == 0:
        raise AudioRefused(Refusal.UNREADABLE_AUDIO, "nothing could be decoded")
    if info.duration_is_promised and missing_ms > _MISSING_MS + info.duration_ms * _MISSING_SHARE:
        raise AudioRefused(
            Refusal.UNREADABLE_AUDIO,
            f"the file is cut short: {decoded.duration_ms} ms of {info.duration_ms} ms are there",
        )
    if decoded.duration_ms < MIN_DURATION_MS:
        raise AudioRefused(Refusal.TOO_SHORT, f"{decoded.duration_ms} ms, at least {MIN_DURATION_MS} ms")
    uploaded_lufs = decoded.loudness.integrated_lufs + _HEADROOM_DB
    if uploaded_lufs < SILENCE_LUFS:
        raise AudioRefused(Refusal.SILENT, f"{uploaded_lufs:.1f} LUFS is silence")
