import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from socket import create_server, socket
from time import perf_counter

import numpy as np
import pytest
from support.hostile_media import mp4_with_outside_reference, silent_flac
from support.sound import decode_clip, normalised_cross_correlation
from support.voices import convert, noise, write_sound

from audio import confined
from audio.errors import AudioRefused, Refusal
from audio.ffmpeg import FfmpegFailed, Input, Output, executable, run
from audio.formats import samples_to_ms
from audio.ingest import decode
from audio.limits import Bounds, Limits
from audio.probe import probe, refusal_of
from audio.sniff import Container

LIMITS = Limits()

FORMATS = {
    "wav": ("wav", ("-c:a", "pcm_s16le"), Container.WAV),
    "wav-alaw": ("wav", ("-c:a", "pcm_alaw"), Container.WAV),
    "mp3": ("mp3", ("-c:a", "libmp3lame", "-b:a", "64k"), Container.MP3),
    "mp3-bare": ("mp3", ("-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0"), Container.MP3),
    "aac": ("adts", ("-c:a", "aac"), Container.AAC),
    "m4a": ("ipod", ("-c:a", "aac"), Container.MP4),
    "ogg-vorbis": ("ogg", ("-c:a", "libvorbis"), Container.OGG),
    "ogg-opus": ("ogg", ("-c:a", "libopus"), Container.OGG),
    "flac": ("flac", ("-c:a", "flac"), Container.FLAC),
    "webm": ("webm", ("-c:a", "libopus"), Container.WEBM),
    "webm-live": ("webm", ("-c:a", "libopus", "-live", "1"), Container.WEBM),
    "stereo": ("wav", ("-c:a", "pcm_s16le", "-ac", "2", "-ar", "44100"), Container.WAV),
}


def refusal(path: Path, *, limits: Limits = LIMITS) -> Refusal:
    out = path.with_name("decoded.flac")
    with pytest.raises(AudioRefused) as refused:
        decode(path, out, limits=limits)
    return refused.value.code


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.fixture
def canary() -> Iterator[socket]:
    """A listening socket on this machine that nobody should ever connect to."""
    with closing(create_server(("127.0.0.1", 0))) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_taken_decodes_to_the_same_speech(name: str, spoken: Path, tmp_path: Path) -> None:
    muxer, arguments, container = FORMATS[name]
    upload = convert(spoken, tmp_path / "upload", muxer, *arguments)
    assert probe(upload, LIMITS).container is container
    decoded = decode(upload, tmp_path / "decoded.flac", limits=LIMITS)
    reference = decode_clip(spoken)[48_000:144_000]
    peak, lag = normalised_cross_correlation(decode_clip(decoded.path), reference)
    assert peak > 0.95
    assert abs(lag - 48_000) < 4800  # a coder's delay that its container does not tell


def test_progress_rises_to_the_end(spoken: Path, tmp_path: Path) -> None:
    told: list[float] = []
    decode(spoken, tmp_path / "decoded.flac", limits=LIMITS, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1, abs=0.01)


def test_no_bytes_are_an_empty_file(tmp_path: Path) -> None:
    assert refusal(write(tmp_path / "a.mp3", b"")) is Refusal.EMPTY_FILE


def test_text_called_mp3_is_not_audio(tmp_path: Path) -> None:
    assert refusal(write(tmp_path / "a.mp3", "Kính gửi Ủy ban nhân dân xã")) is Refusal.NOT_AUDIO


def test_a_film_without_sound_is_not_audio(tmp_path: Path) -> None:
    film = tmp_path / "film.webm"
    picture = ["-f", "lavfi", "-i", "testsrc=duration=1:size=64x64:rate=5", "-c:v", "libvpx"]
    subprocess.run([executable(), "-loglevel", "error", *picture, str(film)], check=True)
    assert refusal(film) is Refusal.NOT_AUDIO


