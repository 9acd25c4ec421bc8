"""A real agent that listens to its own loudspeaker: PortAudio both ways, a null sink and its monitor."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from support.broker import Broker
from support.far_end import FarEnd, now
from support.media import MediaServer, opus
from support.pole import Pole
from support.pulse import foreign_sound, needs_pulse, pactl, running_pulse
from support.signing import GATEWAY, an_item
from support.sound import decode_clip
from support.voices import MEETING, noise, speech

from device_agent.evidence import remembered
from device_agent.evidence.probe import DeviceProbe, ProbeError
from device_agent.evidence.self_test import LOCAL
from wire.messages import Report
from wire.types import Event, Fault, SelfTest, Sound

pytestmark = [pytest.mark.slow, needs_pulse]

TRIES = 3
"""Beside other tests a sound device may run dry, and what has a gap is for once not the same sound."""

PATIENCE_S = 45
"""A self-test in which samples were lost is repeated after ten seconds."""

LISTENING = {"LOACAST_AGENT_PROBE": "device:probe"}
NOW = {"LOACAST_AGENT_SELF_TEST_AT": f"{now().astimezone(LOCAL):%H:%M}"}


class Place:
    """One pole with a loudspeaker, the far end of its wire, and something to say."""

    def __init__(self, directory: Path, broker: Broker, media: MediaServer, pulse: dict[str, str]) -> None:
        self.directory, self._broker, self._media, self.pulse = directory, broker, media, pulse
        self.state = directory / "pole" / "state"
        self._announcement = decode_clip(speech(directory / "speech.wav", MEETING))

    @contextmanager
    def gateway(self, **listening: str) -> Iterator[FarEnd]:
        pole = Pole(
            self.directory / "pole",
            GATEWAY,
            self._broker,
            self._media.url,
            sink="device",
            environment=self.pulse | listening,
        )
        self._media.passwords[GATEWAY] = pole.secret
        far_end = FarEnd(self._broker.controller_address())
        pole.start()
        try:
            far_end.wait_online(GATEWAY)
            yield far_end
        finally:
            far_end.stop()
            pole.stop()

    def played(self, far_end: FarEnd, *, seconds: int) -> Report:
        clip = self._media.add(opus(self._announcement[: seconds * 48_000]), seconds * 1000)
        item = an_item(now() + timedelta(seconds=1), clips=(clip,))
        far_end.send(far_end.pen(GATEWAY).play(now(), item))
        far_end.wait_for_events(GATEWAY, item.broadcast_id, Event.PLAYED, timeout_s=25)
        return far_end.about(GATEWAY, item.broadcast_id)[-1]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    broker, media = Broker(tmp_path / "broker").start(), MediaServer()
    with running_pulse(tmp_path) as pulse:
        place = Place(tmp_path, broker, media, pulse)
        place.state.mkdir(parents=True)
        yield place
    media.stop()
    broker.stop()


def test_what_the_monitor_hears_is_confirmed_and_what_a_mute_swallows_is_not(place: Place) -> None:
    with place.gateway(**LISTENING) as far_end:
        tries = (place.played(far_end, seconds=5) for _ in range(TRIES))
        heard = next(each for each in tries if each.sound is Sound.CONFIRMED or not each.underruns)
        assert pactl(place.pulse, "set-sink-mute", "pole", "1") == 0
        muted = place.played(far_end, seconds=5)
    assert (heard.sound, heard.sound_confidence) == (Sound.CONFIRMED, 1.0)
    assert heard.rms_db == pytest.approx(-20, abs=8)
    assert (muted.event, muted.sound, muted.sound_confidence) == (Event.PLAYED, Sound.NOT_CONFIRMED, 0.0)


def test_without_a_probe_nothing_is_verifiable_and_the_device_is_all_that_is_tested(place: Place) -> None:
    with place.gateway(**NOW) as far_end:
        far_end.wait(lambda: remembered.read(place.state).self_test, PATIENCE_S)
        played = place.played(far_end, seconds=3)
    assert remembered.read(place.state).self_test is SelfTest.DEVICE_ONLY
    assert (played.sound, played.sound_confidence) == (Sound.NOT_VERIFIABLE, None)


def test_the_self_test_is_heard_and_a_stranger_s_sound_afterwards_is_a_fault_until_it_ends(
    place: Place,
) -> None:
    # The floor has been learnt in nights before; here nobody waits for it.
    remembered.write(place.state, remembered.Remembered(floor_db=-90.0))
    stranger = place.directory / "stranger.pcm"
    stranger.write_bytes(np.rint(16_000 * noise(30)).astype("<i2").tobytes())
    with place.gateway(**LISTENING, **NOW) as far_end:
        far_end.wait(lambda: remembered.read(place.state).self_test, PATIENCE_S)
        assert remembered.read(place.state).self_test is SelfTest.HEARD
        assert far_end.said(GATEWAY, Event.FAULT) == []
        with foreign_sound(place.pulse, stranger):
            far_end.wait(lambda: far_end.said(GATEWAY, Event.FAULT))
        far_end.wait(lambda: far_end.said(GATEWAY, Event.FAULT_OVER))
        (began, over) = far_end.said(GATEWAY, Event.FAULT, Event.FAULT_OVER)
    assert (began.event, began.reason) == (Event.FAULT, Fault.SOUND_WHILE_IDLE)
    assert (over.event, over.reason) == (Event.FAULT_OVER, Fault.SOUND_WHILE_IDLE)


@pytest.mark.usefixtures("place")
def test_a_probe_that_is_not_there_is_said_so() -> None:
    from device_agent.clock import Clock  # noqa: PLC0415 - the only one that needs it

    with pytest.raises(ProbeError, match="no such microphone"):
        DeviceProbe("no such microphone", Clock())
