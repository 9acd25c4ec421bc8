from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sound import decode_clip, normalised_cross_correlation
from support.voices import STORM, speech

from audio.errors import AudioRefused, Refusal, VoiceUnavailable
from audio.espeak import VOICES
from audio.speech import MAX_CHARACTERS, Voice, clean_text


def seconds(path: Path) -> float:
    return len(decode_clip(path)) / 48_000


@pytest.mark.parametrize("name", VOICES)
def test_every_built_in_voice_speaks(name: str, tmp_path: Path) -> None:
    voice: Voice = VOICES[name]
    voice.synthesise("Xin chào bà con.", tmp_path / "hello.wav")
    assert 0.5 < seconds(tmp_path / "hello.wav") < 5


def test_the_first_voice_is_that_of_the_delta() -> None:
    assert next(iter(VOICES)) == "vi-south"


def test_accents_sound_different(tmp_path: Path) -> None:
    south, north = (
        decode_clip(speech(tmp_path / f"{name}.wav", STORM, voice=name)) for name in ("vi-south", "vi-north")
    )
    peak, _ = normalised_cross_correlation(max(south, north, key=len), min(south, north, key=len))
    assert peak < 0.9


def test_the_rate_changes_the_length(tmp_path: Path) -> None:
    lengths = []
    for rate in (0.6, 1.0, 1.6):
        VOICES["vi-south"].synthesise(STORM, tmp_path / "s.wav", rate=rate)
        lengths.append(seconds(tmp_path / "s.wav"))
    assert lengths[0] > 1.3 * lengths[1] > 1.5 * lengths[2]


@pytest.mark.parametrize("rate", [0.49, 2.01, -1, float("nan")])
def test_a_rate_nobody_could_follow_is_an_error(rate: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rate"):
        VOICES["vi-south"].synthesise(STORM, tmp_path / "s.wav", rate=rate)


@pytest.mark.parametrize("text", ["-w /tmp/x", "--help", "$(reboot)", "<speak><mark/></speak> a", "a\u202eb"])
def test_text_is_spoken_whatever_it_looks_like(text: str, tmp_path: Path) -> None:
    VOICES["vi-south"].synthesise(text, tmp_path / "s.wav")
    assert seconds(tmp_path / "s.wav") > 0.3


def test_phonemes_in_brackets_are_read_and_not_obeyed(tmp_path: Path) -> None:
    voice = VOICES["en"]
    voice.synthesise("[[h@l'oU]]", tmp_path / "bracketed.wav")
    voice.synthesise("h@l'oU", tmp_path / "plain.wav")
    voice.synthesise("hello", tmp_path / "hello.wav")
    bracketed, plain, hello = (seconds(tmp_path / f"{name}.wav") for name in ("bracketed", "plain", "hello"))
    assert abs(bracketed - plain) < abs(bracketed - hello)


@pytest.mark.slow
def test_the_longest_text_allowed_is_spoken_to_its_end(tmp_path: Path) -> None:
    once = seconds(speech(tmp_path / "once.wav", STORM))
    times = MAX_CHARACTERS // (len(STORM) + 1)
    whole = seconds(speech(tmp_path / "whole.wav", "\n".join([STORM] * times)))
    assert whole == pytest.approx(once * times, rel=0.1)


@pytest.mark.parametrize("text", ["", "  \n\t", "\x00\x1b\u200b", "… — !", "\ufeff"])
def test_nothing_to_say_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(AudioRefused) as refused:
        VOICES["vi-south"].synthesise(text, tmp_path / "s.wav")
    assert refused.value.code is Refusal.EMPTY_TEXT
    assert not (tmp_path / "s.wav").exists()


def test_too_much_to_say_is_refused() -> None:
    with pytest.raises(AudioRefused) as refused:
        clean_text("a" * (MAX_CHARACTERS + 1))
    assert refused.value.code is Refusal.TEXT_TOO_LONG


def test_a_machine_without_the_program_says_what_to_install(tmp_path: Path) -> None:
    voice = replace(VOICES["vi-south"], find_program=lambda _: None)
    with pytest.raises(VoiceUnavailable, match="apt-get install espeak-ng"):
        voice.synthesise(STORM, tmp_path / "s.wav")


def test_a_voice_that_the_program_lacks_is_unavailable(tmp_path: Path) -> None:
    voice = replace(VOICES["vi-south"], espeak_name="km-none")
    with pytest.raises(VoiceUnavailable, match="does not exist"):
        voice.synthesise(STORM, tmp_path / "s.wav")


def test_blanks_become_single_and_letters_composed() -> None:
    assert clean_text("  Tie\u0302\u0301ng\tViệt \r\n\r\n xin   chào ") == "Tiếng Việt\nxin chào"


@given(st.text(max_size=300))
def test_clean_text_steers_nothing_and_is_clean_already(text: str) -> None:
    try:
        cleaned = clean_text(text)
    except AudioRefused:
        return
    assert all(
        character.isprintable() or character in "\n\u3000\xa0" or not character.isascii()
        for character in cleaned
    )
    assert clean_text(cleaned) == cleaned
