"""The silence and the nightly self-test: what is an alarm, and what is only the place."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from threading import Lock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.eventually import eventually
from support.media import warble

from device_agent.amplifier import Amplifier
from device_agent.clock import Clock
from device_agent.evidence import remembered
from device_agent.evidence.ears import Ears
from device_agent.evidence.idle import AFTER_SOUND_NS, IdleWatch
from device_agent.evidence.likeness import band_level_db, level_db
from device_agent.evidence.probe import ProbeError
from device_agent.evidence.remembered import Remembered
from device_agent.evidence.self_test import CHIRP_DB, CHIRP_S, chirp, is_due
from device_agent.evidence.self_tester import TRIES, SelfTester
from device_agent.evidence.sink import WatchedSink, Written
from device_agent.evidence.squelch import END_S, LEARN_S, MARGIN_DB, RAISE_S, Squelch, idle_second
from device_agent.evidence.timeline import SECOND_NS, Timeline
from device_agent.player import Player
from device_agent.sinks.contract import BLOCK_FRAMES, RATE, SILENCE, Block, Revision
from device_agent.sinks.file import FileSink
from device_agent.voice import Voice
from wire.types import Fault, SelfTest

QUIET_DB, LOUD_DB = -70.0, -30.0
NIGHT = time(2, 30)
AT_NIGHT = datetime(2026, 11, 23, 19, 40, tzinfo=UTC)
"""02:40 in the delta."""


def after(squelch: Squelch, levels_db: Iterable[float]) -> Squelch:
    for each_db in levels_db:
        squelch = idle_second(squelch, each_db)
    return squelch


LEARNT = after(Squelch(), [QUIET_DB] * LEARN_S)


def test_the_floor_is_learnt_before_anything_is_an_alarm() -> None:
    learning = after(Squelch(), [LOUD_DB] * (LEARN_S - 1))
    assert (learning.floor_db, learning.alarmed) == (None, False)
    assert LEARNT.floor_db == QUIET_DB


def test_five_loud_seconds_are_an_alarm_and_ten_quiet_ones_its_end() -> None:
    loud = after(LEARNT, [LOUD_DB] * (RAISE_S - 1))
    assert not loud.alarmed
    alarmed = after(loud, [LOUD_DB])
    assert alarmed.alarmed
    ending = after(alarmed, [QUIET_DB] * (END_S - 1))
    assert ending.alarmed
    assert not after(ending, [QUIET_DB]).alarmed


def test_speech_with_its_pauses_is_an_alarm_and_single_bangs_are_not() -> None:
    assert after(LEARNT, [LOUD_DB, LOUD_DB, QUIET_DB] * 10).alarmed
    assert not after(LEARNT, [LOUD_DB, LOUD_DB, QUIET_DB, QUIET_DB, QUIET_DB] * 20).alarmed


def test_a_whistle_never_becomes_normal() -> None:
    alarmed = after(LEARNT, [LOUD_DB] * 3 * 3600)
    assert alarmed.alarmed
    assert alarmed.floor_db == QUIET_DB


def test_rain_that_comes_slowly_becomes_part_of_the_place() -> None:
    rain = [QUIET_DB + step / 60 for step in range(30 * 60)]
    wet = after(LEARNT, rain)
    assert not wet.alarmed
    assert wet.floor_db == pytest.approx(QUIET_DB + 30, abs=1)


def test_the_floor_falls_quickly() -> None:
    assert after(Squelch(floor_db=-40.0), [QUIET_DB] * 30).floor_db == pytest.approx(QUIET_DB, abs=0.1)


def test_what_nobody_hears_is_no_alarm_on_a_silent_line() -> None:
    silent = after(Squelch(), [-120.0] * LEARN_S)
    assert not after(silent, [-65.0] * 60).alarmed
    assert after(silent, [-50.0] * 60).alarmed


@given(st.lists(st.floats(0, MARGIN_DB - 1), max_size=400))
def test_no_place_is_an_alarm_however_it_rustles(above_db: list[float]) -> None:
    assert not after(LEARNT, [max(LEARNT.floor_db or 0.0, QUIET_DB) + each for each in above_db]).alarmed


def heard_seconds(sound: Block, *, since_ns: int = 0) -> Timeline:
    timeline = Timeline(RATE)
    for start in range(0, len(sound), RATE // 10):
        timeline.add(since_ns + start * SECOND_NS // RATE, sound[start : start + RATE // 10])
    return timeline


def test_what_is_played_and_its_echo_are_not_listened_to_as_idle() -> None:
    watch, written = IdleWatch(Squelch()), Written()
    sound = warble(7_000)
    heard = Timeline(RATE)
    written.took(np.full(BLOCK_FRAMES, 0.1, dtype=np.float32), SECOND_NS, whispered=False)
    levels = []
    for tenth in range(70):
        heard.add(tenth * SECOND_NS // 10, sound[tenth * RATE // 10 : (tenth + 1) * RATE // 10])
        watch.listen(written, heard)
        levels.append(watch.level_db)
    first = next(index for index, each in enumerate(levels) if each is not None)
    assert first * SECOND_NS // 10 > SECOND_NS + AFTER_SOUND_NS
    assert levels[-1] == pytest.approx(band_level_db(sound[-RATE:], RATE), abs=1.5)


def test_the_level_counts_what_a_horn_passes_and_no_hum() -> None:
    time_s = np.arange(RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 1_000 * time_s)).astype(np.float32)
    hum = (0.5 * np.sin(2 * np.pi * 50 * time_s)).astype(np.float32)
    assert band_level_db(tone, RATE) == pytest.approx(level_db(tone), abs=0.1)
    assert band_level_db(hum, RATE) < -100
    assert band_level_db(np.zeros(RATE, dtype=np.float32), RATE) == -120.0


@pytest.mark.parametrize(
    ("now", "last_at", "next_start_at", "due"),
    [
        (AT_NIGHT, None, None, True),
        (AT_NIGHT - timedelta(minutes=11), None, None, False),
        (AT_NIGHT + timedelta(minutes=51), None, None, False),
        (AT_NIGHT, AT_NIGHT - timedelta(minutes=5), None, False),
        (AT_NIGHT, AT_NIGHT - timedelta(hours=24), None, True),
        (AT_NIGHT, AT_NIGHT + timedelta(days=300), None, True),  # noted by a clock that was a year ahead
        (AT_NIGHT, None, AT_NIGHT + timedelta(minutes=2), False),
        (AT_NIGHT, None, AT_NIGHT + timedelta(minutes=4), True),
    ],
)
def test_the_self_test_runs_once_a_night_in_its_hour_and_not_before_a_broadcast(
    now: datetime, last_at: datetime | None, next_start_at: datetime | None, *, due: bool
) -> None:
    assert is_due(now, NIGHT, last_at, next_start_at) is due


def test_an_hour_before_midnight_reaches_into_the_next_day() -> None:
    half_past_midnight = datetime(2026, 11, 23, 17, 20, tzinfo=UTC)
    assert is_due(half_past_midnight, time(23, 50), None, None)


def test_the_chirp_is_soft_and_has_no_edges() -> None:
    sound = chirp()
    assert len(sound) == CHIRP_S * RATE
    assert 20 * np.log10(np.abs(sound).max()) == pytest.approx(CHIRP_DB, abs=0.1)
    assert np.abs(sound[: RATE // 100]).max() < 10 ** (-65 / 20)
    assert np.abs(sound[-RATE // 100 :]).max() < 10 ** (-65 / 20)


class Loop:
    """A device and a probe on one clock that the test moves, a block at a time."""

    def __init__(self, *, probe: bool = True, gain: float = 0.5, device: bool = True) -> None:
        self.now_ns = 500 * SECOND_NS
        self.written = Written()
        silence = np.zeros(RATE, dtype=np.float32)
        self.heard = heard_seconds(silence, since_ns=self.now_ns - SECOND_NS) if probe else None
        self.gain = gain
        self.device = device
        self.sink = WatchedSink(lambda: self, self.written, Lock())
        self.written.is_open = device
        self.tester = SelfTester(NIGHT, has_probe=probe)
        self.sounded: list[Block] = []
        self.underruns, self.fast_ppm = 0, 0.0
        self._noise = np.random.default_rng(4)

    def next_ns(self) -> int:
        return self.now_ns

    def write(self, block: Block) -> int:
        self.sounded.append(block)
        return self.now_ns

    def wait(self, _most_s: float) -> bool:
        return True

    def nudge(self) -> None:
        pass

    def revise(self, _most_frames: int, _revision: Revision) -> int:
        return 0

    def close(self) -> None:
        self.device = False

    def run(self, seconds: float, ordered: Block = SILENCE) -> SelfTest | None:
        for index in range(round(seconds * 50)):
            if self.device:
                self.sink.write(ordered)
                hiss = (1e-4 * self._noise.standard_normal(BLOCK_FRAMES)).astype(np.float32)
                if self.heard is not None:
                    self.heard.add(self.now_ns + 50_000_000, self.gain * self.sounded[-1] + hiss)
            self.now_ns += SECOND_NS // 50
            if index % 10 == 0:
                result = self.tester.step(
                    AT_NIGHT, self.now_ns, self.written, self.heard, last_at=None, next_start_at=None
                )
                if result is not None:
                    return result
        return None


def test_a_self_test_that_is_heard_passes() -> None:
    loop = Loop()
    assert loop.run(10) is SelfTest.HEARD
    assert 20 * np.log10(max(np.abs(block).max() for block in loop.sounded)) == pytest.approx(-40, abs=0.1)


def test_a_self_test_that_is_not_heard_is_tried_again_before_it_fails() -> None:
    loop = Loop(gain=0.0)
    assert loop.run(10) is None
    assert loop.run(60) is SelfTest.NOT_HEARD
    whispers = sum(
        bool(now.any() and not before.any())
        for before, now in zip(loop.sounded, loop.sounded[1:], strict=False)
    )
    assert whispers == TRIES


def test_without_a_probe_nothing_sounds_and_the_device_is_all_that_is_tested() -> None:
    loop = Loop(probe=False)
    assert loop.run(10) is SelfTest.DEVICE_ONLY
    assert not any(block.any() for block in loop.sounded)


def test_a_device_that_takes_nothing_fails() -> None:
    assert Loop(device=False).run(60) is SelfTest.NO_DEVICE


def test_what_is_ordered_ends_the_chirp_at_once_and_it_is_tried_later() -> None:
    loop = Loop()
    assert loop.run(1.5) is None
    ordered = np.full(BLOCK_FRAMES, 0.25, dtype=np.float32)
    assert loop.run(2, ordered) is None
    assert all((block == ordered).all() for block in loop.sounded[-100:])
    assert loop.run(0.5) is None
    assert not any(block.any() for block in loop.sounded[-25:])
    assert loop.run(12) is SelfTest.HEARD


class FakeRelay:
    def __init__(self) -> None:
        self.told: list[bool] = []

    def switch(self, *, on: bool) -> None:
        self.told.append(on)

    def close(self) -> None:
        self.told.append(False)


def test_the_amplifier_is_switched_on_for_a_whisper(tmp_path: Path) -> None:
    written, relay, clock = Written(), FakeRelay(), Clock()
    player = Player(
        lambda: WatchedSink(lambda: FileSink(tmp_path, clock), written, Lock()),
        lambda item, _offset_ms: Voice(item, iter(())),
        lambda _said: None,
        clock,
        amplifier=Amplifier(relay),
        whispers=lambda: written.is_whispering,
    )
    player.start()
    eventually(lambda: written.samples.end_ns, 5)
    assert relay.told == []
    written.whisper(chirp()[: RATE // 2])
    eventually(lambda: relay.told == [True], 5)
    eventually(lambda: written.whispered_ns, 5)
    player.stop()
    assert relay.told[-1] is False


def test_what_was_learnt_outlives_a_restart_and_a_broken_file_is_only_forgotten(tmp_path: Path) -> None:
    assert remembered.read(tmp_path) == Remembered()
    known = Remembered(
        floor_db=-52.5,
        self_test=SelfTest.HEARD,
        self_test_at=AT_NIGHT,
        faults=(Fault.SOUND_WHILE_IDLE,),
    )
    remembered.write(tmp_path, known)
    assert remembered.read(tmp_path) == known
    (tmp_path / remembered.FILE).write_bytes(b'{"faults": ["no such fault"]}')
    assert remembered.read(tmp_path) == Remembered()
    remembered.write(tmp_path / "not there", known)


class FakeProbe:
    def __init__(self) -> None:
        self.heard = Timeline(RATE)
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_a_probe_is_tried_again_until_it_is_there_and_opened_anew_when_it_is_deaf() -> None:
    now_ns, probes = [1_000 * SECOND_NS], [FakeProbe(), FakeProbe()]
    answers: list[FakeProbe | None] = [None, *probes]

    def open_probe() -> FakeProbe:
        answer = answers.pop(0)
        if answer is None:
            raise ProbeError("unplugged")
        return answer

    ears = Ears(open_probe, lambda: now_ns[0], Lock())
    ears.keep_open()
    ears.keep_open()
    assert ears.heard is None
    now_ns[0] += 5 * SECOND_NS
    ears.keep_open()
    assert ears.heard is probes[0].heard
    probes[0].heard.add(now_ns[0], np.zeros(RATE, dtype=np.float32))
    now_ns[0] += 3 * SECOND_NS
    ears.keep_open()
    assert not probes[0].closed
    now_ns[0] += 2 * SECOND_NS
    ears.keep_open()
    assert (probes[0].closed, ears.heard) == (True, None)
    ears.keep_open()
    assert ears.heard is probes[1].heard
