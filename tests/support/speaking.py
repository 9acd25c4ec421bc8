"""Someone who speaks live: Opus frames of 20 ms, signed by a session's own key."""

import os
from collections.abc import Iterator

import av
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray
from support.signing import an_id

from wire.live import LivePacket, seal_live
from wire.messages import LiveSource

RATE = 48_000
FRAME = 960


def opus_frames(samples: NDArray[np.float32]) -> list[bytes]:
    """Encode as a phone does (24 kbit/s, 20 ms), one frame each; the last one is filled up with silence."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "s16"
    encoder.bit_rate = 24_000
    encoder.options = {"application": "voip", "frame_duration": "20"}
    encoder.open()
    padded = np.pad(samples, (0, -len(samples) % FRAME))
    frames: list[bytes] = []
    for start in range(0, len(padded), FRAME):
        block = (padded[start : start + FRAME] * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(block[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, start
        frames += [bytes(packet) for packet in encoder.encode(frame)]
    return frames + [bytes(packet) for packet in encoder.encode(None)]


class Speaker:
    """One live session."""

    def __init__(self, *, longest_ms: int = 60_000) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(os.urandom(32))
        self.source = LiveSource(
            session=an_id(), public=self.key.public_key().public_bytes_raw(), longest_ms=longest_ms
        )

    def packets(self, frames: list[bytes], *, each: int = 1) -> Iterator[bytes]:
        """Yield signed packets of so many frames; the last one says that it is the last."""
        for first in range(0, len(frames), each):
            part = tuple(frames[first : first + each])
            yield self.sealed(LivePacket(first, part, is_last=first + each >= len(frames)))

    def sealed(self, packet: LivePacket) -> bytes:
        return seal_live(self.source.session, packet, self.key)
