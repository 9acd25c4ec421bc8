"""Say from its first bytes what a file is, so that ffmpeg never guesses. Pure.

ffmpeg's own guess would also consider playlists, which name other files and addresses. Names and
declared media types are hearsay and are not looked at.
"""

from dataclasses import dataclass
from enum import StrEnum

from audio.errors import AudioRefused, Refusal

HEAD_BYTES = 65_536
"""How much of a file's beginning `sniff` wants; an ID3 tag with a picture may hide what follows it."""

_TEXT_SAMPLE_BYTES = 1024
_STREAMED_RIFF_BYTES = 0x7FFF_F000
"""Recorders that write to a pipe put a size near 2 or 4 GiB because they cannot know it."""
_MPEG_SYNC = 0xFFE0
_ADTS_MASK, _ADTS_SYNC = 0xFFF6, 0xFFF0  # twelve bits of sync, and layer 0, which MP3 never has
_ADTS_HEADER_BYTES, _MPEG_HEADER_BYTES = 7, 4
_PLAYLIST_STARTS = (
    *(b"#extm3u", b"#ext-x-", b"ffconcat", b"[playlist]", b"# mplayer edl", b"<asx", b"<mpd", b"<smil"),
    *(b"file '", b'file "', b"file:", b"concat:", b"http://", b"https://", b"rtsp://", b"rtmp://"),
    *(b"[reference]", b"<playlist"),
)
_PLAYLIST_ANYWHERE = (b"#extinf", b"urn:mpeg:dash", b"xspf.org/ns", b"<tt ref=")


class Container(StrEnum):
    """A container we take; the value is the name of the one ffmpeg demuxer that reads it."""

    WAV = "wav"
    MP3 = "mp3"
    AAC = "aac"
    MP4 = "mov"
    OGG = "ogg"
    FLAC = "flac"
    WEBM = "matroska"


@dataclass(frozen=True, slots=True)
class _Kind:
    magic: bytes
    at: int
    container: Container


_KINDS = (
    _Kind(b"fLaC", 0, Container.FLAC),
    _Kind(b"OggS", 0, Container.OGG),
    _Kind(b"\x1a\x45\xdf\xa3", 0, Container.WEBM),
    _Kind(b"ftyp", 4, Container.MP4),
)


def sniff(head: bytes, *, size_bytes: int) -> Container:
    """Return the container of a file that begins with `head`.

    Args:
        head: Its first `HEAD_BYTES`, or all of it.
        size_bytes: Its size, to see whether it was cut short.

    Raises:
        AudioRefused: `empty_file`, `playlist_refused`, `not_audio`, or `unreadable_audio` for a WAV
            file whose header promises more than is there.
    """
    if not head:
        raise AudioRefused(Refusal.EMPTY_FILE, "the file has no bytes")
    body = _after_id3(head)
    for kind in _KINDS:
        if body[kind.at : kind.at + len(kind.magic)] == kind.magic:
            return kind.container
    if head[:4] in {b"RIFF", b"RF64", b"BW64"} and head[8:12] == b"WAVE":
        _refuse_cut_riff(head, size_bytes)
        return Container.WAV
    if (frames := _mpeg_audio(body)) is not None:
        return frames
    if body is not head and not body:
        return Container.MP3  # a tag larger than what we look at: the demuxer will say
    _refuse_playlist(head)
    raise AudioRefused(Refusal.NOT_AUDIO, "the file begins like no sound format that is taken")


def _after_id3(head: bytes) -> bytes:
    """Skip an ID3v2 tag: ten bytes of header, then a length in four times seven bits."""
    if head[:3] != b"ID3" or len(head) < 10:  # noqa: PLR2004
        return head
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return head[10 + size :]


def _refuse_cut_riff(head: bytes, size_bytes: int) -> None:
    promised = int.from_bytes(head[4:8], "little") + 8
    # A byte of padding is often forgotten, so only a real gap counts.
    if size_bytes + 2 < promised < _STREAMED_RIFF_BYTES:
        raise AudioRefused(
            Refusal.UNREADABLE_AUDIO, f"the header promises {promised} bytes, {size_bytes} are there"
        )


def _mpeg_audio(body: bytes) -> Container | None:
    """Tell MP3 from ADTS AAC by a frame header that is followed by another where it says."""
    if len(body) < _ADTS_HEADER_BYTES or not _in_sync(body):
        return None
    if int.from_bytes(body[:2], "big") & _ADTS_MASK == _ADTS_SYNC:
        length = (body[3] & 0x03) << 11 | body[4] << 3 | body[5] >> 5
        return Container.AAC if _sync_follows(body, length, _ADTS_HEADER_BYTES) else None
    length = _mp3_frame_bytes(body)
    return Container.MP3 if _sync_follows(body, length, _MPEG_HEADER_BYTES) else None


def _sync_follows(body: bytes, length: int, shortest: int) -> bool:
    if length < shortest:
        return False
    follower = body[length : length + 2]
    return len(follower) < 2 or _in_sync(follower)  # noqa: PLR2004 - two bytes; or the file ends there


def _in_sync(frame: bytes) -> bool:
    return int.from_bytes(frame[:2], "big") & _MPEG_SYNC == _MPEG_SYNC


_MPEG1_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_MPEG2_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_MPEG1_RATES_HZ = (44_100, 48_000, 32_000, 0)


def _mp3_frame_bytes(body: bytes) -> int:
    """Return the length of a layer III frame (ISO 11172-3 §2.4.3.1), 0 for what is none."""
    version, layer = body[1] >> 3 & 3, body[1] >> 1 & 3
    if layer != 1 or version == 1:  # layer III is coded 1; version 1 is reserved
        return 0
    mpeg1 = version == 3  # noqa: PLR2004 - as coded in the header
    kbps = (_MPEG1_KBPS if mpeg1 else _MPEG2_KBPS)[body[2] >> 4]
    rate_hz = _MPEG1_RATES_HZ[body[2] >> 2 & 3] >> (0 if mpeg1 else 1 if version == 2 else 2)  # noqa: PLR2004
    if not kbps or not rate_hz:
        return 0
    return (144 if mpeg1 else 72) * kbps * 1000 // rate_hz + (body[2] >> 1 & 1)


def _refuse_playlist(head: bytes) -> None:
    text = head.lstrip(b"\xef\xbb\xbf\xfe\xff \t\r\n\0")[:_TEXT_SAMPLE_BYTES].lower().replace(b"\0", b"")
    if text.startswith(b"<?xml"):
        text = text.partition(b"?>")[2].lstrip()
    if text.startswith(_PLAYLIST_STARTS) or any(mark in text for mark in _PLAYLIST_ANYWHERE):
        raise AudioRefused(Refusal.PLAYLIST_REFUSED, "the file is a list of other files or addresses")
