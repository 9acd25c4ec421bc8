"""Alerts from another broker than ours: heard once they are committed, and not lost in a restart."""

import base64
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, update
from support.alerts import SENDER, alert_xml
from support.broker import Broker
from support.clocks import NOON
from support.commune import FIRST_DAY
from support.eventually import eventually

from controller.areas.models import AreaKind
from controller.areas.service import add_area
from controller.broker import CONTROLLER_USER
from controller.cap.desk import Outcome
from controller.cap.ears import CapEars
from controller.cap.models import CapFeed, FeedKind
from controller.db import make_engine, migrate
from wire.mqtt import BrokerAddress, Connection

pytestmark = [pytest.mark.slow]

TOPIC = "loa/v1/g/kttv/down/alert"
"""One that the broker of our tests lets the one write and the other read."""


class Desk:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.problems: list[str] = []

    def take(self, _feed_id: int, raw: bytes) -> Outcome:
        self.taken.append(raw)
        return Outcome(is_new=True)

    def note(self, _feed_id: int, *, reached: bool, problem: str = "") -> None:
        assert reached
        self.problems.append(problem)


@pytest.fixture
def engine(tmp_path: Path, broker: Broker) -> Iterator[Engine]:
    engine = make_engine(f"sqlite:///{tmp_path}/loacast.db")
    migrate(engine)
    secret = broker.secrets[broker.add_intruder()]
    with Session(engine) as session, session.begin():
        area = add_area(session, code="1", kind=AreaKind.COMMUNE, name="x", parent=None, valid_from=FIRST_DAY)
        feed = {"senders": [SENDER], "languages": ["vi"], "geocodes": ["VN-GSO"], "created_at": NOON}
        session.add(
            CapFeed(
                name="wmo",
                kind=FeedKind.MQTT,
                area_id=area.id,
                url=f"mqtt://{broker.host}:{broker.port}",
                topic=TOPIC,
                username="intruder",
                password=secret,
                **feed,  # type: ignore[arg-type]
            )
        )
    yield engine
    engine.dispose()


@pytest.fixture
def composer(broker: Broker) -> Iterator[Connection]:
    address = broker.controller_address()
    connection = Connection(
        BrokerAddress(address.host, address.port, CONTROLLER_USER, address.password),
        subscriptions=(),
        on_message=lambda _message: None,
        on_connected=lambda _present: None,
        on_lost=lambda: None,
    )
    connection.start()
    assert connection.wait_connected(10)
    yield connection
    connection.stop()


def publish(composer: Connection, raw: bytes) -> None:
    composed = {"data": base64.b64encode(raw).decode(), "filename": "alert.xml"}
    composer.publish(TOPIC, orjson.dumps(composed))


def hear(composer: Connection, desk: Desk, raw: bytes) -> None:
    """Publish until it is heard: whoever subscribes just now misses what comes just before."""

    def heard() -> bool:
        publish(composer, raw)
        return raw in desk.taken

    eventually(heard, 15, "an alert is heard")


def test_another_broker_is_heard_over_restarts_and_left_when_the_feed_is_taken_away(
    engine: Engine, composer: Connection
) -> None:
    first, second, third = alert_xml("A"), alert_xml("B"), alert_xml("C")
    desk = Desk()
    ears = CapEars(engine=engine, desk=desk)
    ears.start()
    hear(composer, desk, first)
    composer.publish(TOPIC, b"no alert at all")
    eventually(lambda: desk.problems, 10, "it is refused")
    assert desk.problems[0].startswith("cap_not_xml")
    ears.stop()
    publish(composer, second)

    later = Desk()
    ears = CapEars(engine=engine, desk=later)
    ears.start()
    eventually(lambda: second in later.taken, 15, "the broker has kept it")
    with Session(engine) as session, session.begin():
        session.execute(update(CapFeed).where(col(CapFeed.name) == "wmo").values(enabled=False))
    ears.reconcile()
    publish(composer, third)
    ears.stop()
    assert third not in later.taken
