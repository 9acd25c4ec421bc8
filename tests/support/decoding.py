"""A sound in memory, decoded as a clip is."""

from collections.abc import Callable
from pathlib import Path

from device_agent.decoding import Decoding, Samples
from device_agent.rendering import Decode

PIECE_FRAMES = 700
"""No multiple of a block's, as with a real decoder."""


def from_memory(sound_of: Callable[[str], Samples]) -> Decode:
    """Return what decodes a clip by looking up the sound of its name."""

    def decode(path: Path, from_frame: int) -> Decoding:
        sound = sound_of(path.name)
        for start in range(from_frame, len(sound), PIECE_FRAMES):
            yield sound[start : start + PIECE_FRAMES]
        return len(sound)

    return decode
