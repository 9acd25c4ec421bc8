"""From an untrusted file to the clip that gateways play: the one entry for whoever has an upload."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from audio import compose, stream
from audio.formats import CLIP_SUFFIX, opus_samples, samples_to_ms
from audio.ingest import decode
from audio.limits import Limits
from audio.master import master
from audio.probe import refuse_too_long
from audio.timeline import PrepareSpec, arrange, total_samples

__all__ = ["Limits", "PrepareSpec", "PreparedClip", "prepare"]

_DECODED, _COMPOSED = 0.15, 0.25  # how far along those steps end, by the time they take


@dataclass(frozen=True, slots=True)
class PreparedClip:
    """A finished clip: Ogg Opus, mono, 48 kHz.

    Attributes:
        path: The file, named by its SHA-256, in the work folder given.
        sha256: Of its bytes, 64 lower-case hexadecimal digits.
        size_bytes: Of the file.
        duration_ms: What it plays.
        loudness_lufs: Integrated loudness as decoded again.
        true_peak_dbtp: True peak as decoded again.
    """

    path: Path
    sha256: str
    size_bytes: int
    duration_ms: int
    loudness_lufs: float
    true_peak_dbtp: float


def prepare(
    source: Path,
    spec: PrepareSpec,
    workdir: Path,
    progress: Callable[[float], None] | None = None,
    *,
    limits: Limits | None = None,
) -> PreparedClip:
    """Decode, measure, compose, master and encode one upload.

    The same file and spec give the same bytes with the same ffmpeg. Memory stays under 100 MB here and in
    ffmpeg, whatever the length; the work folder needs some 400 MB for an hour.

    Args:
        source: The upload. Its name and its declared type are not looked at.
        spec: What the clip should be like.
        workdir: An existing folder for the clip and for what is in the making; the caller's to empty.
        progress: Told the share done, 0 to 1, rising, from the calling thread.
        limits: What is taken; the defaults of `Limits` if None.

    Raises:
        AudioRefused: With the code that says why; nothing is left in `workdir`.
        FfmpegFailed: Work on a file of ours failed: a bug or a full disk.
        OSError: A file cannot be opened or written.
    """
    limits = limits or Limits()
    with TemporaryDirectory(dir=workdir) as folder:
        making = Path(folder)
        speech = decode(source, making / "speech.flac", limits=limits, progress=_part(progress, 0, _DECODED))
        pieces = arrange(spec)
        duration_ms = samples_to_ms(total_samples(pieces, speech.samples))
        refuse_too_long(duration_ms, limits)
        if duration_ms <= compose.LONGEST_MS:
            composed = compose.compose(speech, pieces, making / "clip.wav")
        else:
            composed = stream.stream(speech, pieces, making / "clip.flac")
        encoded = making / f"clip{CLIP_SUFFIX}"
        loudness = master(
            composed,
            encoded,
            target_lufs=spec.target_lufs,
            duration_ms=duration_ms,
            progress=_part(progress, _COMPOSED, 1),
        )
        with encoded.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        path = encoded.replace(workdir / f"{sha256}{CLIP_SUFFIX}")
    return PreparedClip(
        path=path,
        sha256=sha256,
        size_bytes=path.stat().st_size,
        duration_ms=samples_to_ms(opus_samples(path)),
        loudness_lufs=loudness.integrated_lufs,
        true_peak_dbtp=loudness.true_peak_dbtp,
    )


def _part(
    progress: Callable[[float], None] | None, start: float, stop: float
) -> Callable[[float], None] | None:
    """Map the progress of one step onto its part of the whole."""
    if progress is None:
        return None
    return lambda share: progress(start + (stop - start) * share)
