from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.sound import decode_clip, integrated_lufs, true_peak_dbtp
from support.voices import noise, write_sound

from audio.chimes import CHIME_LUFS, Chime, duration_samples, render
from audio.compose import compose
from audio.formats import SAMPLE_RATE_HZ
from audio.ingest import Decoded, decode
from audio.limits import Limits
from audio.stream import stream
from audio.timeline import (
    AFTER_OPENING_MS,
    CHIME_BELOW_SPEECH_LU,
    PrepareSpec,
    Silence,
    Speech,
    arrange,
    total_samples,
)

EVERYTHING = PrepareSpec(opening_chime=True, closing_chime=True, repeats=2, gap_ms=700)
RENDERERS = {"pydub": (compose, "wav"), "ffmpeg": (stream, "flac")}


@pytest.fixture(scope="module")
def said(spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> Decoded:
    return decode(spoken, tmp_path_factory.mktemp("said") / "speech.flac", limits=Limits())


def rendered(how: str, said: Decoded, spec: PrepareSpec, folder: Path) -> NDArray[np.float32]:
    render_clip, suffix = RENDERERS[how]
    return decode_clip(render_clip(said, arrange(spec), folder / f"{how}.{suffix}").path)


def test_the_pieces_come_in_the_order_in_which_they_sound() -> None:
    assert arrange(EVERYTHING) == (
        Chime.OPENING,
        Silence(AFTER_OPENING_MS),
        Speech(),
        Silence(700),
        Speech(),
        Silence(400),
        Chime.CLOSING,
    )


def test_a_plain_clip_is_the_speech_and_nothing_else() -> None:
    assert arrange(PrepareSpec()) == (Speech(),)


@given(
    spec=st.builds(
        PrepareSpec,
        opening_chime=st.booleans(),
        closing_chime=st.booleans(),
        repeats=st.integers(1, 5),
        gap_ms=st.integers(0, 60_000),
    ),
    samples=st.integers(1, 10**8),
)
def test_a_clip_is_as_long_as_its_pieces(spec: PrepareSpec, samples: int) -> None:
    expected = samples * spec.repeats + 48 * spec.gap_ms * (spec.repeats - 1)
    expected += (duration_samples(Chime.OPENING) + 48 * 500) * spec.opening_chime
    expected += (duration_samples(Chime.CLOSING) + 48 * 400) * spec.closing_chime
    assert total_samples(arrange(spec), samples) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"repeats": 0},
        {"repeats": 6},
        {"gap_ms": -1},
        {"gap_ms": 60_001},
        {"target_lufs": -9},
        {"target_lufs": -31},
    ],
)
def test_a_spec_out_of_range_cannot_be_made(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        replace(PrepareSpec(), **change)


@pytest.mark.parametrize("chime", Chime)
def test_a_chime_has_the_loudness_and_length_it_says_and_does_not_click(chime: Chime) -> None:
    sound = render(chime)
    assert integrated_lufs(sound) == pytest.approx(CHIME_LUFS, abs=0.2)
    assert len(sound) == duration_samples(chime)
    assert true_peak_dbtp(sound) < -5.5
    assert abs(sound[0]) < 1e-4
    assert abs(sound[-1]) < 1e-4


@pytest.mark.parametrize("chime", Chime)
def test_a_chime_sounds_its_notes_one_after_the_other(chime: Chime) -> None:
    sound = render(chime)
    for index, pitch_hz in enumerate(chime.value):
        struck = sound[round((0.36 * index + 0.02) * SAMPLE_RATE_HZ) :][: round(0.33 * SAMPLE_RATE_HZ)]
        spectrum = np.abs(np.fft.rfft(struck * np.hanning(len(struck)), 1 << 17))
        loudest_hz = spectrum.argmax() * SAMPLE_RATE_HZ / (1 << 17)
        assert loudest_hz == pytest.approx(pitch_hz, rel=0.01)


@pytest.mark.parametrize("how", RENDERERS)
def test_the_finished_clip_is_as_long_as_its_timeline_to_the_sample(
    how: str, said: Decoded, tmp_path: Path
) -> None:
    clip = rendered(how, said, EVERYTHING, tmp_path)
    assert len(clip) == total_samples(arrange(EVERYTHING), said.samples)


def test_both_renderers_make_the_same_sound(said: Decoded, tmp_path: Path) -> None:
    by_pydub, by_ffmpeg = (rendered(how, said, EVERYTHING, tmp_path) for how in RENDERERS)
    assert np.abs(by_pydub - by_ffmpeg).max() < 3 / 32768  # one has 16 bits, the other 24


@pytest.mark.parametrize("how", RENDERERS)
def test_the_speech_is_said_twice_alike(how: str, said: Decoded, tmp_path: Path) -> None:
    clip = rendered(how, said, EVERYTHING, tmp_path)
    first = duration_samples(Chime.OPENING) + AFTER_OPENING_MS * 48
    second = first + said.samples + 700 * 48
    assert np.array_equal(clip[first : first + said.samples], clip[second : second + said.samples])
    assert not clip[first + said.samples : second].any()


@pytest.mark.parametrize("how", RENDERERS)
def test_sound_that_begins_and_ends_at_full_level_does_not_click(how: str, tmp_path: Path) -> None:
    abrupt = write_sound(tmp_path / "abrupt.wav", noise(2) * 0 + 0.4 * np.cos(np.arange(96_000) * 0.05))
    said = decode(abrupt, tmp_path / "speech.flac", limits=Limits())
    clip = rendered(how, said, PrepareSpec(repeats=2, gap_ms=100), tmp_path)
    assert np.abs(np.diff(clip, prepend=0, append=0)).max() <= 0.05 * np.abs(clip).max() * 1.05


@pytest.mark.parametrize("how", RENDERERS)
@pytest.mark.parametrize("gain_db", [-30, 0, 5])
def test_the_chime_is_set_against_the_speech_whatever_the_level_of_the_upload(
    how: str, gain_db: int, spoken: Path, tmp_path: Path
) -> None:
    upload = write_sound(tmp_path / "upload.wav", decode_clip(spoken) * 10 ** (gain_db / 20))
    said = decode(upload, tmp_path / "speech.flac", limits=Limits())
    clip = rendered(how, said, PrepareSpec(opening_chime=True), tmp_path)
    chime, speech = np.split(clip, [duration_samples(Chime.OPENING)])
    assert integrated_lufs(speech) - integrated_lufs(chime) == pytest.approx(CHIME_BELOW_SPEECH_LU, abs=0.5)
