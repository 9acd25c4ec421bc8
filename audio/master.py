"""Bring a composed clip to its loudness and encode it, by measuring what was really encoded."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from audio import ffmpeg
from audio.formats import CLIP_ENCODING, SAMPLE_RATE_HZ
from audio.limits import own_work
from audio.loudness import Attempt, Drive, Loudness, best, first_drive, next_drive
from audio.measure import measure

_OVERSAMPLED_HZ = 4 * SAMPLE_RATE_HZ
"""BS.1770-4 Annex 2 finds true peaks at four times the rate; a limiter there sees what a meter sees."""
_ENCODING_SHARE = 0.75  # of an attempt's time; measuring is the rest


def master(
    source: ffmpeg.Input,
    out: Path,
    *,
    target_lufs: float,
    duration_ms: int,
    progress: Callable[[float], None] | None = None,
) -> Loudness:
    """Encode a clip so that, decoded again, it has the loudness wanted under the peak ceiling.

    Args:
        source: The composed clip in a lossless format; not silent.
        out: Where the Ogg Opus file goes.
        target_lufs: Loudness wanted. Sound that only clicks stays below it, see `MAX_LIMITING_DB`.
        duration_ms: Length of the clip, for the time it is given and for `progress`.
        progress: Told the share done, 0 to 1; how many attempts it takes is not known beforehand, so
            each covers half of what is left.

    Returns:
        What the file at `out` measures.

    Raises:
        FfmpegFailed: A run failed; for a file of ours that is a bug or a full disk.
    """
    bounds = own_work(duration_ms)
    unmastered = measure(source, bounds=bounds)
    attempts: list[Attempt] = []
    files: dict[Attempt, Path] = {}
    drive: Drive | None = first_drive(unmastered, target_lufs)
    with TemporaryDirectory(dir=out.parent) as folder:
        while drive is not None:
            path = Path(folder, f"{len(attempts)}.opus")
            encoding, measuring = _halves(len(attempts), duration_ms, progress)
            ffmpeg.run(
                [source],
                ["-af", _filters(drive), *CLIP_ENCODING],
                ffmpeg.Output(path, "ogg"),
                bounds=bounds,
                on_position_ms=encoding,
            )
            result = measure(ffmpeg.Input(path, "ogg"), bounds=bounds, on_position_ms=measuring)
            attempts.append(Attempt(drive, result))
            files[attempts[-1]] = path
            drive = next_drive(unmastered, attempts, target_lufs)
        chosen = best(attempts, target_lufs)
        if chosen is None:
            raise RuntimeError(f"no attempt came under the peak ceiling: {attempts}")
        files[chosen].replace(out)
    if progress is not None:
        progress(1.0)
    return chosen.result


def _filters(drive: Drive) -> str:
    limit = 10 ** (drive.limit_dbfs / 20)
    return (
        f"volume={drive.gain_db:.3f}dB,aresample={_OVERSAMPLED_HZ},"
        # latency: without it the look-ahead delays the sound and cuts its end.
        f"alimiter=limit={limit:.6f}:attack=2:release=20:level=false:latency=true,"
        f"aresample={SAMPLE_RATE_HZ}"
    )


def _halves(
    attempt: int, duration_ms: int, progress: Callable[[float], None] | None
) -> tuple[Callable[[int], None], Callable[[int], None]]:
    """Return what listens to the encoding and to the measuring of one attempt."""
    start, width = 1 - 0.5**attempt, 0.5 ** (attempt + 1)

    def tell(position_ms: int, offset: float, share: float) -> None:
        if progress is not None:
            progress(start + width * (offset + share * min(position_ms / max(duration_ms, 1), 1.0)))

    return (
        lambda position_ms: tell(position_ms, 0.0, _ENCODING_SHARE),
        lambda position_ms: tell(position_ms, _ENCODING_SHARE, 1 - _ENCODING_SHARE),
    )
