"""The ONLY file that runs ffmpeg: the static build that the `imageio-ffmpeg` wheel brings.

ffmpeg gets open descriptors and never a name: `-protocol_whitelist fd` leaves it no way to open another
file or an address, whatever a container, a playlist or a strange file name may ask for. The demuxer is
always given, so it never guesses, and the decoders are a short list.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import imageio_ffmpeg

from audio import confined
from audio.limits import Bounds

_DECODERS = ",".join(
    (
        *("aac", "aac_latm", "alac", "flac", "mp3", "mp3float", "opus", "libopus", "vorbis", "libvorbis"),
        *("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw"),
        *("pcm_s16be", "adpcm_ms", "adpcm_ima_wav"),
    )
)
_PROGRESS_LINE = re.compile(r"^([a-z0-9_]+)=\s*(\S+)\s*$")
_STDOUT = 1


@dataclass(frozen=True, slots=True)
class Input:
    """One file to read.

    Attributes:
        path: Opened by us; ffmpeg never learns it.
        demuxer: ffmpeg's name of the format, from `audio.sniff` or our own.
        options: Demuxer options, such as the rate of raw samples.
    """

    path: Path
    demuxer: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """One file to write, replaced if it exists."""

    path: Path
    muxer: str


class FfmpegFailed(Exception):
    """ffmpeg gave up or was stopped.

    Attributes:
        ending: What is known of it; the last line of its log is the message.
    """

    def __init__(self, ending: confined.Ending) -> None:
        lines = ending.log.strip().splitlines()
        super().__init__(lines[-1] if lines else f"exit code {ending.exit_code}")
        self.ending = ending


@cache
def executable() -> str:
    """Return the path of the ffmpeg in use."""
    return str(Path(imageio_ffmpeg.get_ffmpeg_exe()).resolve())


def run(
    inputs: Sequence[Input],
    arguments: Sequence[str],
    output: Output | None,
    *,
    bounds: Bounds,
    on_position_ms: Callable[[int], None] | None = None,
) -> str:
    """Run ffmpeg once and return its log.

    Args:
        inputs: Files to read, in the order in which filters count them.
        arguments: Between the last input and the output: maps, filters, codec.
        output: Where the result goes; None measures and throws it away.
        bounds: What it may use.
        on_position_ms: Called now and then with the position reached in the output.

    Raises:
        FfmpegFailed: Exit code other than 0, or killed at a bound.
    """
    with ExitStack() as files:
        descriptors = [files.enter_context(each.path.open("rb")).fileno() for each in inputs]
        command = [executable(), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "info"]
        command += ["-filter_threads", "1", "-filter_complex_threads", "1"]
        if on_position_ms is not None:
            command += ["-progress", "pipe:2", "-stats_period", "0.5"]
        for each, descriptor in zip(inputs, descriptors, strict=True):
            command += ["-protocol_whitelist", "fd", "-codec_whitelist", _DECODERS, "-threads", "1"]
            command += [*each.options, "-f", each.demuxer, "-fd", str(descriptor), "-i", "fd:"]
        command += [*arguments, "-threads", "1"]
        if output is None:
            command += ["-f", "null", "-"]
            stdout = confined.NOWHERE
        else:
            command += ["-f", output.muxer, "-fd", str(_STDOUT), "-y", "fd:"]
            stdout = files.enter_context(output.path.open("w+b")).fileno()
        ending = confined.run(
            command,
            bounds=bounds,
            stdout=stdout,
            pass_fds=descriptors,
            on_line=None if on_position_ms is None else _progress_reader(on_position_ms),
        )
    if ending.exit_code != 0:
        raise FfmpegFailed(ending)
    return ending.log


def describe(source: Input, *, bounds: Bounds) -> str:
    """Return what ffmpeg prints about a file from its headers alone; nothing is decoded.

    Raises:
        FfmpegFailed: It cannot open the file, or was killed at a bound.
    """
    try:
        return run([source], ["-map", "0:a:0", "-c", "copy", "-t", "0"], None, bounds=bounds)
    except FfmpegFailed as failed:
        if "Input #0" in failed.ending.log and not failed.ending.out_of_time:
            return failed.ending.log
        raise


def _progress_reader(on_position_ms: Callable[[int], None]) -> Callable[[str], bool]:
    def read(line: str) -> bool:
        found = _PROGRESS_LINE.match(line)
        if found is None:
            return False
        if found[1] == "out_time_us" and found[2].isdecimal():
            on_position_ms(int(found[2]) // 1000)
        return True

    return read
