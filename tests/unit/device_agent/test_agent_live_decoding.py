"""One frame of a voice is decoded at a time; what is lost or damaged is made up without a click."""

import av
import numpy as np
import pytest
from support.media import murmur
from support.speaking import FRAME, Speaker, opus_frames

from device_agent.live_decoding import CannotDecodeLive, LiveDecoder, load_libopus
from device_agent.live_feed import LiveFeed

FRAMES = opus_frames(murmur(2_000))
NO_FRAME = b"\xff" * 20
"""RFC 6716 §3.2.5: it says that it holds 63 frames, which it cannot."""
SIXTY_MS = bytes([11 << 3]) + b"\x12" * 30
"""RFC 6716 §3.1: SILK, wide band, one frame of 60 ms."""


def all_of(frames: list[bytes | None]) -> np.ndarray:
    decoder = LiveDecoder()
    return np.concatenate([decoder.decode(frame) for frame in frames])


def steepest(sound: np.ndarray) -> float:
    return float(np.abs(np.diff(sound)).max())


def test_frames_sound_as_another_build_of_the_library_decodes_them() -> None:
    ffmpeg = av.CodecContext.create("libopus", "r")
    ffmpeg.sample_rate, ffmpeg.layout = FRAME * 50, "mono"
    theirs = np.concatenate([ffmpeg.decode(av.Packet(frame))[0].to_ndarray()[0] for frame in FRAMES])
    np.testing.assert_allclose(all_of(list(FRAMES)), theirs / 32768, atol=1e-3)


def test_a_lost_frame_is_made_up_of_those_before_it_without_a_click() -> None:
    whole = all_of(list(FRAMES))
    holed = all_of([*FRAMES[:50], None, *FRAMES[51:]])
    hole = slice(50 * FRAME, 51 * FRAME)
    around = slice(hole.start - FRAME, hole.stop + FRAME)
    assert len(holed) == len(whole)
    assert 0.3 < np.std(holed[hole]) / np.std(whole[hole]) < 1.5
    assert steepest(holed[around]) < 1.5 * steepest(whole)


def test_what_stays_lost_fades_away_instead_of_humming_on() -> None:
    made_up = all_of([*FRAMES[:50], *[None] * 25])
    assert np.std(made_up[-FRAME:]) < 0.05 * np.std(made_up[49 * FRAME : 50 * FRAME])


@pytest.mark.parametrize("damaged", [NO_FRAME, FRAMES[0][:1] + b"\xff" * 1_300, SIXTY_MS])
def test_what_is_no_frame_of_20_ms_is_refused_and_the_next_one_decoded(damaged: bytes) -> None:
    decoder = LiveDecoder()
    decoder.decode(FRAMES[0])
    with pytest.raises(ValueError, match=r"corrupted stream|buffer too small"):
        decoder.decode(damaged)
    assert np.std(decoder.decode(FRAMES[1])) > 0


def test_a_voice_goes_on_over_what_cannot_be_decoded() -> None:
    speaker = Speaker()
    feed = LiveFeed(speaker.source)
    for data in speaker.packets([*FRAMES[:20], NO_FRAME, *FRAMES[21:40]]):
        feed.put(data)
    heard = np.concatenate(list(feed.blocks()))
    np.testing.assert_array_equal(heard, all_of([*FRAMES[:20], None, *FRAMES[21:40]]))


def test_a_box_without_the_library_says_so_with_what_to_do() -> None:
    with pytest.raises(CannotDecodeLive, match="apt install libopus0") as told:
        load_libopus(("libopus-that-is-not-there.so.0",))
    assert told.value.reason == "no_live"
