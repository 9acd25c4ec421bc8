"""One item as a stream of blocks: its clips joined without a gap, repeated with gaps."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from device_agent.decoding import Decoding, Samples
from device_agent.sinks.contract import BLOCK_FRAMES, RATE
from wire.messages import Item

Decode = Callable[[Path, int], Decoding]
"""As `device_agent.decoding.decode`."""


def render(
    item: Item, path_of: Callable[[str], Path], decode: Decode, offset_ms: int = 0
) -> Iterator[Samples]:
    """Yield an item's samples in blocks of 960, the last one shorter.

    Args:
        item: What to play; its gain is applied, the gateway's volume is not.
        path_of: Where the clip of a hash lies.
        decode: Yields a clip's samples, from a frame on.
        offset_ms: Start in the middle, as far in as this.

    Raises:
        UnreadableClip: As `decode` does, while iterating.
    """
    gain = np.float32(10.0 ** (item.gain_db / 20.0))
    pieces = _pieces(item, path_of, decode, offset_ms * RATE // 1000)
    for block in _in_blocks(pieces):
        yield block if item.gain_db == 0.0 else block * gain


def _pieces(item: Item, path_of: Callable[[str], Path], decode: Decode, skipped: int) -> Iterator[Samples]:
    for turn in range(item.repeat):
        if turn and item.gap_ms:
            gap = item.gap_ms * RATE // 1000
            yield from _silence(gap - skipped)
            skipped = max(0, skipped - gap)
        for clip in item.clips:
            frames = yield from decode(path_of(clip.sha256), skipped)
            skipped = max(0, skipped - frames)


def _silence(frames: int) -> Iterator[Samples]:
    for start in range(0, frames, BLOCK_FRAMES):
        yield np.zeros(min(BLOCK_FRAMES, frames - start), dtype=np.float32)


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
