"""What an untrusted file says of itself, read from its headers in some 40 ms and before any decoding."""

import re
from dataclasses import dataclass
from pathlib import Path

from audio import ffmpeg
from audio.errors import AudioRefused, Refusal
from audio.limits import Limits
from audio.sniff import HEAD_BYTES, Container, sniff

# Two blanks exactly: titles and comments are indented further, so no file can forge these lines.
_DURATION = re.compile(r"^  Duration: (?:(\d+):(\d\d):(\d\d)\.(\d\d)|N/A)", re.MULTILINE)
_SOUND = re.compile(r"^  Stream #0:\d+\S*: Audio: (\w+)[^\n]*?, (\d+) Hz, ", re.MULTILINE)
_MOVING_PICTURE = re.compile(r"^  Stream #0:\d+\S*: Video: (?![^\n]*attached pic)", re.MULTILINE)
_ESTIMATED = "Estimating duration from bitrate"


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a file claims to hold; `audio.ingest` holds it to that.

    Attributes:
        container: By its magic bytes.
        codec: ffmpeg's name of the sound codec.
        sample_rate_hz: Of the sound as coded.
        duration_ms: Length; found by walking the packets where no header states it.
        duration_is_promised: The file itself states how long its sound is, so less means it was cut.
    """

    container: Container
    codec: str
    sample_rate_hz: int
    duration_ms: int
    duration_is_promised: bool


def probe(path: Path, limits: Limits) -> SourceInfo:
    """Look at a file without decoding it.

    Raises:
        AudioRefused: `empty_file`, `too_large`, `playlist_refused`, `not_audio`, `unreadable_audio`,
            `too_long`, `decode_timeout`.
        OSError: The file cannot be opened.
    """
    size_bytes = path.stat().st_size
    if size_bytes > limits.max_bytes:
        raise AudioRefused(Refusal.TOO_LARGE, f"{size_bytes} bytes, at most {limits.max_bytes} are taken")
    with path.open("rb") as file:
        container = sniff(file.read(HEAD_BYTES), size_bytes=size_bytes)
    source = ffmpeg.Input(path, container.value)
    try:
        log = ffmpeg.describe(source, bounds=limits.probe)
    except ffmpeg.FfmpegFailed as failed:
        raise refusal_of(failed) from failed
    sound, length = _SOUND.search(log), _DURATION.search(log)
    if length is None or sound is None:
        raise AudioRefused(Refusal.NOT_AUDIO, "the file holds no sound stream")
    stated = length[1] is not None
    duration_ms = _duration_ms(length) if stated else _walk_ms(source, limits)
    refuse_too_long(duration_ms, limits)
    return SourceInfo(
        container=container,
        codec=sound[1],
        sample_rate_hz=int(sound[2]),
        duration_ms=duration_ms,
        # Beside a film the length is the film's, and its sound may end earlier.
        duration_is_promised=stated and _ESTIMATED not in log and not _MOVING_PICTURE.search(log),
    )


def refuse_too_long(duration_ms: int, limits: Limits) -> None:
    """Refuse what is over the limit.

    Raises:
        AudioRefused: `too_long`.
    """
    if duration_ms > limits.max_duration_ms:
        raise AudioRefused(
            Refusal.TOO_LONG,
            f"{duration_ms // 1000} s, at most {limits.max_duration_ms // 1000} s are taken",
        )


def refusal_of(failed: ffmpeg.FfmpegFailed) -> AudioRefused:
    """Say why ffmpeg could not work on an untrusted file."""
    if failed.ending.out_of_time:
        return AudioRefused(Refusal.DECODE_TIMEOUT, "decoding took more time than it is given")
    if failed.ending.wrote_too_much:
        return AudioRefused(Refusal.TOO_LARGE, "the decoded sound is larger than allowed")
    return AudioRefused(Refusal.UNREADABLE_AUDIO, "the file is damaged or coded in a way that is not read")


def _duration_ms(found: re.Match[str]) -> int:
    hours, minutes, seconds, hundredths = (int(part) for part in found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + hundredths * 10


def _walk_ms(source: ffmpeg.Input, limits: Limits) -> int:
    """Find a length that no header states (a browser's recording) by copying packets to nowhere.

    It stops just past the limit, so an endless file costs no more than the longest allowed.
    """
    reached = [0]
    stop_s = f"{limits.max_duration_ms / 1000 + 1:.3f}"
    arguments = ["-map", "0:a:0", "-c", "copy", "-t", stop_s]
    try:
        ffmpeg.run([source], arguments, None, bounds=limits.probe, on_position_ms=reached.append)
    except ffmpeg.FfmpegFailed as failed:
        raise refusal_of(failed) from failed
    return max(reached)
