"""The canonical clip, and the lengths of the two kinds of file that we write ourselves.

Every clip that reaches a gateway is Ogg Opus, mono, 48 kHz, about 30 kbit/s: one decoder on the gateway, the
same bytes for the same input, nothing left of the upload's titles, pictures or encoder stamps.
"""

from pathlib import Path

SAMPLE_RATE_HZ = 48_000
CLIP_BITRATE_BPS = 30_000
"""Constrained variable rate: free, it takes 54 kbit/s for music. Ogg adds about 1 kbit/s to this."""
CLIP_SUFFIX = ".opus"
CLIP_MEDIA_TYPE = "audio/ogg"

CLIP_ENCODING: tuple[str, ...] = (
    *("-c:a", "libopus", "-b:a", str(CLIP_BITRATE_BPS), "-vbr", "constrained", "-application", "audio"),
    *("-ac", "1", "-ar", str(SAMPLE_RATE_HZ)),
    # Bit-exact: without it the Ogg serial number is random and the encoder signs with its version.
    *("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"),
)
"""Output arguments that make a canonical clip of whatever ffmpeg decoded."""

WORKING_ENCODING: tuple[str, ...] = (
    *("-c:a", "flac", "-compression_level", "1", "-sample_fmt", "s32"),  # 24 bits: s16 hisses after a lift
    *("-ac", "1", "-ar", str(SAMPLE_RATE_HZ)),
    *("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"),
)
"""Output arguments for what passes between our own steps: lossless and half the size of PCM."""

_OGG_TAIL_BYTES = 65_536 + 282  # the largest page there can be, header included
_PRE_SKIP_AT = 10  # RFC 7845 §5.1, from the start of the OpusHead packet


def samples_to_ms(samples: int) -> int:
    """Return the length in ms of this many samples at 48 kHz, to the nearest."""
    return round(samples * 1000 / SAMPLE_RATE_HZ)


def flac_samples(path: Path) -> int:
    """Return the samples per channel that STREAMINFO of a FLAC file states (RFC 9639 §8.2).

    Raises:
        ValueError: Not a FLAC file.
    """
    with path.open("rb") as file:
        head = file.read(26)
    if head[:4] != b"fLaC" or len(head) < 26:  # noqa: PLR2004 - marker, block header, 18 of 34 bytes
        raise ValueError("not a FLAC file")
    return int.from_bytes(head[18:26], "big") & (1 << 36) - 1


def opus_samples(path: Path) -> int:
    """Return the samples at 48 kHz that an Ogg Opus file plays (RFC 7845 §4: last granule less pre-skip).

    Raises:
        ValueError: Not an Ogg Opus file.
    """
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(0, path.stat().st_size - _OGG_TAIL_BYTES))
        tail = file.read()
    opus, last_page = head.find(b"OpusHead"), tail.rfind(b"OggS")
    if opus < 0 or last_page < 0:
        raise ValueError("not an Ogg Opus file")
    pre_skip = int.from_bytes(head[opus + _PRE_SKIP_AT : opus + _PRE_SKIP_AT + 2], "little")
    return int.from_bytes(tail[last_page + 6 : last_page + 14], "little") - pre_skip
