"""Two crystals, one wall clock: what is deduced from looks, how the rate is trimmed, what a stretch adds."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.recording import Recording
from support.signing import NOON, a_clip, an_item

from device_agent.clock import Clock
from device_agent.decoding import Decoding
from device_agent.effects import StartPlaying
from device_agent.frame_clock import ASTRAY_LOOKS, FrameClock
from device_agent.instants import from_unix_ns, seconds, unix_ns
from device_agent.player import Player
from device_agent.player_events import Finished, PlayerEvent
from device_agent.rendering import render
from device_agent.sinks.contract import BLOCK_FRAMES, RATE
from device_agent.sinks.file import Crystal, FileSink
from device_agent.stretching import HALF, Stretcher
from device_agent.trim import CATCH_UP_NS, LIMIT_PPM, SLEW_PPM_PER_S, Course, Trim
from device_agent.voice import Voice
from wire.messages import Item

BLOCK_S = BLOCK_FRAMES / RATE
PPM = st.floats(-200, 200)
JITTER_MS = st.floats(0, 5)
MILLISECOND_NS = 1_000_000


@dataclass
class SimulatedPole:
    """The deciding part in front of a device that is only arithmetic: block by block, no sound."""

    fast_ppm: float
    jitter_ms: float = 0.0
    seed: int = 0
    wall_steps_ms: Sequence[tuple[float, float]] = ()
    """At which second of the item somebody sets the wall clock, and by how much."""
    late_ms: list[float] = field(default_factory=list)
    """How late each block really sounds by a wall clock that nobody sets."""
    rates_ppm: list[float] = field(default_factory=list)

    def play(self, duration_s: float, warm_up_s: float = 1.0) -> "SimulatedPole":
        rng = random.Random(self.seed)
        rate = RATE * (1 + self.fast_ppm * 1e-6)
        seen, trim, frame = FrameClock(), Trim(), 0.0
        course: Course | None = None
        warm_up = round(warm_up_s / BLOCK_S)
        for block in range(warm_up + round(duration_s / BLOCK_S)):
            really_ns = frame / rate * 1e9
            # A busy processor looks late more often than early.
            seen.saw(round(frame), round(frame) / rate * 1e9 + rng.expovariate(1) * self.jitter_ms * 1e6 / 3)
            if block < warm_up:
                trim.rest(seen.fast_ppm)
            else:
                seems_ns = round(seen.at_ns(frame))
                played = (block - warm_up) * BLOCK_FRAMES
                if course is None:
                    course, began_ns = Course(seems_ns, seems_ns), seems_ns
                set_ms = sum(step for at_s, step in self.wall_steps_ms if at_s <= played / RATE)
                trim.step(course.late_ns(played, seems_ns + round(set_ms * 1e6)), seen.fast_ppm, BLOCK_S)
                self.late_ms.append((really_ns - began_ns - played / RATE * 1e9) / 1e6)
                self.rates_ppm.append(trim.ppm)
            frame += BLOCK_FRAMES * (1 + trim.ppm * 1e-6)
        return self


@settings(max_examples=3, deadline=None)
@given(PPM, PPM, JITTER_MS, st.integers(0, 1_000))
def test_two_crystals_stay_within_twenty_milliseconds_for_half_an_hour(
    one_ppm: float, other_ppm: float, jitter_ms: float, seed: int
) -> None:
    one = SimulatedPole(one_ppm, jitter_ms, seed).play(1_800)
    other = SimulatedPole(other_ppm, jitter_ms, seed + 1).play(1_800)
    apart = np.abs(np.subtract(one.late_ms, other.late_ms))
    assert apart.max() < 20
    # Jitter of a tenth of a millisecond is what PulseAudio showed.
    assert np.median(apart[len(apart) // 2 :]) < 0.3 + jitter_ms


@settings(max_examples=25, deadline=None)
@given(
    PPM,
    JITTER_MS,
    st.lists(st.tuples(st.floats(0, 60), st.floats(-3_600_000, 3_600_000)), max_size=4),
    st.integers(0, 1_000),
)
def test_no_wall_clock_that_is_set_makes_a_jump(
    fast_ppm: float, jitter_ms: float, steps: list[tuple[float, float]], seed: int
) -> None:
    pole = SimulatedPole(fast_ppm, jitter_ms, seed, steps).play(60)
    assert np.abs(pole.rates_ppm).max() <= LIMIT_PPM
    assert np.abs(np.diff(pole.rates_ppm)).max() <= SLEW_PPM_PER_S * BLOCK_S * 1.001
    # At ±500 ppm beside a crystal of ±200, no block stands farther from the one before than that.
    assert np.abs(np.diff(pole.late_ms)).max() <= BLOCK_S * 1_000 * 750e-6


def test_a_small_step_of_the_wall_clock_is_walked_off_and_a_large_one_is_not() -> None:
    small = SimulatedPole(0, wall_steps_ms=[(10, 100)]).play(400)
    assert small.late_ms[-1] == pytest.approx(-100, abs=1)
    large = SimulatedPole(0, wall_steps_ms=[(10, 2_000)]).play(60)
    assert large.late_ms[-1] == pytest.approx(0, abs=1)


def test_a_crystal_that_is_right_is_not_trimmed_at_all() -> None:
    assert not any(SimulatedPole(0).play(60).rates_ppm)


@settings(max_examples=6, deadline=None)
@given(PPM, st.floats(0, 0.2), st.integers(0, 1_000))
def test_the_crystal_is_known_within_five_minutes(fast_ppm: float, jitter_ms: float, seed: int) -> None:
    rng = random.Random(seed)
    seen = FrameClock()
    for block in range(15_000):
        frame = block * BLOCK_FRAMES
        at_ns = frame / (RATE * (1 + fast_ppm * 1e-6)) * 1e9
        seen.saw(frame, at_ns + rng.uniform(-1, 1) * jitter_ms * 1e6)
    # Of 200 ppm all but 4.5 are learned by then; jitter spreads it by 0.4.
    assert seen.fast_ppm == pytest.approx(fast_ppm, abs=6)
    # Of two looks the earlier one counts: 68 µs early with this jitter, on every gateway alike; 25 of spread.
    assert seen.at_ns(frame) == pytest.approx(at_ns, abs=200_000)


def test_one_look_far_off_is_jitter_and_several_are_a_device_that_stood_still() -> None:
    seen = FrameClock()
    for block in range(500):
        seen.saw(block * BLOCK_FRAMES, block * BLOCK_S * 1e9)
    frame = 500 * BLOCK_FRAMES
    expected_ns = seen.at_ns(frame)
    seen.saw(frame, expected_ns + 800 * MILLISECOND_NS)
    assert seen.at_ns(frame) == pytest.approx(expected_ns)
    for block in range(501, 501 + ASTRAY_LOOKS):
        seen.saw(block * BLOCK_FRAMES, block * BLOCK_S * 1e9 + 800 * MILLISECOND_NS)
    assert seen.at_ns(frame) == pytest.approx(expected_ns + 800 * MILLISECOND_NS)
    assert abs(seen.fast_ppm) < 1


def test_what_begins_at_once_is_not_hurried_after_the_start_that_it_missed() -> None:
    began_ns = 60 * MILLISECOND_NS
    at_once = Course(0, began_ns)
    assert at_once.late_ns(0, began_ns) == 0
    assert at_once.late_ns(RATE, began_ns + 1_000 * MILLISECOND_NS) == 0


def test_what_was_to_begin_now_but_was_held_up_catches_up() -> None:
    held_up = Course(0, 0)
    assert held_up.late_ns(0, CATCH_UP_NS) == CATCH_UP_NS
    assert held_up.late_ns(RATE, 2 * CATCH_UP_NS + 1_000 * MILLISECOND_NS) == 0
    assert held_up.late_ns(2 * RATE, 2 * CATCH_UP_NS + 2_001 * MILLISECOND_NS) == MILLISECOND_NS


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 2_000), st.floats(-500, 500)), min_size=1, max_size=30))
def test_stretching_loses_and_doubles_no_frame(pieces: list[tuple[int, float]]) -> None:
    stretcher = Stretcher()
    went_in = came_out = 0.0
    sound = np.ones(2_000, dtype=np.float32)
    for frames, ppm in pieces:
        came_out += len(stretcher.stretch(sound[:frames], ppm)) / (1 + ppm * 1e-6)
        went_in += frames
        assert stretcher.held_frames == pytest.approx(HALF + went_in - came_out, abs=1e-6)
        assert 0 < stretcher.held_frames < HALF + 1


@pytest.mark.parametrize("ppm", [-500.0, -20.0, 200.0])
@pytest.mark.parametrize("hertz", [440, 4_000, 16_000])
def test_a_stretched_tone_is_the_tone_at_the_other_pitch(ppm: float, hertz: int) -> None:
    stretcher = Stretcher()
    tone = np.sin(2 * np.pi * hertz / RATE * np.arange(RATE)).astype(np.float32)
    out = np.concatenate(
        [stretcher.stretch(tone[at : at + BLOCK_FRAMES], ppm) for at in range(0, RATE, BLOCK_FRAMES)]
    )
    places = np.arange(len(out)) / (1 + ppm * 1e-6) - HALF
    wanted = np.sin(2 * np.pi * hertz / RATE * places)
    error = (out - wanted)[2 * HALF :]
    assert 20 * np.log10(error.std() / wanted.std()) < -75


def test_sound_stretched_by_nothing_is_the_same_bit_by_bit() -> None:
    stretcher = Stretcher()
    sound = np.random.default_rng(1).standard_normal(5 * BLOCK_FRAMES).astype(np.float32)
    blocks = [stretcher.stretch(sound[at : at + 700], 0.0) for at in range(0, len(sound), 700)]
    np.testing.assert_array_equal(np.concatenate(blocks)[HALF:], sound[:-HALF])


def test_silence_after_a_stretched_item_brings_the_next_one_onto_whole_frames() -> None:
    stretcher = Stretcher()
    stretcher.stretch(np.ones(BLOCK_FRAMES, dtype=np.float32), 200.0)
    for _ in range(3):
        assert not stretcher.stretch(np.zeros(BLOCK_FRAMES, dtype=np.float32), 0.0)[TAIL:].any()
    assert stretcher.held_frames == HALF
    sound = np.random.default_rng(1).standard_normal(BLOCK_FRAMES).astype(np.float32)
    np.testing.assert_array_equal(stretcher.stretch(sound, 0.0)[HALF:], sound[:-HALF])


TAIL = 2 * HALF


class FreeClock(Clock):
    """Moves when somebody waits on it, and lets the decoder keep up with whoever does."""

    def __init__(self) -> None:
        self.mono_ns = 5_000_000_000
        self.voice: Voice | None = None

    def monotonic_ns(self) -> int:
        return self.mono_ns

    def wall_minus_monotonic_ns(self) -> int:
        return unix_ns(NOON) - 5_000_000_000

    def wait_until_ns(self, monotonic_ns: int) -> None:
        self.mono_ns = max(self.mono_ns, monotonic_ns)
        while self.voice is not None and self.voice._queue.empty() and self.voice._thread.is_alive():
            self.voice._thread.join(0.001)


CLICK_EVERY_S = 5


def clicks(minutes: int) -> Decoding:
    """Yield a soft click every five seconds, its middle at the whole second."""
    second = np.zeros(RATE, dtype=np.float32)
    click = second.copy()
    click[:33] = np.hanning(33) * 0.5
    for at in range(minutes * 60):
        yield click if at % CLICK_EVERY_S == 0 else second
    return minutes * 60 * RATE


def played(
    directory: Path, fast_ppm: float, minutes: int, seed: int
) -> tuple[list[float], list[PlayerEvent]]:
    """Play clicks through the real player; return the seconds of the wall clock at which they sounded."""
    clock, said, rng = FreeClock(), list[PlayerEvent](), random.Random(seed)
    sink = FileSink(
        directory, clock, Crystal(fast_ppm, lambda: rng.randrange(-MILLISECOND_NS, MILLISECOND_NS))
    )

    def open_voice(item: Item, offset_ms: int) -> Voice:
        clock.voice = Voice(item, render(item, Path, lambda *_: clicks(minutes), offset_ms), offset_ms)
        return clock.voice

    def say(event: PlayerEvent) -> None:
        said.append(event)
        if isinstance(event, Finished):
            player._stopping.set()

    player = Player(lambda: sink, open_voice, say, clock)
    start_at = from_unix_ns(unix_ns(NOON)) + seconds(8)
    player.do(StartPlaying(an_item(start_at, clips=(a_clip("a", minutes * 60_000),)), start_at))
    player.start()
    player._thread.join(60)
    return [at - start_at.timestamp() for at in click_seconds(Recording(directory))], said


def click_seconds(recording: Recording) -> list[float]:
    found = []
    for run in recording.runs:
        loud = np.flatnonzero(run.samples > 0.2)
        for click in np.split(loud, np.flatnonzero(np.diff(loud) > RATE) + 1):
            weights = run.samples[click]
            found.append(run.start_s + float(click @ weights / weights.sum()) / run.rate)
    return found


@pytest.mark.slow
def test_recorded_clicks_of_two_crystals_stay_together(tmp_path: Path) -> None:
    minutes = 3
    slow, slow_said = played(tmp_path / "slow", -200.0, minutes, 1)
    fast, fast_said = played(tmp_path / "fast", +200.0, minutes, 2)
    assert len(slow) == len(fast) == minutes * 60 / CLICK_EVERY_S
    # Untrimmed, the last ones would be 71 ms apart. The crystals are found out in the second minute.
    apart = np.abs(np.subtract(slow, fast))
    assert apart.max() < 0.006
    assert apart[len(apart) // 2 :].max() < 0.003
    assert np.abs(np.subtract(slow, np.arange(len(slow)) * CLICK_EVERY_S)).max() < 0.005
    for said in (slow_said, fast_said):
        finished = said[-1]
        assert isinstance(finished, Finished)
        assert (finished.played_ms, finished.underruns) == (minutes * 60_000, 0)
