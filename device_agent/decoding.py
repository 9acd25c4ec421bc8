"""Clips into samples, by libsndfile. Streams: an hour takes no more memory than a second. ADR 12 says why."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import soundfile
from numpy.typing import NDArray

from device_agent.sinks.contract import RATE

Samples = NDArray[np.float32]

PIECE_FRAMES = RATE // 10
"""So much is decoded at once: larger pieces save no more processor time, and the first one takes 0.3 ms."""


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
        UnreadableClip: While iterating, at the place where it cannot be read further; at its end, if it held
            less than it announced.
    """
    try:
        with soundfile.SoundFile(path) as sound:
            if sound.samplerate != RATE:
                raise UnreadableClip(path, f"{sound.samplerate} Hz")
            missing = sound.frames
            while len(piece := sound.read(PIECE_FRAMES, dtype="float32", always_2d=True)):
                missing -= len(piece)
                yield piece[:, 0] if sound.channels == 1 else piece.mean(axis=1)
            if missing:
                raise UnreadableClip(path, f"{missing} samples are missing")
    except (soundfile.SoundFileError, OSError) as error:
        raise UnreadableClip(path, str(error)) from error
