"""The amplifier's relay: ahead of the sound, after it for a while, and never on for want of us."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import gpiozero
import numpy as np
import pytest
from gpiozero.pins.mock import MockFactory
from hypothesis import given, settings
from hypothesis import strategies as st
from support.decoding import from_memory
from support.media import warble
from support.recording import Recording
from support.signing import NOON, a_clip, an_item

from device_agent.amplifier import MARGIN_MS, Amplifier, RelayError, Switching
from device_agent.clock import Clock
from device_agent.effects import Cue, StartPlaying, StopPlaying
from device_agent.gpio import GpioRelay, UnknownAmplifier, amplifier_of
from device_agent.instants import from_unix_ns, unix_ns
from device_agent.player import Player
from device_agent.player_events import Finished, PlayerEvent, Started
from device_agent.probes.amplifier import amplifier as amplifier_probe
from device_agent.rendering import render
from device_agent.sinks.contract import SinkError
from device_agent.sinks.file import FileSink
from device_agent.voice import Voice
from wire.messages import Item

MS = 1_000_000
BLOCK_MS = 20


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    before = gpiozero.Device.pin_factory
    gpiozero.Device.pin_factory = MockFactory()
    yield gpiozero.Device.pin_factory
    gpiozero.Device.pin_factory.reset()
    gpiozero.Device.pin_factory = before


def run(switching: Switching, sounds: list[tuple[int, int]], until_ms: int) -> list[bool]:
    """Return whether it is on in each block; sounds are (start, end) in ms and known two seconds ahead."""
    on = []
    for now in range(0, until_ms, BLOCK_MS):
        known = [max(start, now) for start, end in sounds if start <= now + 2_000 and now < end]
        on.append(switching.decide(now * MS, min(known) * MS if known else None))
    return on


@settings(deadline=None)
@given(
    st.integers(0, 1_300),
    st.integers(0, 4_000),
    st.lists(st.tuples(st.integers(2_000, 9_000), st.integers(20, 2_000)), max_size=4),
)
def test_it_is_on_from_the_lead_before_each_sound_to_the_hold_after_it(
    lead_ms: int, hold_ms: int, starts_and_lengths: list[tuple[int, int]]
) -> None:
    sounds = [(start, start + length) for start, length in starts_and_lengths]
    on = run(Switching(lead_ms, hold_ms), sounds, 20_000)
    for block, is_on in enumerate(on):
        now = block * BLOCK_MS
        if any(start - lead_ms <= now <= end for start, end in sounds):
            assert is_on
        if all(now < start - lead_ms - MARGIN_MS or now > end + hold_ms + MARGIN_MS for start, end in sounds):
            assert not is_on


def test_what_sounds_at_once_waits_until_sound_comes_through() -> None:
    switching = Switching(lead_ms=400)
    assert switching.through_ns(1_000 * MS) == 1_400 * MS
    assert switching.decide(1_000 * MS, 1_000 * MS)
    assert switching.through_ns(1_200 * MS) == 1_400 * MS


class RecordedRelay:
    """Remembers when it was switched; fails when told to."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.switched: list[tuple[bool, float]] = []
        self.closed = False
        self.broken = False

    def switch(self, *, on: bool) -> None:
        if self.broken:
            raise RelayError("the pin is taken")
        self.switched.append((on, self.clock.now().timestamp()))

    def close(self) -> None:
        self.closed = True


class FreeClock(Clock):
    """Moves when somebody waits on it, and lets a decoder that is open finish first."""

    def __init__(self) -> None:
        self.mono_ns = 5_000_000_000
        self.voices: list[Voice] = []

    def now(self):  # type: ignore[no-untyped-def] # noqa: ANN201
        return from_unix_ns(self.mono_ns + self.wall_minus_monotonic_ns())

    def monotonic_ns(self) -> int:
        return self.mono_ns

    def wall_minus_monotonic_ns(self) -> int:
        return unix_ns(NOON) - 5_000_000_000

    def wait_until_ns(self, monotonic_ns: int) -> None:
        self.mono_ns = max(self.mono_ns, monotonic_ns)
        for voice in self.voices:
            voice._thread.join(5)


class Box:
    """A player with a relay and a file for a device, on a clock that runs freely."""

    def __init__(self, directory: Path, *, lead_ms: int = 400, hold_ms: int = 1_000) -> None:
        self.clock = FreeClock()
        self.relay = RecordedRelay(self.clock)
        self.amplifier = Amplifier(self.relay, Switching(lead_ms, hold_ms))
        self.said: list[PlayerEvent] = []
        self.directory = directory
        self.quit_at = NOON + timedelta(seconds=8)
        self.player = Player(
            lambda: FileSink(directory, self.clock),
            self._open_voice,
            self.said.append,
            self.clock,
            self._beat,
            amplifier=self.amplifier,
        )

    def _open_voice(self, item: Item, offset_ms: int) -> Voice:
        decode = from_memory(lambda _: warble(400))
        voice = Voice(item, render(item, Path, decode, offset_ms), offset_ms)
        self.clock.voices.append(voice)
        return voice

    def _beat(self) -> None:
        if self.clock.now() >= self.quit_at:
            self.player._stopping.set()

    def run(self) -> None:
        self.player.start()
        self.player._thread.join(20)