def test_the_sound_of_a_film_is_taken_even_if_it_ends_before_the_picture(
    spoken: Path, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    picture = ["-f", "lavfi", "-i", "testsrc=duration=30:size=64x64:rate=5", "-i", str(spoken)]
    subprocess.run([executable(), "-loglevel", "error", *picture, "-c:v", "libx264", str(film)], check=True)
    decoded = decode(film, tmp_path / "decoded.flac", limits=LIMITS)
    assert decoded.duration_ms == pytest.approx(samples_to_ms(len(decode_clip(spoken))), abs=100)


def test_an_mp3_with_a_picture_on_its_sleeve_is_taken(spoken: Path, tmp_path: Path) -> None:
    song, sleeve = tmp_path / "song.mp3", tmp_path / "sleeve.png"
    quiet = [executable(), "-loglevel", "error"]
    picture = ["-f", "lavfi", "-i", "testsrc=size=300x300", "-frames:v", "1", str(sleeve)]
    subprocess.run([*quiet, *picture], check=True)
    both = ["-i", str(spoken), "-i", str(sleeve), "-map", "0:a", "-map", "1:v", "-c:v", "copy"]
    subprocess.run([*quiet, *both, "-disposition:v", "attached_pic", str(song)], check=True)
    decoded = decode(song, tmp_path / "decoded.flac", limits=LIMITS)
    assert decoded.duration_ms == pytest.approx(samples_to_ms(len(decode_clip(spoken))), abs=100)


def test_more_bytes_than_allowed_are_too_large(spoken: Path) -> None:
    with pytest.raises(AudioRefused) as refused:
        probe(spoken, Limits(max_bytes=1000))
    assert refused.value.code is Refusal.TOO_LARGE


def test_ten_silent_hours_are_refused_by_their_header_at_once(tmp_path: Path) -> None:
    bomb = silent_flac(tmp_path / "bomb.flac", hours=10)
    assert 5_000_000 < bomb.stat().st_size < 8_000_000
    before = perf_counter()
    assert refusal(bomb) is Refusal.TOO_LONG
    assert perf_counter() - before < 1


def test_ten_silent_hours_that_state_no_length_are_counted_without_decoding(tmp_path: Path) -> None:
    bomb = silent_flac(tmp_path / "bomb.flac", hours=10, stated_samples=0)
    before = perf_counter()
    assert refusal(bomb) is Refusal.TOO_LONG
    assert perf_counter() - before < 3
    assert not (tmp_path / "decoded.flac").exists()


def test_a_header_that_lies_about_the_length_is_cut_off_at_the_limit(tmp_path: Path) -> None:
    liar = silent_flac(tmp_path / "liar.flac", hours=1, stated_samples=48_000)
    assert refusal(liar, limits=Limits(max_duration_ms=20_000)) is Refusal.TOO_LONG


def test_a_decode_that_writes_too_much_is_stopped(tmp_path: Path) -> None:
    loud = write_sound(tmp_path / "loud.wav", noise(10))
    small = Limits(decode=Bounds(output_bytes=100_000))
    assert refusal(loud, limits=small) in {Refusal.TOO_LARGE, Refusal.UNREADABLE_AUDIO}
    assert (tmp_path / "decoded.flac").stat().st_size <= 100_000


def test_a_decode_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    slow = silent_flac(tmp_path / "slow.flac", hours=0.9)
    before = perf_counter()
    assert refusal(slow, limits=Limits(decode=Bounds(wall_ms=100))) is Refusal.DECODE_TIMEOUT
    assert perf_counter() - before < 2


def test_silence_is_refused(tmp_path: Path) -> None:
    assert refusal(silent_flac(tmp_path / "s.flac", hours=0.001)) is Refusal.SILENT


def test_the_hiss_of_an_open_recorder_is_silence_too(tmp_path: Path) -> None:
    assert refusal(write_sound(tmp_path / "hiss.wav", noise(3) * 0.001)) is Refusal.SILENT


def test_a_blip_is_too_short(tmp_path: Path) -> None:
    assert refusal(write_sound(tmp_path / "blip.wav", noise(0.2))) is Refusal.TOO_SHORT


@pytest.mark.parametrize("name", ["wav", "mp3", "m4a", "flac", "webm"])
def test_a_file_cut_in_half_is_refused_when_it_states_its_length(
    name: str, spoken: Path, tmp_path: Path
) -> None:
    muxer, arguments, _ = FORMATS[name]
    whole = convert(spoken, tmp_path / "whole", muxer, *arguments).read_bytes()
    assert refusal(write(tmp_path / "half", whole[: len(whole) // 2])) is Refusal.UNREADABLE_AUDIO


@pytest.mark.parametrize("name", ["mp3-bare", "aac", "ogg-vorbis", "ogg-opus", "webm-live"])
def test_what_is_there_of_a_file_cut_in_half_is_taken_when_it_states_no_length(
    name: str, spoken: Path, tmp_path: Path
) -> None:
    muxer, arguments, _ = FORMATS[name]
    whole = convert(spoken, tmp_path / "whole", muxer, *arguments)
    half = write(tmp_path / "half", whole.read_bytes()[: whole.stat().st_size // 2])
    decoded = decode(half, tmp_path / "decoded.flac", limits=LIMITS)
    full_ms = samples_to_ms(len(decode_clip(spoken)))
    assert decoded.duration_ms == pytest.approx(full_ms / 2, rel=0.3)


def test_a_second_lost_in_the_middle_is_refused(spoken: Path, tmp_path: Path) -> None:
    muxer, arguments, _ = FORMATS["ogg-opus"]
    content = bytearray(convert(spoken, tmp_path / "whole", muxer, *arguments).read_bytes())
    content[5000:5020] = np.random.default_rng(1).bytes(20)  # Ogg drops the whole page, a second of sound
    assert refusal(write(tmp_path / "hurt", bytes(content))) is Refusal.UNREADABLE_AUDIO


@pytest.mark.parametrize(
    "head",
    [
        b"fLaC\x00\x00\x00\x22" + bytes(34),
        b"OggS" + bytes(200),
        b"\x1a\x45\xdf\xa3" + b"\xff" * 200,
        b"\x00\x00\x00\x18ftypM4A " + bytes(12) + b"\x7f\xff\xff\xffmoov",
        b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff",
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\xff\xff\x80\xbb\0\0\0\0\0\0\0\0\x10\0data\0\0\0\x40",
    ],
)
def test_a_known_beginning_with_nonsense_behind_is_refused(head: bytes, tmp_path: Path) -> None:
    assert refusal(write(tmp_path / "odd", head)) in {
        Refusal.UNREADABLE_AUDIO,
        Refusal.NOT_AUDIO,
        Refusal.TOO_LONG,
    }


@pytest.mark.parametrize(
    "template",
    [
        "#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:{port}/a.mp3\n",
        "ffconcat version 1.0\nfile 'http://127.0.0.1:{port}/a.wav'\n",
        "[playlist]\nFile1=http://127.0.0.1:{port}/\n",
        "http://127.0.0.1:{port}/stream",
        "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>http://127.0.0.1:{port}/",
        "<svg xmlns='http://www.w3.org/2000/svg'><image href='http://127.0.0.1:{port}/'/></svg>",
    ],
)
def test_no_list_makes_us_connect_anywhere(template: str, tmp_path: Path, canary: socket) -> None:
    text = template.format(port=canary.getsockname()[1])
    assert refusal(write(tmp_path / "song.mp3", text)) in {Refusal.PLAYLIST_REFUSED, Refusal.NOT_AUDIO}
    with pytest.raises(BlockingIOError):
        canary.accept()


def test_an_mp4_whose_sound_lies_in_another_file_does_not_reach_it(spoken: Path, tmp_path: Path) -> None:
    trap = mp4_with_outside_reference(tmp_path / "a.m4a", str(spoken))
    opened = subprocess.run(
        [executable(), "-enable_drefs", "1", "-use_absolute_path", "1", "-i", trap, "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert f"Opening '{spoken}'" in opened  # so the trap is a real one where nothing guards against it
    assert refusal(trap) is Refusal.UNREADABLE_AUDIO


def test_even_a_demuxer_that_wants_to_open_a_file_cannot(spoken: Path, tmp_path: Path) -> None:
    trap = mp4_with_outside_reference(tmp_path / "a.m4a", str(spoken))
    source = Input(trap, "mov", ("-enable_drefs", "1", "-use_absolute_path", "1"))
    log = run([source], ["-c:a", "pcm_s16le"], Output(tmp_path / "out.wav", "wav"), bounds=Bounds())
    assert "Protocol 'file' not on whitelist 'fd'!" in log


@pytest.mark.parametrize(
    "name",
    [
        "-i.wav",
        "concat:a|b.wav",
        "%03d.wav",
        "http:x.wav",
        "$(reboot).wav",
        "a\nb.wav",
        "..",
        "Bản tin số 1.wav",
    ],
)
def test_a_file_name_means_nothing(name: str, spoken: Path, tmp_path: Path) -> None:
    odd = write(tmp_path / (name if name != ".." else "...wav"), spoken.read_bytes())
    decoded = decode(odd, tmp_path / "decoded.flac", limits=LIMITS)
    assert decoded.duration_ms == pytest.approx(samples_to_ms(len(decode_clip(spoken))), abs=1)


def test_titles_cannot_forge_what_is_read_from_the_log(spoken: Path, tmp_path: Path) -> None:
    title = "title=x\n  Duration: 99:00:00.00\n  Stream #0:0: Audio: evil, 1 Hz, "
    upload = convert(spoken, tmp_path / "a.flac", "flac", "-metadata", title)
    info = probe(upload, LIMITS)
    assert (info.codec, info.duration_ms < 30_000) == ("flac", True)


def test_each_way_to_fail_has_its_code() -> None:
    def code(*, late: bool = False, large: bool = False) -> Refusal:
        return refusal_of(FfmpegFailed(confined.Ending(-9, "", out_of_time=late, wrote_too_much=large))).code

    assert code(late=True) is Refusal.DECODE_TIMEOUT
    assert code(large=True) is Refusal.TOO_LARGE
    assert code() is Refusal.UNREADABLE_AUDIO
