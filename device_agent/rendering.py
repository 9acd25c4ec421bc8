"""One item as a stream of blocks: its clips joined without a gap, repeated with gaps."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from device_agent.decoding import Samples
from device_agent.sinks.contract import BLOCK_FRAMES, RATE
from wire.messages import Item

Decode = Callable[[Path], Iterator[Samples]]


def render(
    item: Item, path_of: Callable[[str], Path], decode: Decode, offset_ms: int = 0
) -> Iterator[Samples]:
    """Yield an item's samples in blocks of 960, the last one shorter.

    Args:
        item: What to play; its gain is applied, the gateway's volume is not.
        path_of: Where the clip of a hash lies.
        decode: Yields a clip's samples.
        offset_ms: Start in the middle, as far in as this.

    Raises:
        UnreadableClip: As `decode` does, while iterating.
    """
    gain = np.float32(10.0 ** (item.gain_db / 20.0))
    pieces = _skipped(_pieces(item, path_of, decode), offset_ms * RATE // 1000)
    for block in _in_blocks(pieces):
        yield block if item.gain_db == 0.0 else block * gain


def _pieces(item: Item, path_of: Callable[[str], Path], decode: Decode) -> Iterator[Samples]:
    for turn in range(item.repeat):
        if turn and item.gap_ms:
            yield from _silence(item.gap_ms * RATE // 1000)
        for clip in item.clips:
            yield from decode(path_of(clip.sha256))


def _silence(frames: int) -> Iterator[Samples]:
    for start in range(0, frames, BLOCK_FRAMES):
        yield np.zeros(min(BLOCK_FRAMES, frames - start), dtype=np.float32)


def _skipped(pieces: Iterator[Samples], frames: int) -> Iterator[Samples]:
    for piece in pieces:
        if frames >= len(piece):
            frames -= len(piece)
        else:
            yield piece[frames:]
            frames = 0


def _in_blocks(pieces: Iterator[Samples]) -> Iterator[Samples]:
    kept = np.zeros(0, dtype=np.float32)
    for piece in pieces:
        kept = np.concatenate((kept, piece)) if len(kept) else piece
        whole = len(kept) // BLOCK_FRAMES * BLOCK_FRAMES
        for start in range(0, whole, BLOCK_FRAMES):
            yield kept[start : start + BLOCK_FRAMES]
        kept = kept[whole:]
    if len(kept):
        yield kept
