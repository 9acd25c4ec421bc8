"""A clip is decoded to the sample, a damaged one as far as it goes and no further."""

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from support.media import RATE, murmur, opus, warble
from support.sound import normalised_cross_correlation

from device_agent.decoding import PIECE_FRAMES, Decoding, UnreadableClip, decode

ROOT = Path(__file__).parents[3]
PRE_SKIP_FRAMES = 312
"""What libopus looks ahead, and says so in the file's head."""


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return tmp_path / "clip"


def decoded(clip: Path) -> np.ndarray:
    return np.concatenate(list(decode(clip)))


def by_ffmpeg(clip: Path) -> np.ndarray:
    with av.open(str(clip)) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def by_another_libopus(clip: Path) -> np.ndarray:
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = RATE, "mono"
    with av.open(str(clip)) as container:
        packets = [av.Packet(bytes(packet)) for packet in container.demux(audio=0) if packet.size]
    whole = np.concatenate([decoder.decode(packet)[0].to_ndarray()[0] for packet in packets])
    return whole[PRE_SKIP_FRAMES:] / np.float32(32768)


@pytest.mark.parametrize("frames", [1, 959, 960, RATE - 1, RATE, RATE + 1, 123_456])
def test_a_clip_has_as_many_samples_as_was_encoded_wherever_its_pages_end(clip: Path, frames: int) -> None:
    clip.write_bytes(opus(murmur(3_000)[:frames]))
    assert len(decoded(clip)) == len(by_ffmpeg(clip)) == frames


def test_its_samples_are_those_that_another_build_of_libopus_makes(clip: Path) -> None:
    clip.write_bytes(opus(murmur(3_000)))
    ours = decoded(clip)
    np.testing.assert_allclose(ours, by_another_libopus(clip)[: len(ours)], atol=1e-3)


def test_ffmpegs_own_decoder_hears_the_same_at_the_same_place(clip: Path) -> None:
    clip.write_bytes(opus(murmur(3_000)))
    likeness, lag = normalised_cross_correlation(by_ffmpeg(clip), decoded(clip)[RATE : 2 * RATE])
    assert likeness > 0.9
    assert abs(lag - RATE) <= 3


@pytest.fixture(scope="module")
def speech_like() -> bytes:
    """Return a clip in which voice, tones and silence change, and with them the way they are encoded."""
    silence = np.zeros(RATE, np.float32)
    parts = (murmur(4_000), warble(3_000), silence, murmur(3_000, 2) / 20, warble(4_000, 3))
    return opus(np.concatenate(parts))


@pytest.mark.parametrize("from_frame", [1, 959, 4 * RATE, 4 * RATE + 1, 400_001, 655_360, 15 * RATE - 1])
def test_from_the_middle_on_it_sounds_as_it_does_from_the_beginning(
    clip: Path, speech_like: bytes, from_frame: int
) -> None:
    clip.write_bytes(speech_like)
    np.testing.assert_array_equal(np.concatenate(list(decode(clip, from_frame))), decoded(clip)[from_frame:])


def test_what_lies_far_before_the_place_is_not_even_read(clip: Path, speech_like: bytes) -> None:
    clip.write_bytes(speech_like)
    whole, content = decoded(clip), bytearray(speech_like)
    content[len(content) // 10] ^= 0xFF
    clip.write_bytes(content)
    np.testing.assert_array_equal(np.concatenate(list(decode(clip, 12 * RATE))), whole[12 * RATE :])


@pytest.mark.parametrize("from_frame", [0, RATE, 3 * RATE, 4 * RATE])
def test_it_tells_how_long_the_whole_clip_is_wherever_it_began(clip: Path, from_frame: int) -> None:
    def played() -> Decoding:
        frames = yield from decode(clip, from_frame)
        assert frames == 3 * RATE
        return frames

    clip.write_bytes(opus(murmur(3_000)))
    assert sum(map(len, played())) == max(0, 3 * RATE - from_frame)


def test_it_comes_in_small_pieces_however_long_it_is(clip: Path) -> None:
    clip.write_bytes(opus(murmur(3_000)))
    assert max(len(piece) for piece in decode(clip)) == PIECE_FRAMES


def test_a_clip_with_a_hole_is_played_to_its_end_and_then_called_damaged(clip: Path) -> None:
    content = bytearray(opus(murmur(4_000)))
    content[len(content) // 2] ^= 0xFF
    clip.write_bytes(content)
    heard = 0
    with pytest.raises(UnreadableClip, match="samples are missing"):  # noqa: PT012 - how far it came counts
        for piece in decode(clip):
            heard += len(piece)
    assert 2 * RATE < heard < 4 * RATE


def test_two_channels_are_mixed_into_one(clip: Path) -> None:
    left = murmur(500)
    soundfile.write(clip, np.stack((left, np.zeros_like(left)), axis=1), RATE, "FLOAT", format="WAV")
    np.testing.assert_allclose(decoded(clip), left / 2, atol=1e-6)


def test_sound_at_another_rate_is_not_played_at_the_wrong_pitch(clip: Path) -> None:
    soundfile.write(clip, murmur(500)[::3], 16_000, format="OGG", subtype="OPUS")
    with pytest.raises(UnreadableClip, match="16000 Hz"):
        list(decode(clip))


def test_a_clip_that_is_not_there_is_unreadable(clip: Path) -> None:
    with pytest.raises(UnreadableClip):
        list(decode(clip))


def test_an_agent_whose_wheel_came_without_the_library_ends_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "soundfile.py").write_text("raise OSError('sndfile library not found')")
    agent = (
        sys.executable,
        "-m",
        "device_agent",
        "run",
        "--credential",
        "none",
        "--state-dir",
        str(tmp_path),
    )
    ended = subprocess.run(
        agent, cwd=ROOT, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr == "sndfile library not found; on Debian: apt install libsndfile1\n"
