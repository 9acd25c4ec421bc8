"""Real speech, written and heard: confirmed when it is that speech, and never when it is another."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.probing import RATE, Evening, Sound, in_a_room, judge, through_a_horn, with_noise
from support.sound import decode_clip
from support.voices import MEETING, STORM, music, noise, speech

from device_agent.evidence.likeness import Likeness
from device_agent.evidence.timeline import SECOND_NS, SamplesLost, Timeline
from device_agent.evidence.verdict import finding
from wire import types

CONFIRMED, NOT_CONFIRMED, NOT_VERIFIABLE = (
    types.Sound.CONFIRMED,
    types.Sound.NOT_CONFIRMED,
    types.Sound.NOT_VERIFIABLE,
)
ALIKE = (
    MEETING,
    MEETING.replace("Đại Ân", "Trà Cú").replace("7h30", "8h00"),
    STORM,
    STORM.replace("Bão số 9 mạnh cấp 12", "Bão số 8 mạnh cấp 10"),
    "Kính mời bà con nhân dân ấp Trà Cú dự họp lúc 9 giờ tại nhà văn hóa. Nội dung: thu gom rác thải.",
    "Mời bà con đến tiêm chủng cho trẻ em tại trạm y tế xã vào sáng mai.",
)
"""What one synthetic voice says: the same words are the same samples, so nothing is harder to tell apart."""


@pytest.fixture(scope="module")
def announcement(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    return decode_clip(speech(tmp_path_factory.mktemp("speech") / "meeting.wav"))


@pytest.fixture(scope="module")
def announcements(tmp_path_factory: pytest.TempPathFactory) -> list[Sound]:
    home = tmp_path_factory.mktemp("speeches")
    south = [decode_clip(speech(home / f"{index}.wav", text)) for index, text in enumerate(ALIKE)]
    return [*south, decode_clip(speech(home / "north.wav", MEETING, voice="vi-north"))]


@pytest.mark.parametrize("snr_db", [30, 10, 0, -10])
def test_speech_is_confirmed_in_noise(announcement: Sound, snr_db: float) -> None:
    found = judge(announcement, with_noise(announcement, snr_db))
    assert found.sound is CONFIRMED
    assert found.delay_ms == pytest.approx(120, abs=2)


@pytest.mark.parametrize("direct_db", [5, 0, -8])
def test_speech_is_confirmed_with_the_echo_of_a_square(announcement: Sound, direct_db: float) -> None:
    arrives = with_noise(in_a_room(announcement, seconds=1.5, direct_db=direct_db), 10)
    assert judge(announcement, arrives).sound is CONFIRMED


def test_speech_is_confirmed_through_an_overdriven_horn(announcement: Sound) -> None:
    assert judge(announcement, with_noise(through_a_horn(announcement), 10)).sound is CONFIRMED


def test_speech_is_confirmed_by_a_probe_whose_crystal_is_off(announcement: Sound) -> None:
    places = np.arange(len(announcement)) * (1 + 100e-6)
    drifting = np.interp(places, np.arange(len(announcement)), announcement)
    assert judge(announcement, with_noise(drifting, 10)).sound is CONFIRMED


@settings(max_examples=15, deadline=None)
@given(
    delay_ms=st.floats(-400, 1_000),
    gain_db=st.floats(-50, 6),
    heard_hz=st.sampled_from([16_000, 44_100, RATE]),
)
def test_no_delay_gain_or_sample_rate_matters(
    announcement: Sound, delay_ms: float, gain_db: float, heard_hz: int
) -> None:
    places = np.arange(len(announcement) * heard_hz // RATE) * RATE / heard_hz
    arrives = 10 ** (gain_db / 20) * np.interp(places, np.arange(len(announcement)), announcement)
    found = judge(announcement, arrives, delay_ms=delay_ms, heard_hz=heard_hz)
    assert found.sound is CONFIRMED
    assert found.delay_ms == pytest.approx(delay_ms, abs=2)


def test_other_speech_is_never_confirmed(announcements: list[Sound]) -> None:
    verdicts = {
        (ordered, heard): judge(announcements[ordered], announcements[heard]).sound
        for ordered, heard in permutations(range(len(announcements)), 2)
    }
    assert CONFIRMED not in verdicts.values()
    # Of whole sentences in common somebody may have heard enough; of a few words in common nobody has.
    unlike = [verdict for pair, verdict in verdicts.items() if pair not in {(0, 1), (1, 0), (2, 3), (3, 2)}]
    assert unlike.count(NOT_CONFIRMED) >= 0.8 * len(unlike)


@pytest.mark.parametrize("delay_ms", [-100, 0, 250, 500])
@pytest.mark.parametrize("voice", ["vi-south", "vi-central", "vi-north"])
def test_a_warning_that_differs_in_its_numbers_is_not_that_warning(
    tmp_path: Path, voice: str, delay_ms: float
) -> None:
    ordered, other = (
        decode_clip(speech(tmp_path / f"{number}.wav", STORM.replace("9 mạnh cấp 12", number), voice=voice))
        for number in ("8 mạnh cấp 10", "7 mạnh cấp 11")
    )
    assert judge(ordered, other, delay_ms=delay_ms).sound is not CONFIRMED
    assert judge(other, ordered, delay_ms=delay_ms).sound is not CONFIRMED


def test_other_speech_over_it_in_the_street_does_not_hide_it(announcements: list[Sound]) -> None:
    ordered, street = announcements[0], announcements[2]
    arrives = ordered.copy()
    arrives[: len(street)] += street
    assert judge(ordered, arrives).sound is CONFIRMED


@pytest.mark.parametrize("what", ["silence", "noise", "music", "the same much later"])
def test_without_it_nothing_is_confirmed(announcement: Sound, what: str) -> None:
    arrives = {
        "silence": np.zeros(len(announcement)),
        "noise": noise(len(announcement) / RATE),
        "music": music(len(announcement) / RATE),
        "the same much later": np.concatenate((np.zeros(3 * RATE), announcement)),
    }[what]
    assert judge(announcement, arrives).sound is NOT_CONFIRMED


def test_digital_silence_is_not_confirmed() -> None:
    written = noise(6)
    assert judge(written, np.zeros(0), room=0.0).sound is NOT_CONFIRMED


def test_a_probe_that_goes_deaf_says_nothing_of_the_rest(announcement: Sound) -> None:
    assert judge(announcement, announcement, deaf_after_s=3).sound is NOT_VERIFIABLE
    assert judge(announcement, np.zeros(0), deaf_after_s=3).sound is NOT_VERIFIABLE
    assert judge(announcement, announcement, deaf_after_s=16).sound is CONFIRMED


def test_a_loudspeaker_that_dies_in_the_middle_is_not_confirmed(announcement: Sound) -> None:
    found = judge(announcement, announcement[: len(announcement) // 2])
    assert found.sound is NOT_VERIFIABLE
    assert found.confidence == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("seconds", [0.5, 1.9])
def test_what_is_too_short_cannot_be_verified(announcement: Sound, seconds: float) -> None:
    short = announcement[: round(seconds * RATE)]
    assert judge(short, short).sound is NOT_VERIFIABLE


def test_a_notice_of_five_seconds_can_be(announcement: Sound) -> None:
    short = announcement[: 5 * RATE]
    assert judge(short, short).sound is CONFIRMED
    assert judge(short, np.zeros(len(short))).sound is NOT_CONFIRMED


@pytest.mark.parametrize("what", ["silence", "a whisper", "a steady tone"])
def test_what_nobody_could_recognise_cannot_be_verified(what: str) -> None:
    sound = {
        "silence": np.zeros(8 * RATE),
        "a whisper": 0.001 * noise(8),
        "a steady tone": 0.5 * np.sin(2 * np.pi * 1_000 * np.arange(8 * RATE) / RATE),
    }[what]
    assert judge(sound, sound).sound is NOT_VERIFIABLE
    assert judge(sound, np.zeros(len(sound))).sound is NOT_VERIFIABLE


def test_music_and_sirens_are_confirmed() -> None:
    time_s = np.arange(12 * RATE) / RATE
    siren = 0.5 * np.sin(2 * np.pi * np.cumsum(700 + 300 * np.sin(2 * np.pi * 0.5 * time_s)) / RATE)
    for sound in (music(), siren):
        assert judge(sound, with_noise(sound, 10)).sound is CONFIRMED


def test_an_item_that_comes_back_after_it_was_cut_off_is_judged_by_all_of_it(announcement: Sound) -> None:
    evening = Evening()
    first, rest = announcement[: 5 * RATE], announcement[5 * RATE : 12 * RATE]
    assert evening.play("news", first).sound is CONFIRMED
    assert evening.play("warning", noise(5)).sound is CONFIRMED
    assert evening.play("news", rest).sound is CONFIRMED

    broken = Evening()
    assert broken.play("news", first).sound is CONFIRMED
    broken.loudspeaker = 0.0
    assert broken.play("warning", noise(5)).sound is NOT_CONFIRMED
    assert broken.play("news", rest).sound is NOT_VERIFIABLE


def likeness(delay_ms: float, *, coherence: float = 0.3) -> Likeness:
    return Likeness(delay_ms=delay_ms, prominence=40.0, lead=4.0, coherence=coherence)


NOTHING = Likeness(delay_ms=0.0, prominence=5.0, lead=1.1, coherence=0.03)


def test_words_recognised_at_different_delays_are_not_one_loudspeaker() -> None:
    assert finding([likeness(100), likeness(400), likeness(800)]).sound is not CONFIRMED
    assert finding([likeness(100), likeness(110), likeness(95)]).sound is CONFIRMED


def test_one_stretch_alone_has_to_be_very_like() -> None:
    assert finding([likeness(100)]).sound is NOT_VERIFIABLE
    assert finding([likeness(100, coherence=0.6)]).sound is CONFIRMED
    assert finding([NOTHING]).sound is NOT_CONFIRMED


def test_nothing_judged_is_nothing_known() -> None:
    assert (finding([]).sound, finding([]).confidence) == (NOT_VERIFIABLE, None)


def test_a_timeline_does_not_bridge_what_was_lost() -> None:
    timeline = Timeline(RATE)
    block = np.ones(RATE // 10, dtype=np.float32)
    for tenth in range(5):
        timeline.add(tenth * SECOND_NS // 10, block)
    timeline.add(SECOND_NS, block)
    assert len(timeline.between(0, SECOND_NS // 2)) == RATE // 2
    for start_ns, end_ns in ((0, 1_100_000_000), (600_000_000, 700_000_000), (-1, 100), (0, 2 * SECOND_NS)):
        with pytest.raises(SamplesLost):
            timeline.between(start_ns, end_ns)


def test_a_timeline_forgets_what_was_taken_back() -> None:
    timeline = Timeline(1_000)
    for block in range(3):
        timeline.add(block * SECOND_NS // 10, np.full(100, block, dtype=np.float32))
    timeline.replace_last(150, np.full(50, 9, dtype=np.float32))
    timeline.add(2 * SECOND_NS // 10, np.full(100, 5, dtype=np.float32))
    sound = timeline.between(0, 3 * SECOND_NS // 10)
    np.testing.assert_array_equal(sound, np.repeat([0, 1, 9, 5], [100, 50, 50, 100]))


def test_a_timeline_forgets_and_follows_the_jitter_of_its_source() -> None:
    timeline = Timeline(RATE)
    jitter = np.random.default_rng(1).integers(-20_000_000, 20_000_000, 200)
    for tenth, off_ns in enumerate(jitter):
        timeline.add(tenth * SECOND_NS // 10 + int(off_ns), np.full(RATE // 10, tenth, dtype=np.float32))
    with pytest.raises(SamplesLost):
        timeline.between(SECOND_NS, 2 * SECOND_NS)
    heard = timeline.between(15 * SECOND_NS, 16 * SECOND_NS)
    assert np.median(heard) == pytest.approx(154.5, abs=0.6)
