"""One real agent process over a real Mosquitto, its sound recorded to the sample."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from support.broker import Broker
from support.far_end import FarEnd, now
from support.media import MediaServer, opus, warble
from support.pole import Pole
from support.signing import EMERGENCY, GATEWAY, STRANGER, an_id, an_item, signed

from wire.messages import ClipRef
from wire.types import Event

pytestmark = pytest.mark.slow

SOUND = warble(3_000)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "broker").start()
    yield broker
    broker.stop()


@pytest.fixture
def media() -> Iterator[MediaServer]:
    media = MediaServer()
    yield media
    media.stop()


@pytest.fixture
def clip(media: MediaServer) -> ClipRef:
    return media.add(opus(SOUND), 3_000)


@pytest.fixture
def pole(tmp_path: Path, broker: Broker, media: MediaServer) -> Iterator[Pole]:
    pole = Pole(tmp_path / "pole", GATEWAY, broker, media.url)
    media.passwords[GATEWAY] = pole.secret
    pole.start()
    yield pole
    pole.stop()


@pytest.fixture
def far_end(broker: Broker, pole: Pole) -> Iterator[FarEnd]:
    far_end = FarEnd(broker.controller_address())
    far_end.wait_online(GATEWAY)
    yield far_end
    far_end.stop()


def heard(pole: Pole, at: object, frames: int = len(SOUND)) -> float:
    """Return the correlation of what sounded from `at` on with what should have."""
    got = pole.recording.between(at, at + timedelta(seconds=frames / 48_000))  # type: ignore[operator, arg-type]
    return float(np.corrcoef(got, SOUND[:frames])[0, 1])


def test_a_planned_item_sounds_at_its_instant_with_the_network_gone(
    broker: Broker, pole: Pole, far_end: FarEnd, clip: ClipRef
) -> None:
    item = an_item(now() + timedelta(seconds=4), clips=(clip,))
    far_end.send(far_end.pen(GATEWAY).plan(now(), item), "plan")
    far_end.wait_for_events(GATEWAY, item.broadcast_id, Event.READY)
    broker.kill()
    assert pole.process is not None
    with pytest.raises(Exception, match="timed out"):
        pole.process.wait(8)
    broker.start()
    far_end.wait_for_events(GATEWAY, item.broadcast_id, Event.PLAYED, timeout_s=40)

    playing, played = far_end.about(GATEWAY, item.broadcast_id)[-2:]
    assert (playing.event, played.event) == (Event.PLAYING, Event.PLAYED)
    assert played.started_at is not None
    assert abs(played.started_at - item.start_at) <= timedelta(microseconds=30)
    assert heard(pole, item.start_at) > 0.99
    assert (played.played_ms, played.expected_ms, played.underruns) == (3_000, 3_000, 0)
    assert played.peak_db is not None
    assert -8 < played.peak_db < -5
    numbers = [report.n for report in far_end.said(GATEWAY)]
    assert numbers == list(range(1, len(numbers) + 1))
