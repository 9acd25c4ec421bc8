"""What was said live, as a clip: untouched, gaps silent; plain samples become Opus on the way in."""

from pathlib import Path

import numpy as np
import pytest
from support.media import warble
from support.sound import SAMPLE_RATE_HZ, decode_clip, normalised_cross_correlation
from support.speaking import opus_frames

from audio.formats import opus_samples
from controller.live.frames import PCM_FRAME_BYTES, SILENT_FRAME, BadFrame, Frame, check_opus
from controller.live.sound import PcmEncoder, write_clip

SOUND = warble(2_000)
FRAMES = [Frame(number, data) for number, data in enumerate(opus_frames(SOUND))]
PIECE = slice(SAMPLE_RATE_HZ * 6 // 5, SAMPLE_RATE_HZ * 9 // 5)


def test_what_was_left_out_is_silence_and_the_rest_stays_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "said.opus"
    said_ms = write_clip(FRAMES[:30] + FRAMES[50:], path)
    assert said_ms == round(len(FRAMES) * 20 - 6.5)
    heard = decode_clip(path)
    assert opus_samples(path) == len(heard) == pytest.approx(said_ms * 48, abs=24)
    like, lag = normalised_cross_correlation(heard, SOUND[PIECE])
    assert like > 0.98
    assert lag == pytest.approx(PIECE.start, abs=400)
    assert np.abs(heard[SAMPLE_RATE_HZ * 7 // 10 : SAMPLE_RATE_HZ * 9 // 10]).max() < 0.01


def test_a_voice_that_began_after_an_announcement_has_no_silence_before_it(tmp_path: Path) -> None:
    later = [Frame(frame.number + 400, frame.data) for frame in FRAMES]
    assert write_clip(later, tmp_path / "said.opus") == round(len(FRAMES) * 20 - 6.5)


@pytest.mark.parametrize("frames", [1, 2, 25, 50, 51])
def test_a_single_syllable_is_a_clip_that_gateways_can_read(tmp_path: Path, frames: int) -> None:
    write_clip(FRAMES[:frames], tmp_path / "said.opus")
    assert len(decode_clip(tmp_path / "said.opus")) == frames * 960 - 312


def test_silence_is_a_frame_that_gateways_take() -> None:
    check_opus(SILENT_FRAME)


def test_plain_samples_become_frames_that_gateways_take(tmp_path: Path) -> None:
    samples = (SOUND[::3] * 32767).astype("<i2").tobytes()
    encoder = PcmEncoder()
    starts = range(0, len(samples) - PCM_FRAME_BYTES + 1, PCM_FRAME_BYTES)
    frames = [
        Frame(index, encoder.encode(samples[start : start + PCM_FRAME_BYTES]))
        for index, start in enumerate(starts)
    ]
    for frame in frames:
        check_opus(frame.data)
    write_clip(frames, tmp_path / "said.opus")
    assert normalised_cross_correlation(decode_clip(tmp_path / "said.opus"), SOUND[PIECE])[0] > 0.9


@pytest.mark.parametrize("size", [0, PCM_FRAME_BYTES - 2, PCM_FRAME_BYTES + 1, 5 * PCM_FRAME_BYTES])
def test_another_length_is_no_frame(size: int) -> None:
    with pytest.raises(BadFrame):
        PcmEncoder().encode(bytes(size))
