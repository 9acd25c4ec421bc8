"""Read loudness and true peak by ffmpeg's `ebur128`: 1 s for 10 minutes, in constant memory."""

import math
import re
from collections.abc import Callable

from audio import ffmpeg
from audio.limits import Bounds
from audio.loudness import Loudness

METER = "ebur128=peak=true:framelog=quiet"
"""The filter; sound passes through it unchanged, so one run can convert and measure."""

_SUMMARY = re.compile(
    r"^\[Parsed_ebur128_\d+ @ 0x[0-9a-f]+\] Summary:\s+"
    r"Integrated loudness:\s+I:\s+(?P<integrated>\S+) LUFS.*?"
    r"True peak:\s+Peak:\s+(?P<peak>\S+) dBFS",
    re.MULTILINE | re.DOTALL,
)
_GATE_LUFS = -70.0


def parse(log: str) -> Loudness:
    """Return what the meter's summary in an ffmpeg log says.

    Raises:
        ValueError: There is no summary.
    """
    found = None
    for found in _SUMMARY.finditer(log):  # noqa: B007 - the last one: titles in a file come before it
        pass
    if found is None:
        raise ValueError("the log holds no loudness summary")
    integrated = float(found["integrated"])
    # The meter prints its absolute gate when no block was louder than it.
    return Loudness(-math.inf if integrated <= _GATE_LUFS else integrated, float(found["peak"]))


def measure(
    source: ffmpeg.Input, *, bounds: Bounds, on_position_ms: Callable[[int], None] | None = None
) -> Loudness:
    """Measure a file of ours, decoding all of it.

    Raises:
        FfmpegFailed: It cannot be read within its bounds; for our own files that is a bug or a full disk.
    """
    log = ffmpeg.run([source], ["-af", METER], None, bounds=bounds, on_position_ms=on_position_ms)
    return parse(log)
