"""F15: the network swallows packets and says nothing. Both ends notice, and the gateway tries HTTPS.

The rule of trust.md §9: noticed within 45 s at both ends, HTTPS tried within 60 s. The ordinary run has a
keepalive of a fifth and dice that always fall low, and so a fifth of these times.
"""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.broadcasting import now
from support.broker import Broker
from support.broker_hosts import LocalProcess
from support.dice import LowDice
from support.eventually import eventually
from support.far_end import FarEnd
from support.netns import Bed, network_bed
from support.signing import a_credential, an_id
from support.town import running_town

from device_agent.effects import PublishState
from device_agent.https_way import FIRST_TRY_S
from device_agent.link import Connected, Link, LinkEvent, Lost
from wire.inbox import INBOX_PATH, InboxAnswer, encode_answer
from wire.messages import State
from wire.mqtt import KEEPALIVE_S

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

GATEWAY = "31672-001"
NOTICED_S, TRIED_S = 45, 60
A_FIFTH = 5
LOOK_S = 2
"""paho looks at its timers once a second, whatever the keepalive."""


class Door:
    """Answers every question of an inbox with nothing, and remembers when it was asked."""

    def __init__(self, host: str) -> None:
        self.asked_at: list[datetime] = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                assert self.path.startswith(INBOX_PATH)
                door.asked_at.append(now())
                body = encode_answer(InboxAnswer(cursor="c"))
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer((host, 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{self.server.server_address[0]}:{self.server.server_port}"


@dataclass(frozen=True, slots=True)
class Scene:
    """A gateway's line in the gateway's namespace, broker and door in the controller's."""

    bed: Bed
    broker: Broker
    far_end: FarEnd
    door: Door
    line: Link
    heard: "queue.SimpleQueue[tuple[LinkEvent, datetime]]"

    def next(self, timeout_s: float) -> tuple[LinkEvent, datetime]:
        return self.heard.get(timeout=timeout_s)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with network_bed(GATEWAY) as bed:
        machine = bed.gateways[GATEWAY]
        with bed.controller.inside():
            directory = tmp_path / "broker"
            broker = Broker(directory, LocalProcess(directory, bed.controller.address)).start()
            secret = broker.add_gateway(GATEWAY)
            far_end = FarEnd(broker.controller_address())
            door = Door(bed.controller.address)
        heard: queue.SimpleQueue[tuple[LinkEvent, datetime]] = queue.SimpleQueue()
        credential = a_credential(
            secret=secret, broker_host=broker.host, broker_port=broker.port, controller_url=door.url
        )
        with machine.inside():
            line = Link(
                credential,
                an_id(),
                lambda event: heard.put((event, now())),
                LowDice(),
                keepalive_s=KEEPALIVE_S // A_FIFTH,
            )
            line.start()
        try:
            yield Scene(bed, broker, far_end, door, line, heard)
        finally:
            machine.link.heal()
            line.stop()
            with bed.controller.inside():
                far_end.stop()
                broker.stop()
            door.server.shutdown()
            door.server.server_close()


def test_both_ends_notice_a_black_hole_and_https_is_tried(scene: Scene) -> None:
    assert isinstance(scene.next(10)[0], Connected)
    scene.bed.gateways[GATEWAY].link.black_hole(ports=(scene.broker.port,))
    began = now()

    event, at = scene.next(NOTICED_S / A_FIFTH + LOOK_S)
    gateway_s = (at - began).total_seconds()
    assert isinstance(event, Lost)
    scene.far_end.wait_online(GATEWAY, online=False, timeout_s=NOTICED_S / A_FIFTH)
    assert not scene.far_end.states[GATEWAY][-1].online
    eventually(lambda: scene.door.asked_at, TRIED_S / A_FIFTH, "HTTPS is tried")
    tried_s = (scene.door.asked_at[0] - began).total_seconds()
    assert gateway_s <= NOTICED_S / A_FIFTH + LOOK_S
    assert tried_s <= gateway_s + FIRST_TRY_S[0] + 1
    assert isinstance(scene.next(5)[0], Connected), "over HTTPS"

    scene.bed.gateways[GATEWAY].link.open()
    assert isinstance(scene.next(15)[0], Connected), "by MQTT again, without having been away between"
    asked = len(scene.door.asked_at)
    scene.line.publish(PublishState(State(online=True, boot=an_id())))
    scene.far_end.wait_online(GATEWAY)
    assert len(scene.door.asked_at) <= asked + 1, "nothing more is asked over HTTPS"


@pytest.mark.full_size
def test_a_real_gateway_in_a_black_hole_is_offline_in_45_s_and_back_by_https_in_60(tmp_path: Path) -> None:
    with (
        network_bed(GATEWAY) as bed,
        bed.controller.inside(),
        running_town(tmp_path / "town", 1, bed) as town,
    ):
        api = town.api()
        began = now()
        bed.gateways[GATEWAY].link.black_hole(ports=(town.broker.port,))
        eventually(lambda: api.gateways()[GATEWAY]["contact"] == "offline", NOTICED_S, "noticed here")
        offline_s = (now() - began).total_seconds()
        eventually(lambda: api.gateways()[GATEWAY]["contact"] == "online", TRIED_S, "back by HTTPS")
        back_s = (now() - began).total_seconds()
        print(f"black hole: offline after {offline_s:.1f} s, back by HTTPS after {back_s:.1f} s")  # noqa: T201
        assert offline_s <= NOTICED_S
        assert back_s <= TRIED_S

        bed.gateways[GATEWAY].link.black_hole()
        began = now()
        eventually(lambda: api.gateways()[GATEWAY]["contact"] == "offline", NOTICED_S + 5, "HTTPS as well")
        print(f"all black: offline after {(now() - began).total_seconds():.1f} s")  # noqa: T201
        bed.gateways[GATEWAY].link.heal()
        eventually(lambda: api.gateways()[GATEWAY]["contact"] == "online", 60, "back")
