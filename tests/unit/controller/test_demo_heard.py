"""A recording as the agent's file sink leaves it, turned into what people listen to."""

import wave
from pathlib import Path

import pytest

from controller.demo.heard import RATE, NothingHeard, sounds, started_at, write_wav

AT = 1_795_500_000.0


def record(directory: Path, *runs: tuple[float, float]) -> None:
    """Write runs, each as seconds after `AT` and length in seconds."""
    lines, frames = [], 0
    pcm = bytearray()
    for after, seconds in runs:
        lines.append(f'{{"at": {AT + after}, "frame": {frames}}}\n')
        pcm += b"\x01\x10" * round(seconds * RATE)
        frames += round(seconds * RATE)
    (directory / "sound.jsonl").write_text("".join(lines))
    (directory / "sound.pcm").write_bytes(pcm)


def test_runs_with_a_breath_between_them_are_one_sound_and_an_hour_parts_two(tmp_path: Path) -> None:
    record(tmp_path, (0, 1.0), (1.5, 1.0), (3600, 2.0))
    heard = sounds(tmp_path)
    assert [len(runs) for runs in heard] == [2, 1]
    assert (started_at(heard[1]) - started_at(heard[0])).total_seconds() == 3600


def test_a_pause_within_a_sound_is_kept_and_the_hour_between_two_becomes_a_second(tmp_path: Path) -> None:
    record(tmp_path, (0, 1.0), (1.5, 1.0), (3600, 2.0))
    length_s = write_wav(sounds(tmp_path), tmp_path / "out.wav")
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert file.getnframes() == round(length_s * RATE) == round((1.0 + 0.5 + 1.0 + 1.0 + 2.0) * RATE)


def test_a_run_that_was_killed_before_its_first_sample_is_no_sound(tmp_path: Path) -> None:
    record(tmp_path, (0, 1.0), (10, 0.0))
    assert [len(runs) for runs in sounds(tmp_path)] == [1]


def test_nothing_recorded_is_said(tmp_path: Path) -> None:
    with pytest.raises(NothingHeard, match="no recording"):
        sounds(tmp_path)
    record(tmp_path, (0, 0.0))
    with pytest.raises(NothingHeard, match="nothing has sounded yet"):
        sounds(tmp_path)
