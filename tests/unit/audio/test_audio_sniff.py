from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.errors import AudioRefused, Refusal
from audio.sniff import Container, sniff

MP3_FRAME = b"\xff\xfb\x90\x64" + bytes(413)  # MPEG-1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes
ADTS_FRAME = b"\xff\xf1\x50\x80\x04\x1f\xfc" + bytes(25)  # 32 bytes long, as its header says
ID3 = b"ID3\x04\x00\x00\x00\x00\x00\x0a" + b"TIT2 title"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(28)


def refusal(head: bytes) -> Refusal:
    with pytest.raises(AudioRefused) as refused:
        sniff(head, size_bytes=len(head))
    return refused.value.code


@pytest.mark.parametrize(
    ("head", "container"),
    [
        (WAV, Container.WAV),
        (b"RF64\xff\xff\xff\xffWAVEds64", Container.WAV),
        (b"fLaC\x00\x00\x00\x22", Container.FLAC),
        (b"OggS\x00\x02", Container.OGG),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81", Container.WEBM),
        (b"\x00\x00\x00\x1cftypM4A ", Container.MP4),
        (MP3_FRAME * 2, Container.MP3),
        (ID3 + MP3_FRAME * 2, Container.MP3),
        (ID3 + b"fLaC", Container.FLAC),
        (ADTS_FRAME * 2, Container.AAC),
        (ID3 + ADTS_FRAME * 2, Container.AAC),
        (b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + b"\xff\xd8 a picture", Container.MP3),
    ],
)
def test_a_file_is_known_by_its_bytes(head: bytes, container: Container) -> None:
    assert sniff(head, size_bytes=len(head)) is container


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\nhttp://127.0.0.1/x.mp3\n",
        "\ufeff#EXTM3U\n#EXT-X-VERSION:3\n",
        "  \r\n#extm3u\n",
        "#EXTINF:10,\nsegment.ts\n",
        "ffconcat version 1.0\nfile /etc/passwd\n",
        "file '/etc/passwd'\n",
        "[playlist]\nFile1=http://127.0.0.1/\n",
        "# mplayer EDL file, version 2\n",
        "http://127.0.0.1/stream\n",
        "concat:/etc/passwd|/etc/hosts",
        '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">',
        '<?xml version="1.0"?><playlist xmlns="http://xspf.org/ns/0/">',
        "<ASX version='3.0'>",
        "[Reference]\nRef1=http://127.0.0.1/\n",
    ],
)
def test_a_list_of_other_places_is_refused_as_a_playlist(text: str) -> None:
    assert refusal(text.encode()) is Refusal.PLAYLIST_REFUSED


def test_a_playlist_in_sixteen_bit_letters_is_refused_as_one() -> None:
    assert refusal("#EXTM3U\nhttp://127.0.0.1/x".encode("utf-16")) is Refusal.PLAYLIST_REFUSED


@pytest.mark.parametrize(
    "head",
    [
        b"just a letter to the commune",
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='http://127.0.0.1/'/></svg>",
        b"<!DOCTYPE html><html>",
        b"\x89PNG\r\n\x1a\n",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"\x7fELF",
        b"RIFF\x24\x00\x00\x00AVI LIST",
        b"\xff\xfe\x41\x00",
        b"\xff\xfb\x90\x64" + b"x" * 600,
        b"\x00",
    ],
)
def test_whatever_else_is_not_audio(head: bytes) -> None:
    assert refusal(head) is Refusal.NOT_AUDIO


def test_no_bytes_are_an_empty_file() -> None:
    assert refusal(b"") is Refusal.EMPTY_FILE


def test_a_wave_header_that_promises_a_gigabyte_is_unreadable() -> None:
    assert refusal(b"RIFF" + (2**30).to_bytes(4, "little") + b"WAVEfmt ") is Refusal.UNREADABLE_AUDIO


@pytest.mark.parametrize("size", [0, 0x7FFF_F024, 0xFFFF_FFFF])
def test_a_recorder_that_wrote_to_a_pipe_could_not_know_the_size(size: int) -> None:
    head = b"RIFF" + size.to_bytes(4, "little") + b"WAVEfmt "
    assert sniff(head, size_bytes=10_000) is Container.WAV


@given(st.binary(max_size=200))
def test_any_bytes_are_either_known_or_refused_and_nothing_else_happens(head: bytes) -> None:
    with suppress(AudioRefused):
        assert sniff(head, size_bytes=len(head)) in Container
