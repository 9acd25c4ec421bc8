"""No device, one that goes away, a recording of nothing (F22): told in ten seconds, never as played."""

import ctypes.util
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from bench.pulse import Pulse
from support.broker import Broker
from support.far_end import FarEnd, now
from support.media import MediaServer, murmur, opus
from support.pole import Pole
from support.signing import an_item

from wire.messages import ClipRef, Item, Report
from wire.types import Event

pytestmark = [pytest.mark.slow]

TOLD_S = 10.0
"""trust.md §9, F22."""
ENDS = (Event.PLAYED, Event.PARTIAL, Event.FAILED, Event.MISSED, Event.PREEMPTED, Event.CANCELLED)


@pytest.fixture
def poles() -> Iterator[list[Pole]]:
    started: list[Pole] = []
    yield started
    for pole in started:
        pole.stop()


@pytest.fixture
def far_end(broker: Broker) -> Iterator[FarEnd]:
    far_end = FarEnd(broker.controller_address())
    yield far_end
    far_end.stop()


def start(pole: Pole, poles: list[Pole], far_end: FarEnd) -> Pole:
    poles.append(pole.start())
    far_end.wait_online(pole.gateway_id)
    return pole


def ordered(far_end: FarEnd, gateway_id: str, clip: ClipRef, in_s: float = 2.0) -> Item:
    item = an_item(now() + timedelta(seconds=in_s), clips=(clip,))
    far_end.send(far_end.pen(gateway_id).plan(now(), item), "plan")
    return item


def end_of(far_end: FarEnd, gateway_id: str, item: Item, timeout_s: float) -> Report:
    def ends() -> list[Report]:
        return [each for each in far_end.about(gateway_id, item.broadcast_id) if each.event in ENDS]

    far_end.wait(ends, timeout_s)
    (end,) = ends()
    return end


def test_without_a_device_and_with_nothing_to_hear_nobody_is_told_that_it_was_played(
    tmp_path: Path, broker: Broker, media: MediaServer, poles: list[Pole], far_end: FarEnd
) -> None:
    # Whatever keeps a device from being opened looks the same to us: gone, busy, forbidden.
    silenced, well = "31672-001", "31672-002"
    start(Pole(tmp_path / "a", silenced, broker, media.url, sink="file:/proc/no-such-device"), poles, far_end)
    pole = start(Pole(tmp_path / "b", well, broker, media.url), poles, far_end)
    sound = ordered(far_end, silenced, media.add(opus(murmur(1_500)), 1_500))
    nothing = ordered(far_end, well, media.add(opus(np.zeros(72_000, np.float32)), 1_500))

    end = end_of(far_end, silenced, sound, 2.0 + TOLD_S)
    assert (end.event, end.reason) == (Event.FAILED, "sound_device")
    end = end_of(far_end, well, nothing, 2.0 + 1.5 + TOLD_S)
    assert (end.event, end.reason) == (Event.FAILED, "silent")
    assert pole.recording.is_silent(nothing.start_at, now())


MISSING = [name for name in ("pulseaudio", "pactl") if shutil.which(name) is None]
if ctypes.util.find_library("portaudio") is None:
    MISSING.append("libportaudio2")


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
def test_a_device_unplugged_in_the_middle_is_told_and_what_comes_after_it_is_back_sounds(
    tmp_path: Path, broker: Broker, media: MediaServer, poles: list[Pole], far_end: FarEnd
) -> None:
    gateway_id = "31672-001"
    long, short = media.add(opus(murmur(8_000)), 8_000), media.add(opus(murmur(1_500)), 1_500)
    pulse = Pulse(tmp_path / "pulse", ["horn"])
    try:
        pole = Pole(
            *(tmp_path / "pole", gateway_id, broker, media.url),
            sink="device",
            environment=pulse.environment("horn"),
        )
        start(pole, poles, far_end)
        item = ordered(far_end, gateway_id, long)
        far_end.wait_for_events(gateway_id, item.broadcast_id, Event.PLAYING)
        far_end.wait(lambda: now() > item.start_at + timedelta(seconds=1.5))
    finally:
        pulse.stop()
    end = end_of(far_end, gateway_id, item, TOLD_S)
    assert (end.event, end.reason) == (Event.PARTIAL, "sound_device")
    assert end.played_ms is not None
    assert 1_000 <= end.played_ms <= 4_000

    shutil.rmtree(tmp_path / "pulse")
    pulse = Pulse(tmp_path / "pulse", ["horn"])
    try:
        after = ordered(far_end, gateway_id, short, in_s=4.0)
        assert end_of(far_end, gateway_id, after, 20).event is Event.PLAYED
    finally:
        pulse.stop()
