"""Clips into samples; the only file that knows PyAV. Streams: an hour takes no more memory than a second."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from device_agent.sinks.contract import RATE

Samples = NDArray[np.float32]


class Unplayable(ValueError):
    """There is no sound, or none any more; `reason` is the stable word for the record."""

    reason: ClassVar[str]
    bad_clip: str | None = None
    """The clip to blame, by its hash."""


class UnreadableClip(Unplayable):
    """The file is there, but it is no sound that can be decoded."""

    reason = "clip_unreadable"

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(f"{path.name}: {detail}")
        self.bad_clip = path.name


def decode(path: Path) -> Iterator[Samples]:
    """Yield the samples of a clip, mono at 48 kHz, full scale ±1, in pieces of any length.

    Raises:
        UnreadableClip: While iterating, at the place where it cannot be read further.
    """
    try:
        # Every clip is Opus in Ogg. To let FFmpeg guess would ask each of its 350 demuxers, 2 MB of them.
        with av.open(str(path), format="ogg") as container:
            if not container.streams.audio:
                raise UnreadableClip(path, "no audio stream")
            resampler = AudioResampler(format="flt", layout="mono", rate=RATE)
            for frame in container.decode(container.streams.audio[0]):
                yield from _pieces(resampler, frame)
            yield from _pieces(resampler, None)
    except (av.FFmpegError, OSError) as error:
        raise UnreadableClip(path, str(error)) from error


def _pieces(resampler: AudioResampler, frame: AudioFrame | None) -> Iterator[Samples]:
    for piece in resampler.resample(frame):
        yield piece.to_ndarray().reshape(-1).astype(np.float32, copy=False)