def test_the_relay_closes_ahead_of_the_first_sample_and_opens_after_the_last(tmp_path: Path) -> None:
    box = Box(tmp_path)
    start_at = NOON + timedelta(seconds=2)
    item = an_item(start_at, clips=(a_clip("a", 400),))
    box.player.do(Cue(item))
    box.player.do(StartPlaying(item, start_at))
    box.run()
    (on, on_at), (off, off_at) = box.relay.switched
    assert (on, off) == (True, False)
    assert 0.4 <= start_at.timestamp() - on_at <= 0.55
    assert off_at - (start_at.timestamp() + 0.4) == pytest.approx(1.0, abs=0.1)
    started = next(said for said in box.said if isinstance(said, Started))
    assert abs(started.at - start_at) < timedelta(milliseconds=1)


def test_an_order_to_play_now_loses_no_word_to_a_cold_amplifier(tmp_path: Path) -> None:
    box = Box(tmp_path, lead_ms=1_000)
    item = an_item(NOON - timedelta(seconds=1), clips=(a_clip("a", 400),))
    box.player.do(StartPlaying(item, item.start_at))
    box.run()
    began_at = Recording(tmp_path).first_sample_at(NOON)
    assert began_at is not None
    assert began_at.timestamp() - box.relay.switched[0][1] == pytest.approx(1.0, abs=0.03)
    finished = box.said[-1]
    assert isinstance(finished, Finished)
    assert finished.played_ms == 400


def test_an_item_that_is_called_off_lets_the_relay_open_again(tmp_path: Path) -> None:
    box = Box(tmp_path)
    item = an_item(NOON + timedelta(milliseconds=300), clips=(a_clip("a", 400),))
    box.player.do(Cue(item))
    box.player.do(StopPlaying(item.broadcast_id))
    box.run()
    assert not any(on for on, _ in box.relay.switched)


def test_stopping_in_the_middle_of_a_sound_switches_off(tmp_path: Path) -> None:
    box = Box(tmp_path, hold_ms=60_000)
    item = an_item(NOON + timedelta(seconds=1), clips=(a_clip("a", 400),))
    box.quit_at = item.start_at + timedelta(milliseconds=200)
    box.player.do(StartPlaying(item, item.start_at))
    box.run()
    assert [on for on, _ in box.relay.switched] == [True, False]
    assert box.relay.closed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_player_that_dies_switches_off(tmp_path: Path) -> None:
    box = Box(tmp_path, hold_ms=60_000)
    item = an_item(NOON + timedelta(milliseconds=500), clips=(a_clip("a", 400),))

    def die() -> None:
        if box.relay.switched:
            raise RuntimeError("a mistake of ours")

    box.player._beat = die
    box.player.do(StartPlaying(item, item.start_at))
    box.run()
    assert [on for on, _ in box.relay.switched] == [True, False]
    assert box.relay.closed


def test_a_device_that_is_gone_does_not_leave_the_amplifier_on(tmp_path: Path) -> None:
    box = Box(tmp_path, hold_ms=0)
    box.amplifier.attend(0, 0)
    assert box.amplifier.is_on() is True

    def no_device() -> FileSink:
        box.player._stopping.set()
        raise SinkError("unplugged")

    box.player._open_sink = no_device
    box.run()
    assert box.amplifier.is_on() is False


def test_a_relay_that_refuses_is_not_known_and_sound_goes_on(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.relay.broken = True
    item = an_item(NOON + timedelta(seconds=1), clips=(a_clip("a", 400),))
    box.player.do(StartPlaying(item, item.start_at))
    box.run()
    assert box.amplifier.is_on() is None
    assert isinstance(box.said[-1], Finished)
    assert np.abs(Recording(tmp_path).runs[0].samples).max() > 0.1


def test_without_a_relay_nothing_is_told_and_nothing_waits() -> None:
    nothing = Amplifier()
    assert nothing.attend(5, 5) == 5
    assert nothing.is_on() is None
    assert amplifier_probe(nothing.is_on).amplifier is None
    nothing.close()


def test_a_real_pin_follows_and_is_let_go_at_the_end(pins: MockFactory) -> None:
    amplifier = amplifier_of("GPIO17", lead_ms=100, hold_ms=0)
    pin = pins.pin("GPIO17")
    assert (pin.function, pin.state, amplifier.is_on()) == ("output", False, False)
    amplifier.attend(0, 0)
    assert (pin.state, amplifier_probe(amplifier.is_on).amplifier) == (True, "on")
    amplifier.attend(10**9, None)
    assert (pin.state, amplifier_probe(amplifier.is_on).amplifier) == (False, "off")
    amplifier.attend(2 * 10**9, 2 * 10**9)
    amplifier.close()
    assert (pin.function, pin.state) == ("input", False)


def test_a_relay_that_closes_when_its_pin_is_low_is_open_at_the_start(pins: MockFactory) -> None:
    relay = GpioRelay("!GPIO17")
    assert pins.pin("GPIO17").state is True
    relay.switch(on=True)
    assert pins.pin("GPIO17").state is False


@pytest.mark.usefixtures("pins")
@pytest.mark.parametrize("pin", ["", "GPIO99", "no such pin"])
def test_a_pin_that_cannot_be_had_is_not_present(pin: str) -> None:
    assert amplifier_of(pin, None, None).is_on() is None


def test_a_lead_longer_than_items_are_known_ahead_is_refused() -> None:
    with pytest.raises(UnknownAmplifier, match="1300 ms"):
        amplifier_of("", 2_000, None)


def test_many_starts_and_ends_never_leave_it_on() -> None:
    rng = random.Random(5)
    switching = Switching(400, 1_000)
    starts = sorted(rng.randrange(0, 60_000, 20) for _ in range(40))
    on = run(switching, [(start, start + rng.randrange(20, 900)) for start in starts], 70_000)
    assert not any(on[-200:])
