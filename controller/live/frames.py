"""Frames as a phone sends them: a number and 20 ms of sound. Pure."""

import struct
from typing import NamedTuple

from wire.live import MAX_FRAME_BYTES

_NUMBER = struct.Struct(">I")

PCM_RATE_HZ = 16_000
PCM_FRAME_BYTES = PCM_RATE_HZ // 50 * 2
"""20 ms of 16-bit samples, mono, little-endian."""

SILENT_FRAME = b"\xf8\xff\xfe"
"""20 ms of silence, mono, full band (RFC 6716 §3.1: CELT, configuration 31, code 0)."""

_HIGHEST_SILK = 12
_HIGHEST_HYBRID = 16


class BadFrame(ValueError):
    """What came is no frame that we pass on; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Frame(NamedTuple):
    """One frame of someone who speaks."""

    number: int
    """From 0 at each press; a gap is what the phone left out."""
    data: bytes


def read_frame(message: bytes) -> Frame:
    """Take a binary message apart: four bytes of number, big-endian, then the sound.

    Raises:
        BadFrame: It is too short to hold both.
    """
    if len(message) <= _NUMBER.size:
        raise BadFrame("too_short")
    return Frame(_NUMBER.unpack_from(message)[0], message[_NUMBER.size :])


def check_opus(data: bytes) -> None:
    """Pass one Opus frame of 20 ms, mono, as gateways expect it.

    Only its first byte is judged (RFC 6716 §3.1): configuration, channels, how many frames. What the rest of
    it decodes to is for libopus to say, which is made for bytes from strangers.

    Raises:
        BadFrame: It is too long, or another duration, stereo, or several frames in one.
    """
    if not 0 < len(data) <= MAX_FRAME_BYTES:
        raise BadFrame("size")
    configuration, is_stereo, code = data[0] >> 3, data[0] & 0b100, data[0] & 0b11
    if configuration < _HIGHEST_SILK:
        is_20_ms = configuration % 4 == 1
    elif configuration < _HIGHEST_HYBRID:
        is_20_ms = configuration % 2 == 1
    else:
        is_20_ms = configuration % 4 == 3  # noqa: PLR2004 - 2.5, 5, 10 and 20 ms
    if not is_20_ms or is_stereo or code != 0:
        raise BadFrame("not_20_ms_mono")


def check_pcm(data: bytes) -> None:
    """Pass 20 ms of plain samples.

    Raises:
        BadFrame: It is another length.
    """
    if len(data) != PCM_FRAME_BYTES:
        raise BadFrame("size")
