"""Which sample falls where: decoding, rendering, sequencing and the paced file, on a clock of our own."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from support.decoding import from_memory
from support.media import opus, warble
from support.recording import Recording
from support.signing import NOON, a_clip, an_item

from device_agent.clock import Clock
from device_agent.decoding import UnreadableClip, decode
from device_agent.effects import ClockStepped, Cue, SetVolume, StartPlaying, StopPlaying
from device_agent.instants import from_unix_ns, milliseconds, unix_ns
from device_agent.player_events import Failed, Finished, PlayerEvent, Progress, Started
from device_agent.rendering import render
from device_agent.sequencer import Sequencer
from device_agent.sinks.contract import BLOCK_FRAMES, RATE
from device_agent.sinks.file import FileSink
from device_agent.voice import FADE_FRAMES, Voice
from wire.messages import Item

ONE_SAMPLE = timedelta(seconds=1 / RATE)
BLOCK_NS = BLOCK_FRAMES * 1_000_000_000 // RATE


class StoppedClock(Clock):
    """Moves only when somebody waits on it, or by hand."""

    def __init__(self) -> None:
        self.mono_ns = 5_000_000_000
        self.ahead_ns = unix_ns(NOON) - self.mono_ns

    def now(self) -> datetime:
        return from_unix_ns(self.mono_ns + self.ahead_ns)

    def monotonic_ns(self) -> int:
        return self.mono_ns

    def wall_minus_monotonic_ns(self) -> int:
        return self.ahead_ns

    def wait_until_ns(self, monotonic_ns: int) -> None:
        self.mono_ns = max(self.mono_ns, monotonic_ns)


def decoded_ahead(voice: Voice) -> None:
    """Let the decoding thread go as far as it gets, so that its pace cannot show."""
    while voice._thread.is_alive() and not voice._queue.full():
        voice._thread.join(0.005)


class Stage:
    """A sequencer in front of a file sink, driven block by block."""

    def __init__(self, directory: Path, sounds: dict[str, np.ndarray]) -> None:
        self.clock = StoppedClock()
        self.sink = FileSink(directory, self.clock)
        self.directory = directory
        self.said: list[PlayerEvent] = []
        self.sounds = sounds
        self.sequencer = Sequencer(self._open, self.said.append)

    def _open(self, item: Item, offset_ms: int) -> Voice:
        decode_from_memory = from_memory(self.sounds.__getitem__)
        voice = Voice(item, render(item, Path, decode_from_memory, offset_ms), offset_ms)
        decoded_ahead(voice)
        return voice

    def run_until(self, at: datetime) -> None:
        while self.clock.now() < at:
            composed = self.sequencer.compose(self.sink.next_ns(), self.clock.ahead_ns)
            dry = self.sink.underruns
            first_ns = self.sink.write(composed.block)
            self.sequencer.written(composed, first_ns, self.clock.ahead_ns, dry=self.sink.underruns - dry)

    def heard(self, a: datetime, b: datetime) -> np.ndarray:
        return Recording(self.directory).between(a, b)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    # Twenty blocks fit into what is decoded ahead, so no thread's pace can show.
    sounds = {name * 64: warble(400, seed) for seed, name in enumerate("abc", start=1)}
    return Stage(tmp_path, sounds)


def sounds_of(stage: Stage, name: str) -> np.ndarray:
    return np.rint(stage.sounds[name * 64] * 32767).astype(np.float32) / 32767


def item_of(name: str, start_at: datetime, **changes: object) -> Item:
    return an_item(start_at, clips=(a_clip(name, 400),), **changes)


@pytest.mark.parametrize("offset_us", [0, 1, 10_417, 333_333, 999_999])
def test_the_first_sample_sounds_at_its_instant_to_the_sample(stage: Stage, offset_us: int) -> None:
    start_at = NOON + timedelta(milliseconds=300, microseconds=offset_us)
    item = item_of("a", start_at)
    stage.sequencer.do(Cue(item))
    stage.sequencer.do(StartPlaying(item, start_at))
    stage.run_until(start_at + timedelta(seconds=1))
    started = next(said for said in stage.said if isinstance(said, Started))
    assert abs(started.at - start_at) <= ONE_SAMPLE
    heard = stage.heard(start_at, start_at + timedelta(milliseconds=400))
    wanted = sounds_of(stage, "a")
    assert min(np.abs(np.roll(heard, shift)[2:-2] - wanted[2:-2]).max() for shift in (-1, 0, 1)) < 1e-4


def test_the_start_follows_the_wall_clock_when_it_is_set_meanwhile(stage: Stage) -> None:
    start_at = NOON + timedelta(seconds=1)
    item = item_of("a", start_at)
    stage.sequencer.do(StartPlaying(item, start_at))
    stage.run_until(NOON + timedelta(milliseconds=200))
    stage.clock.ahead_ns += 300_000_000
    stage.run_until(start_at + timedelta(seconds=1))
    started = next(said for said in stage.said if isinstance(said, Started))
    assert abs(started.at - start_at) <= ONE_SAMPLE


@pytest.mark.parametrize("step_ms", [600_000, -600_000])
def test_what_was_started_keeps_its_moment_when_the_clock_is_set_by_minutes(
    stage: Stage, step_ms: int
) -> None:
    start_at = NOON + timedelta(milliseconds=400)
    stage.sequencer.do(StartPlaying(item_of("a", start_at), start_at))
    stage.run_until(NOON + timedelta(milliseconds=200))
    stage.clock.ahead_ns += step_ms * 1_000_000
    stage.sequencer.do(ClockStepped(step_ms))
    by_the_new_clock = start_at + milliseconds(step_ms)
    stage.run_until(by_the_new_clock + timedelta(seconds=1))
    started = next(said for said in stage.said if isinstance(said, Started))
    assert abs(started.at - by_the_new_clock) <= ONE_SAMPLE


def test_it_says_how_much_was_played_and_how_loud(stage: Stage) -> None:
    item = item_of("a", NOON, gain_db=-6.0)
    stage.sequencer.do(SetVolume(50))
    stage.sequencer.do(StartPlaying(item, NOON))
    stage.run_until(NOON + timedelta(seconds=1))
    finished = stage.said[-1]
    assert isinstance(finished, Finished)
    assert (finished.played_ms, finished.underruns) == (400, 0)
    loudest_db = 20 * np.log10(np.abs(stage.sounds["a" * 64]).max())
    assert finished.peak_db == pytest.approx(loudest_db - 6.0 - 6.02, abs=0.01)
    rms_db = 10 * np.log10(np.mean(np.square(stage.sounds["a" * 64])))
    assert finished.rms_db == pytest.approx(rms_db - 6.0 - 6.02, abs=0.01)


def test_an_emergency_is_as_loud_as_it_was_made(stage: Stage) -> None:
    item = item_of("a", NOON + milliseconds(200), priority="emergency")
    stage.sequencer.do(SetVolume(0))
    stage.sequencer.do(StartPlaying(item, item.start_at))
    stage.run_until(NOON + timedelta(seconds=1))
    assert np.abs(stage.heard(NOON, NOON + timedelta(seconds=1))).max() > 0.4


def test_repeats_and_gaps_are_counted_to_the_sample(stage: Stage) -> None:
    start_at = NOON + milliseconds(200)
    item = item_of("a", start_at, repeat=2, gap_ms=130)
    stage.sequencer.do(StartPlaying(item, start_at))
    stage.run_until(NOON + timedelta(seconds=2))
    gap = stage.heard(start_at + milliseconds(400), start_at + milliseconds(530))
    assert not gap[1:-1].any()
    again = stage.heard(start_at + milliseconds(530), start_at + milliseconds(930))
    assert np.corrcoef(again, stage.sounds["a" * 64])[0, 1] > 0.999
    assert isinstance(stage.said[-1], Finished)
    assert stage.said[-1].played_ms == 930


def test_stop_fades_within_fifty_milliseconds_and_without_a_click(stage: Stage) -> None:
    start_at = NOON + milliseconds(200)
    item = item_of("a", start_at)
    stage.sequencer.do(StartPlaying(item, start_at))
    stage.run_until(start_at + milliseconds(100))
    before = stage.clock.now()
    stage.sequencer.do(StopPlaying(item.broadcast_id))
    stage.run_until(start_at + timedelta(seconds=1))
    heard = stage.heard(start_at, start_at + milliseconds(400))
    last = np.flatnonzero(heard)[-1]
    # What the device holds already sounds on: the buffer, then the fade.
    assert start_at + timedelta(seconds=float(last) / RATE) <= before + milliseconds(80 + 20 + 50)
    assert np.abs(np.diff(heard)).max() < 0.1
    finished = stage.said[-1]
    assert isinstance(finished, Finished)
    assert abs(finished.played_ms - last * 1000 / RATE) <= 1


def test_a_pre_empted_item_is_silent_when_the_other_begins(stage: Stage) -> None:
    low, high = item_of("a", NOON + milliseconds(200)), item_of("b", NOON + milliseconds(400))
    stage.sequencer.do(StartPlaying(low, low.start_at))
    stage.run_until(low.start_at)
    stage.sequencer.do(StartPlaying(high, high.start_at, preempts=(low.broadcast_id,)))
    stage.run_until(NOON + timedelta(seconds=2))
    assert [type(said) for said in stage.said] == [Started, Finished, Started, Finished]
    assert isinstance(stage.said[1], Finished)
    assert stage.said[1].played_ms == 200
    heard = stage.heard(high.start_at, high.start_at + milliseconds(400))
    assert np.corrcoef(heard, stage.sounds["b" * 64])[0, 1] > 0.999
    fading = np.abs(stage.heard(high.start_at - milliseconds(10), high.start_at))
    assert fading.max() < 0.5 * 10 / 50 + 0.01


def test_an_item_that_does_not_pre_empt_begins_with_the_sample_after_the_last(stage: Stage) -> None:
    first, second = item_of("a", NOON + milliseconds(200)), item_of("b", NOON + milliseconds(300))
    for item in (first, second):
        stage.sequencer.do(StartPlaying(item, item.start_at))
    stage.run_until(NOON + timedelta(seconds=2))
    both = np.concatenate([stage.sounds["a" * 64], stage.sounds["b" * 64]])
    heard = stage.heard(first.start_at, first.start_at + milliseconds(800))
    assert np.corrcoef(heard, both)[0, 1] > 0.999


def test_a_dropped_item_says_that_nothing_was_heard(stage: Stage) -> None:
    low, high = item_of("a", NOON + milliseconds(500)), item_of("b", NOON + milliseconds(200))
    stage.sequencer.do(StartPlaying(low, low.start_at))
    stage.sequencer.do(StartPlaying(high, high.start_at, preempts=(low.broadcast_id,)))
    assert stage.said == [Finished(low.broadcast_id, played_ms=0)]


def test_a_late_writer_is_an_underrun_and_time_moves_on(stage: Stage) -> None:
    item = item_of("a", NOON + milliseconds(200))
    stage.sequencer.do(StartPlaying(item, item.start_at))
    stage.run_until(NOON + milliseconds(300))
    stage.clock.mono_ns += 500_000_000
    stage.run_until(NOON + timedelta(seconds=2))
    finished = stage.said[-1]
    assert isinstance(finished, Finished)
    assert (finished.played_ms, finished.underruns) == (400, 1)
    first, second = Recording(stage.directory).runs
    assert second.start_s - first.end_s == pytest.approx(0.42, abs=0.05)


def test_a_checkpoint_comes_every_second(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {"a" * 64: warble(900)})
    item = an_item(NOON, clips=(a_clip("a", 900),), repeat=4)
    stage.sequencer.do(StartPlaying(item, NOON))
    while not any(isinstance(said, Finished) for said in stage.said):
        stage.run_until(stage.clock.now() + milliseconds(20))
    checkpoints = [said.played_ms for said in stage.said if isinstance(said, Progress)]
    assert len(checkpoints) == 3
    assert all(abs(ms - 1_000 * n) < 120 for n, ms in enumerate(checkpoints, start=1))


def test_a_recording_goes_on_after_a_restart(stage: Stage, tmp_path: Path) -> None:
    item = item_of("a", NOON + milliseconds(200))
    stage.sequencer.do(StartPlaying(item, item.start_at))
    stage.run_until(NOON + milliseconds(500))
    other = Stage(tmp_path, stage.sounds)
    other.clock.mono_ns += 2_000_000_000
    late = item_of("b", NOON + timedelta(seconds=3))
    other.sequencer.do(StartPlaying(late, late.start_at))
    other.run_until(NOON + timedelta(seconds=4))
    assert (
        np.corrcoef(other.heard(late.start_at, late.start_at + milliseconds(400)), stage.sounds["b" * 64])[
            0, 1
        ]
        > 0.999
    )
    assert len(Recording(tmp_path).runs) == 2


def test_two_opus_clips_are_joined_without_a_sample_between(tmp_path: Path) -> None:
    for name in ("a" * 64, "b" * 64):
        (tmp_path / name).write_bytes(opus(warble(1_500, seed=ord(name[0]))))
    item = an_item(clips=(a_clip("a", 1_500), a_clip("b", 1_500)))
    blocks = list(render(item, lambda sha256: tmp_path / sha256, decode))
    assert [len(block) for block in blocks] == [BLOCK_FRAMES] * 150
    apart = [np.concatenate(list(decode(tmp_path / name))) for name in ("a" * 64, "b" * 64)]
    np.testing.assert_array_equal(np.concatenate(blocks), np.concatenate(apart))


def test_rendering_from_the_middle_gives_the_same_samples(tmp_path: Path) -> None:
    (tmp_path / ("a" * 64)).write_bytes(opus(warble(1_000)))
    item = an_item(clips=(a_clip("a", 1_000),), repeat=2, gap_ms=100)
    whole = np.concatenate(list(render(item, lambda sha256: tmp_path / sha256, decode)))
    part = np.concatenate(list(render(item, lambda sha256: tmp_path / sha256, decode, offset_ms=1_234)))
    np.testing.assert_array_equal(part, whole[1_234 * RATE // 1000 :])


@pytest.mark.parametrize("content", [b"", b"no sound at all", b"OggS" + b"\0" * 200])
def test_a_file_that_is_no_sound_is_unreadable(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clip").write_bytes(content)
    with pytest.raises(UnreadableClip):
        list(decode(tmp_path / "clip"))


def test_an_unreadable_clip_fails_the_item_and_names_the_clip(tmp_path: Path) -> None:
    name = "d" * 64
    (tmp_path / name).write_bytes(b"no sound")
    item = item_of("d", NOON)
    said: list[PlayerEvent] = []

    def open_voice(item: Item, offset_ms: int) -> Voice:
        voice = Voice(item, render(item, lambda sha256: tmp_path / sha256, decode, offset_ms), offset_ms)
        decoded_ahead(voice)
        return voice

    sequencer = Sequencer(open_voice, said.append)
    sequencer.do(StartPlaying(item, NOON))
    sequencer.written(sequencer.compose(0, unix_ns(NOON)), 0, unix_ns(NOON), dry=0)
    assert said == [Failed(item.broadcast_id, "clip_unreadable", bad_clip=name)]


def test_when_the_device_goes_everything_that_sounds_or_is_about_to_fails(stage: Stage) -> None:
    now, later = item_of("a", NOON), item_of("b", NOON + timedelta(seconds=5))
    for item in (now, later):
        stage.sequencer.do(StartPlaying(item, item.start_at))
    stage.run_until(NOON + milliseconds(200))
    untaken = stage.sequencer.compose(stage.sink.next_ns(), stage.clock.ahead_ns)
    stage.sequencer.fail("sound_device", untaken)
    failed = [said for said in stage.said if isinstance(said, Failed)]
    assert [(one.broadcast_id, one.reason, one.played_ms > 0) for one in failed] == [
        (now.broadcast_id, "sound_device", True),
        (later.broadcast_id, "sound_device", False),
    ]
    assert FADE_FRAMES == 2_400
