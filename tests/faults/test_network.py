"""MQTT is closed and HTTPS is not; then a flood of orders for a gateway that is away (F20).

One town of one gateway on a network of its own; the network shuts the port of the broker, as firewalls do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, func, select
from support.broadcasting import now
from support.eventually import eventually
from support.netns import Bed, GatewayNamespace, network_bed
from support.timetable import Timetable
from support.town import Town, running_town

from controller.db import make_engine, writing
from controller.outbox.due import HELD_AT_BROKER
from controller.outbox.models import Order, OrderKind, Outbox
from controller.outbox.service import put_order

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

GATEWAY = "31672-001"
FLOOD = 1_200
ESTABLISHED = "01"
"""In ``/proc/net/tcp``."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The town, its cable, and what is ordered."""

    bed: Bed
    town: Town
    timetable: Timetable

    @property
    def machine(self) -> GatewayNamespace:
        return self.bed.gateways[GATEWAY]

    def contact(self) -> str:
        return str(self.timetable.api.gateways()[GATEWAY]["contact"])

    def speaks_mqtt(self) -> bool:
        """Whether the gateway has a connection to the broker, by its own kernel's word."""
        with self.machine.inside():
            rows = [line.split() for line in Path("/proc/thread-self/net/tcp").read_text().splitlines()[1:]]
        port = f"{self.town.broker.port:04X}"
        return any(row[2].endswith(f":{port}") and row[3] == ESTABLISHED for row in rows)

    def by_https(self) -> bool:
        """Whether staff are shown that it is reached over HTTPS."""
        shown = self.timetable.api.client.get(f"/cum-loa/{GATEWAY}").text
        told: bool = self.timetable.api.get(f"/gateways/{GATEWAY}")["by_https"]
        assert told is ('data-test="by-https"' in shown)
        return told

    def state(self, broadcast_id: str) -> str:
        return str(self.timetable.deliveries(broadcast_id)[GATEWAY]["state"])


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A town whose gateway was at the broker, went, and finds its port shut when it starts again."""
    directory = tmp_path_factory.mktemp("network")
    with (
        network_bed(GATEWAY) as bed,
        bed.controller.inside(),
        running_town(directory / "town", 1, bed) as town,
    ):
        scene = Scene(bed, town, Timetable(town))
        # The broker keeps its session: what is ordered meanwhile waits there, and comes a second time.
        town.agents[GATEWAY].kill()
        eventually(lambda: scene.contact() == "offline", 20, "its will was sent")
        scene.machine.link.black_hole(ports=(town.broker.port,))
        town.agents[GATEWAY].start()
        yield scene
        scene.machine.link.heal()


def test_with_mqtt_shut_a_gateway_is_online_by_https_plays_what_is_ordered_and_tells(scene: Scene) -> None:
    eventually(lambda: scene.contact() == "online", 30, "online by HTTPS")
    assert not scene.speaks_mqtt()
    assert scene.by_https()
    began = now()
    broadcast = scene.timetable.now(gateways=[GATEWAY])
    eventually(lambda: scene.state(broadcast) in {"playing", "played"}, 10, "it sounds")
    delivery = scene.timetable.deliveries(broadcast)[GATEWAY]
    print(f"by HTTPS: told as playing {(now() - began).total_seconds():.1f} s after the order")  # noqa: T201
    eventually(lambda: scene.state(broadcast) == "played", 15, f"told: {delivery}")


def test_back_at_the_broker_nothing_is_lost_and_nothing_doubled(scene: Scene) -> None:
    scene.machine.link.open()
    began = now()
    eventually(scene.speaks_mqtt, 40, "it found the broker again")
    print(f"back at the broker after {(now() - began).total_seconds():.1f} s")  # noqa: T201
    broadcast = scene.timetable.now(gateways=[GATEWAY])
    eventually(lambda: scene.state(broadcast) == "played", 15, "played by MQTT")
    scene.timetable.settled(20)
    assert scene.contact() == "online"
    assert not scene.by_https()
    history = scene.timetable.api.get(f"/gateways/{GATEWAY}")["connectivity"]
    assert [each["online"] for each in history] == [True, False, True], "it never went while it changed over"
    assert scene.timetable.api.get("/security-events") == [], "the same envelope twice is no attack here"
    assert scene.timetable.violations(now()) == []


def test_an_emergency_behind_a_flood_of_orders_is_obeyed_first(scene: Scene) -> None:
    scene.machine.link.open()
    scene.town.agents[GATEWAY].kill()
    eventually(lambda: scene.contact() == "offline", 20, "its will was sent")
    engine = make_engine(scene.town.settings.url)
    with Session(engine) as session, session.begin():
        writing(session)
        for number in range(FLOOD):
            put_order(
                session,
                OrderKind.VOLUME,
                {"percent": number % 100},
                [GATEWAY],
                now=now(),
                expires_at=now() + timedelta(hours=1),
            )

    def waiting(*, sent: bool) -> int:
        with Session(engine) as session:
            tried = col(Outbox.attempts) > 0 if sent else col(Outbox.attempts) == 0
            return session.exec(
                select(func.count()).select_from(Outbox).join(Order).where(tried, ~col(Order.emergency))
            ).one()

    emergency = scene.timetable.now(gateways=[GATEWAY], priority="emergency")
    eventually(lambda: waiting(sent=True) == HELD_AT_BROKER, 20, "no more than these wait at the broker")
    assert waiting(sent=False) == FLOOD - HELD_AT_BROKER

    began = now()
    scene.town.agents[GATEWAY].start()
    eventually(lambda: scene.state(emergency) in {"playing", "played"}, 20, "the emergency sounds")
    took_s = (now() - began).total_seconds()
    left = waiting(sent=True) + waiting(sent=False)
    print(f"the emergency sounded {took_s:.1f} s after the start, {left} of {FLOOD} orders still waiting")  # noqa: T201
    eventually(lambda: waiting(sent=True) + waiting(sent=False) == 0, 60, "the flood is obeyed as well")
    print(f"all {FLOOD} obeyed after {(now() - began).total_seconds():.1f} s")  # noqa: T201
    scene.timetable.settled(20)
    engine.dispose()
    assert scene.timetable.violations(now()) == []
