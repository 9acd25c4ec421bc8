from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from support.hostile_media import silent_flac
from support.sound import decode_clip, integrated_lufs, normalised_cross_correlation, true_peak_dbtp
from support.voices import STORM, convert, music, noise, speech, write_sound

from audio.errors import AudioRefused, Refusal
from audio.formats import opus_samples
from audio.limits import Limits
from audio.loudness import CEILING_DBTP, TARGET_LUFS, TOLERANCE_LU
from audio.prepare import PreparedClip, prepare
from audio.timeline import PrepareSpec

TWICE = PrepareSpec(opening_chime=True, closing_chime=True, repeats=2)


def assert_at_its_loudness(clip: PreparedClip) -> None:
    """Hold a delivered clip to the requirement, by a meter that is not ffmpeg's."""
    heard = decode_clip(clip.path)
    assert integrated_lufs(heard) == pytest.approx(TARGET_LUFS, abs=TOLERANCE_LU)
    assert true_peak_dbtp(heard) <= CEILING_DBTP + 0.1  # the meter behind the clip reads in steps of 0.1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("voice", "spec"),
    [("vi-south", PrepareSpec()), ("vi-central", TWICE), ("vi-north", PrepareSpec()), ("en", PrepareSpec())],
)
def test_speech_comes_out_at_its_loudness(voice: str, spec: PrepareSpec, tmp_path: Path) -> None:
    assert_at_its_loudness(prepare(speech(tmp_path / "s.wav", STORM, voice=voice), spec, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("gain_db", [-40, 0])
@pytest.mark.parametrize(
    "sound", [music(), noise(), noise(pink=True)], ids=["music", "white noise", "pink noise"]
)
def test_whatever_the_sound_and_its_level_it_comes_out_at_its_loudness(
    sound: NDArray[np.float64], gain_db: int, tmp_path: Path
) -> None:
    upload = write_sound(tmp_path / "upload.wav", sound * 10 ** (gain_db / 20))
    assert_at_its_loudness(prepare(upload, PrepareSpec(), tmp_path))


@pytest.mark.slow
def test_speech_recorded_far_too_hot_is_tamed(spoken: Path, tmp_path: Path) -> None:
    hot = np.clip(decode_clip(spoken) * 8, -1, 1)
    assert_at_its_loudness(prepare(write_sound(tmp_path / "hot.wav", hot), PrepareSpec(), tmp_path))


def test_where_loudness_and_peak_cannot_both_hold_the_peak_wins(tmp_path: Path) -> None:
    clicks = noise(10) * 0.01
    clicks[::48_000] = 1.0
    clip = prepare(write_sound(tmp_path / "clicks.wav", clicks), PrepareSpec(), tmp_path)
    heard = decode_clip(clip.path)
    assert true_peak_dbtp(heard) <= CEILING_DBTP + 0.1
    assert integrated_lufs(heard) < TARGET_LUFS - TOLERANCE_LU
    assert clip.loudness_lufs == pytest.approx(integrated_lufs(heard), abs=0.2)


def test_another_loudness_can_be_asked_for(spoken: Path, tmp_path: Path) -> None:
    clip = prepare(spoken, PrepareSpec(target_lufs=-23.0), tmp_path)
    assert integrated_lufs(decode_clip(clip.path)) == pytest.approx(-23.0, abs=TOLERANCE_LU)


def test_the_clip_is_ogg_opus_mono_at_its_rate_with_nothing_of_the_upload_left(
    spoken: Path, tmp_path: Path
) -> None:
    tagged = convert(spoken, tmp_path / "a.mp3", "mp3", "-metadata", "title=Bí mật", "-ac", "2")
    clip = prepare(tagged, PrepareSpec(), tmp_path)
    with av.open(str(clip.path)) as container:
        stream = container.streams.audio[0]
        assert (container.format.name, stream.codec_context.name) == ("ogg", "opus")
        assert (stream.channels, stream.rate) == (1, 48_000)
        assert not {"title", "artist"} & {name.lower() for name in stream.metadata | container.metadata}
    assert "Bí mật".encode() not in clip.path.read_bytes()
    assert 20 <= clip.size_bytes * 8 / clip.duration_ms <= 32


@pytest.mark.parametrize("sound", [music(20), noise(20)], ids=["music", "noise"])
def test_no_sound_takes_more_than_the_bit_rate_planned_for(
    sound: NDArray[np.float64], tmp_path: Path
) -> None:
    clip = prepare(write_sound(tmp_path / "upload.wav", sound), PrepareSpec(), tmp_path)
    assert clip.size_bytes * 8 / clip.duration_ms <= 32


@pytest.mark.slow
def test_the_speech_is_in_the_clip_where_the_timeline_puts_it(spoken: Path, tmp_path: Path) -> None:
    clip = prepare(spoken, TWICE, tmp_path)
    heard, said = decode_clip(clip.path), decode_clip(spoken)
    first = (2020 + 500) * 48
    for expected in (first, first + len(said) + 1500 * 48):
        peak, lag = normalised_cross_correlation(heard[expected - 4800 : expected + len(said) + 4800], said)
        assert peak > 0.9
        assert abs(lag - 4800) <= 48  # within a millisecond: no delay of coder or limiter is left


def test_a_clip_says_its_own_length_hash_and_name(spoken: Path, tmp_path: Path) -> None:
    clip = prepare(spoken, PrepareSpec(), tmp_path)
    heard = decode_clip(clip.path)
    assert len(heard) == opus_samples(clip.path) == pytest.approx(len(decode_clip(spoken)), abs=48)
    assert clip.duration_ms == round(len(heard) / 48)
    assert clip.size_bytes == clip.path.stat().st_size
    assert clip.path == tmp_path / f"{clip.sha256}.opus"


@pytest.mark.slow
def test_the_same_upload_gives_the_same_bytes(spoken: Path, tmp_path: Path) -> None:
    first = prepare(spoken, TWICE, tmp_path).path.read_bytes()
    assert prepare(spoken, TWICE, tmp_path).path.read_bytes() == first


def test_progress_rises_to_one(spoken: Path, tmp_path: Path) -> None:
    told: list[float] = []
    prepare(spoken, PrepareSpec(), tmp_path, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_only_the_clip_is_left_in_the_work_folder(spoken: Path, tmp_path: Path) -> None:
    clip = prepare(spoken, PrepareSpec(), tmp_path)
    assert list(tmp_path.iterdir()) == [clip.path]


def test_a_refused_upload_leaves_nothing_behind(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(AudioRefused) as refused:
        prepare(silent_flac(tmp_path / "s.flac", hours=0.002), PrepareSpec(), work)
    assert refused.value.code is Refusal.SILENT
    assert list(work.iterdir()) == []


def test_repeats_count_towards_the_longest_clip_allowed(spoken: Path, tmp_path: Path) -> None:
    limits = Limits(max_duration_ms=30_000)
    prepare(spoken, PrepareSpec(), tmp_path, limits=limits)
    with pytest.raises(AudioRefused) as refused:
        prepare(spoken, PrepareSpec(repeats=3), tmp_path, limits=limits)
    assert refused.value.code is Refusal.TOO_LONG
