"""What was said, as sound: plain samples to Opus on the way in, Opus frames to a clip afterwards."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from audio.formats import samples_to_ms
from controller.live.frames import PCM_FRAME_BYTES, PCM_RATE_HZ, SILENT_FRAME, BadFrame, Frame, check_pcm
from wire.live import FRAME_MS

BIT_RATE = 24_000
_RATE_HZ = 48_000
_FRAME_SAMPLES = _RATE_HZ * FRAME_MS // 1000

_PRE_SKIP = 312
"""Samples that a decoder throws away at the start: libopus looks 6.5 ms ahead (RFC 7845 §4.2)."""

_OPUS_HEAD = b"OpusHead\x01\x01" + _PRE_SKIP.to_bytes(2, "little") + _RATE_HZ.to_bytes(4, "little") + bytes(3)
"""RFC 7845 §5.1: version 1, one channel, no gain, mapping family 0."""


class PcmEncoder:
    """Encodes the plain samples of a browser that cannot encode. One per press; its frames in order."""

    def __init__(self) -> None:
        self._encoder = av.CodecContext.create("libopus", "w")
        self._encoder.sample_rate = PCM_RATE_HZ
        self._encoder.layout = "mono"
        self._encoder.format = "s16"
        self._encoder.bit_rate = BIT_RATE
        self._encoder.time_base = Fraction(1, PCM_RATE_HZ)
        self._encoder.options = {"application": "voip", "frame_duration": str(FRAME_MS)}
        self._encoder.open()
        self._position = 0

    def encode(self, samples: bytes) -> bytes:
        """Return one Opus frame.

        Args:
            samples: 20 ms, 16-bit little-endian, mono, 16 kHz.

        Raises:
            BadFrame: It is another length.
        """
        check_pcm(samples)
        frame = av.AudioFrame.from_ndarray(
            np.frombuffer(samples, dtype="<i2")[None], format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts = PCM_RATE_HZ, self._position
        frame.time_base = Fraction(1, PCM_RATE_HZ)
        self._position += PCM_FRAME_BYTES // 2
        packets = self._encoder.encode(frame)
        if len(packets) != 1:
            raise BadFrame("encoder_holds_back")
        return bytes(packets[0])


def write_clip(frames: Sequence[Frame], path: Path) -> int:
    """Write what was said into an Ogg/Opus file, untouched; what was left out is silence.

    Args:
        frames: At least one, by their numbers.
        path: Of the file to write.

    Returns:
        How long it is, ms.
    """
    said = list(_without_gaps(frames))
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=_RATE_HZ, layout="mono")
        context = stream.codec_context
        context.extradata = _OPUS_HEAD
        stream.time_base = Fraction(1, _RATE_HZ)
        for index, data in enumerate(said):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, _RATE_HZ)
            # From before zero on: what is thrown away is not counted, or each page would promise too much.
            packet.pts = packet.dts = index * _FRAME_SAMPLES - _PRE_SKIP
            packet.duration = _FRAME_SAMPLES
            container.mux(packet)
    return samples_to_ms(len(said) * _FRAME_SAMPLES - _PRE_SKIP)


def _without_gaps(frames: Sequence[Frame]) -> Iterator[bytes]:
    expected = frames[0].number
    for frame in frames:
        for _ in range(expected, frame.number):
            yield SILENT_FRAME
        yield frame.data
        expected = frame.number + 1
