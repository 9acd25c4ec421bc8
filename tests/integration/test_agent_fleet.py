"""Many light gateways in one process over a real Mosquitto."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.broker import Broker
from support.far_end import FarEnd, now
from support.media import MediaServer, opus, warble
from support.pole import ROOT
from support.signing import STRANGER, a_credential, an_item

from wire.credential import write_credential
from wire.types import Event

pytestmark = [pytest.mark.slow]

GATEWAYS = [f"31672-{number:03}" for number in range(1, 31)]


@pytest.fixture
def far_end(tmp_path: Path, media: MediaServer) -> Iterator[FarEnd]:
    broker = Broker(tmp_path / "broker").start()
    for gateway_id in GATEWAYS:
        secret = media.passwords[gateway_id] = broker.add_gateway(gateway_id)
        credential = a_credential(
            gateway_id,
            secret=secret,
            broker_host=broker.host,
            broker_port=broker.port,
            controller_url=media.url,
        )
        write_credential(credential, tmp_path / "credentials" / f"{gateway_id}.json")
    command = [sys.executable, "-m", "device_agent", "fleet", "--credentials", str(tmp_path / "credentials")]
    fleet = subprocess.Popen([*command, "--state-dir", str(tmp_path / "state")], cwd=ROOT)
    far_end = FarEnd(broker.controller_address())
    yield far_end
    fleet.send_signal(signal.SIGTERM)
    assert fleet.wait(30) == 0
    far_end.stop()
    broker.stop()


def test_every_light_gateway_verifies_fetches_plays_by_the_clock_and_answers(
    far_end: FarEnd, media: MediaServer
) -> None:
    for gateway_id in GATEWAYS:
        far_end.wait_online(gateway_id, timeout_s=40)
    clip = media.add(opus(warble(1_500)), 1_500)
    item = an_item(now() + timedelta(seconds=4), clips=(clip,))
    for gateway_id in GATEWAYS[1:]:
        far_end.send(far_end.pen(gateway_id).plan(now(), item), "plan")
    far_end.send(far_end.pen(GATEWAYS[0]).play(now(), item), key=STRANGER)
    for gateway_id in GATEWAYS[1:]:
        far_end.wait_for_events(gateway_id, item.broadcast_id, Event.READY, Event.PLAYING, Event.PLAYED)

    for gateway_id in GATEWAYS[1:]:
        played = far_end.about(gateway_id, item.broadcast_id)[-1]
        assert (played.started_at, played.played_ms, played.peak_db) == (item.start_at, 1_500, None)
    far_end.wait(lambda: far_end.said(GATEWAYS[0], Event.REJECTED))
    assert far_end.about(GATEWAYS[0], item.broadcast_id) == []
    assert len(media.requests) == 1
    version = far_end.states[GATEWAYS[0]][-1].agent_version
    assert version is not None
    assert version.endswith("-light")
