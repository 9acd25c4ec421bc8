"""F14: a lossy, slow link. A clip arrives, is never asked for twice, and what is here needs no link at all.

The rule of trust.md §9: 10 % loss and 64 kbit/s, a minute of Opus (120 kB) ready within 180 s, resumed by
Range and never from zero; 30 % loss, an emergency whose clip is cached begins within 30 s.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support.broker import Broker
from support.broker_hosts import LocalProcess
from support.eventually import eventually
from support.far_end import FarEnd, now
from support.media import RATE, MediaServer, opus
from support.netns import Bed, network_bed
from support.pole import Pole
from support.signing import EMERGENCY, an_item

from device_agent.instants import seconds
from wire.messages import ClipRef
from wire.types import Event, Priority

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

GATEWAY = "31672-001"


@dataclass(frozen=True, slots=True)
class Scene:
    """A gateway behind a cable, and everything that it needs at the other end."""

    bed: Bed
    broker: Broker
    media: MediaServer
    far_end: FarEnd
    pole: Pole

    def clip(self, duration_s: int, bit_rate: int, seed: int) -> ClipRef:
        noise = np.random.default_rng(seed).uniform(-0.3, 0.3, duration_s * RATE).astype(np.float32)
        return self.media.add(opus(noise, bit_rate=bit_rate), duration_s * 1_000)

    def gathered(self, clip: ClipRef) -> int:
        partial = self.pole.directory / "state" / "clips" / f"{clip.sha256}.part"
        return partial.stat().st_size if partial.exists() else 0


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with network_bed(GATEWAY) as bed, bed.controller.inside():
        directory = tmp_path / "broker"
        broker = Broker(directory, LocalProcess(directory, bed.controller.address)).start()
        media = MediaServer(bed.controller.address)
        far_end = FarEnd(broker.controller_address())
        pole = Pole(tmp_path, GATEWAY, broker, media.url, inside=bed.gateways[GATEWAY])
        pole.start()
        try:
            far_end.wait_online(GATEWAY)
            yield Scene(bed, broker, media, far_end, pole)
        finally:
            bed.gateways[GATEWAY].link.heal()
            pole.stop()
            far_end.stop()
            media.stop()
            broker.stop()


def fetch_over_a_bad_link(scene: Scene, clip: ClipRef, within_s: float) -> None:
    """Plan a clip, kill the gateway on the way, cut the next answer short, and check what was asked for."""
    link = scene.bed.gateways[GATEWAY].link
    link.loss(10)
    link.rate(64)
    began = now()
    pen = scene.far_end.pen(GATEWAY)
    item = an_item(began + seconds(500), clips=(clip,))
    scene.far_end.send(pen.plan(began, item), "plan")

    eventually(lambda: scene.gathered(clip) > clip.size_bytes // 4, within_s, "a quarter came")
    scene.pole.kill()
    kept = scene.gathered(clip)
    scene.media.break_after = clip.size_bytes // 4
    scene.pole.start()
    scene.far_end.wait_for_events(GATEWAY, item.broadcast_id, Event.READY, timeout_s=within_s)
    took_s = (now() - began).total_seconds()

    asked = [
        int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0 for _, wanted in scene.media.requests
    ]
    print(f"{clip.size_bytes} bytes ready after {took_s:.1f} s, asked for from {asked}")  # noqa: T201
    assert took_s <= within_s
    assert asked[0] == 0
    assert asked[1] == kept, "the rest, and nothing that was here"
    assert asked[2] == kept + clip.size_bytes // 4, "every byte of the answer that was cut short counts"
    assert asked == sorted(set(asked)), "never from zero again, nor from where it had been"


def test_a_clip_comes_through_loss_and_a_kill_without_a_byte_asked_for_twice(scene: Scene) -> None:
    fetch_over_a_bad_link(scene, scene.clip(15, 16_000, seed=1), within_s=110)


@pytest.mark.full_size
def test_a_minute_of_opus_comes_over_64_kbit_s_and_ten_percent_loss_in_three(scene: Scene) -> None:
    clip = scene.clip(60, 19_500, seed=2)
    assert clip.size_bytes >= 115_000
    fetch_over_a_bad_link(scene, clip, within_s=180)


def test_an_emergency_that_is_here_begins_though_a_third_of_all_packets_is_lost(scene: Scene) -> None:
    clip = scene.clip(2, 16_000, seed=3)
    pen = scene.far_end.pen(GATEWAY)
    planned = an_item(now() + seconds(400), clips=(clip,))
    scene.far_end.send(pen.plan(now(), planned), "plan")
    scene.far_end.wait_for_events(GATEWAY, planned.broadcast_id, Event.READY)

    scene.bed.gateways[GATEWAY].link.loss(30)
    began = now()
    emergency = an_item(began, clips=(clip,), priority=Priority.EMERGENCY)
    scene.far_end.send(pen.play(began, emergency), "emergency", EMERGENCY)
    scene.far_end.wait_for_events(GATEWAY, emergency.broadcast_id, Event.PLAYING, timeout_s=60)
    started = next(
        report.started_at or report.at
        for report in scene.far_end.about(GATEWAY, emergency.broadcast_id)
        if report.event is Event.PLAYING
    )
    took_s = (started - began).total_seconds()
    print(f"began {took_s:.1f} s after it was ordered over 30 % loss")  # noqa: T201
    assert took_s <= 30
