"""What a stolen gateway password can do at the broker: nothing on another's topics."""

import queue
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.broker import Broker
from support.eventually import eventually

from wire import topics
from wire.mqtt import Connection, Incoming

pytestmark = pytest.mark.slow


class Client:
    """A connection that remembers what reached it."""

    def __init__(self, broker: Broker, username: str, subscriptions: tuple[str, ...]) -> None:
        self.received: queue.SimpleQueue[Incoming] = queue.SimpleQueue()
        self.connection = Connection(
            broker.address(username),
            subscriptions=subscriptions,
            on_message=self.received.put,
            on_connected=lambda _present: None,
            on_lost=lambda: None,
        )
        self.connection.start()
        assert self.connection.wait_connected(10)

    def topics_heard(self) -> set[str]:
        heard = set()
        while not self.received.empty():
            heard.add(self.received.get().topic)
        return heard


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "broker").start()
    for name in ("thief", "victim"):
        broker.add_gateway(name)
    yield broker
    broker.stop()


def test_a_gateways_password_neither_hears_nor_speaks_for_another(broker: Broker) -> None:
    greedy = ("#", "loa/#", "loa/v1/g/+/down/+", "loa/v1/g/+/up/+", *topics.all_down("victim"))
    thief = Client(broker, "thief", (*greedy, *topics.all_down("thief")))
    victim = Client(broker, "victim", topics.all_down("victim"))
    controller = Client(broker, "controller", (*topics.ALL_UP, f"{topics.ALERTS}/#"))
    try:
        for channel in topics.DOWN_CHANNELS:
            thief.connection.publish(topics.down("victim", channel), b"forged")
        for channel in topics.UP_CHANNELS:
            thief.connection.publish(topics.up("victim", channel), b"forged", retain=True)
        thief.connection.publish(topics.CONTROLLER_STATE, b"forged")
        thief.connection.publish(f"{topics.ALERTS}/victim/alerts", b"forged")

        # Each of these comes after the forgeries on the same connection, so what was let through is there.
        for channel in topics.UP_CHANNELS:
            thief.connection.publish(topics.up("thief", channel), b"real")
            victim.connection.publish(topics.up("victim", channel), b"real")
        for channel in topics.DOWN_CHANNELS:
            controller.connection.publish(topics.down("victim", channel), b"real")
            controller.connection.publish(topics.down("thief", channel), b"real")

        heard: dict[str, list[tuple[str, bytes]]] = {"controller": [], "victim": [], "thief": []}
        wanted = {"controller": 6, "victim": 4, "thief": 4}
        clients = {"controller": controller, "victim": victim, "thief": thief}

        def everything() -> bool:
            for name, client in clients.items():
                while not client.received.empty():
                    incoming = client.received.get()
                    heard[name].append((incoming.topic, incoming.payload))
            return all(len({topic for topic, _ in heard[name]}) >= count for name, count in wanted.items())

        eventually(everything, 10, "what is allowed arrives")
        assert not [each for name in heard for each in heard[name] if each[1] == b"forged"]
        assert {topic for topic, _ in heard["thief"]} == set(topics.all_down("thief"))
        assert {topic for topic, _ in heard["victim"]} == set(topics.all_down("victim"))
    finally:
        for client in (thief, victim, controller):
            client.connection.stop()


def test_a_gateway_cannot_take_over_anothers_session_by_its_client_id(broker: Broker) -> None:
    victim = Client(broker, "victim", topics.all_down("victim"))
    thief = Client(broker, "thief", ())
    controller = Client(broker, "controller", ())
    try:
        controller.connection.publish(topics.down("victim", "order"), b"real")
        eventually(lambda: not victim.received.empty(), 5, "the victim is still connected")
    finally:
        for client in (victim, thief, controller):
            client.connection.stop()


def test_nobody_comes_in_without_a_password(broker: Broker) -> None:
    wrong = broker.address("victim")
    connection = Connection(
        type(wrong)(wrong.host, wrong.port, "victim", "guess"),
        subscriptions=(),
        on_message=lambda _incoming: None,
        on_connected=lambda _present: None,
        on_lost=lambda: None,
    )
    connection.start()
    try:
        assert not connection.wait_connected(1.5)
    finally:
        connection.stop()


def test_a_revoked_gateway_is_thrown_out_and_stays_out(broker: Broker) -> None:
    from controller.broker import set_password  # noqa: PLC0415 - only this test revokes

    victim = Client(broker, "victim", topics.all_down("victim"))
    try:
        set_password(broker.directory, "victim", None)
        broker.reload()
        eventually(lambda: not victim.connection.connected, 5, "thrown out")
        assert not victim.connection.wait_connected(2)
    finally:
        victim.connection.stop()
