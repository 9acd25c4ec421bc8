"""A gateway's line to the broker: its own topics, its birth and its will."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from device_agent.effects import PublishEffect, PublishHealth, PublishReports, PublishState
from wire.credential import GatewayCredential
from wire.messages import State, WireError, encode
from wire.mqtt import BrokerAddress, Connection, Incoming, NotConnected, Will
from wire.topics import all_down, parse, up

log = structlog.get_logger(__name__)

HEALTH_EXPIRY_S = 120


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker has accepted us, and our topics are subscribed."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection has ended; another one is being made."""


LinkEvent = Incoming | Connected | Lost


class Link:
    """Speaks for one gateway.

    Args:
        credential: Where the broker is and who we are.
        boot: This run's nonce, also in the will: a will of a former run says nothing about this one.
        say: Takes what comes; called in the network's thread, must not wait.
        rng: Source of jitter.
    """

    def __init__(
        self, credential: GatewayCredential, boot: str, say: Callable[[LinkEvent], None], rng: random.Random
    ) -> None:
        self._gateway_id = credential.gateway_id
        tls_ca = None if credential.broker_tls_ca is None else Path(credential.broker_tls_ca)
        self._connection = Connection(
            BrokerAddress(
                credential.broker_host,
                credential.broker_port,
                credential.gateway_id,
                credential.secret,
                tls_ca=tls_ca,
            ),
            subscriptions=all_down(credential.gateway_id),
            on_message=say,
            on_connected=lambda _session_present: say(Connected()),
            on_lost=lambda: say(Lost()),
            will=Will(up(self._gateway_id, "state"), encode(State(online=False, boot=boot))),
            manual_ack=True,
            jitter=rng,
        )

    def start(self) -> None:
        """Begin to connect."""
        self._connection.start()

    def stop(self) -> None:
        """Leave; the broker publishes our will."""
        self._connection.stop()

    def ack(self, incoming: Incoming) -> None:
        """Acknowledge a message whose consequences are in the journal."""
        self._connection.ack(incoming)

    @staticmethod
    def channel(incoming: Incoming) -> str:
        """Return the last level of the topic; empty if it is none of ours, which admission refuses."""
        try:
            return parse(incoming.topic).channel
        except WireError:
            return ""

    def publish(self, effect: PublishEffect) -> None:
        """Send; without a connection nothing happens, for all of it is said again after the next one."""
        try:
            match effect:
                case PublishState(state):
                    self._connection.publish(up(self._gateway_id, "state"), encode(state), retain=True)
                case PublishReports(reports):
                    self._connection.publish(up(self._gateway_id, "report"), encode(reports))
                case PublishHealth(health):
                    topic = up(self._gateway_id, "health")
                    self._connection.publish(topic, encode(health), qos=0, expiry_s=HEALTH_EXPIRY_S)
        except NotConnected:
            log.debug("not_connected", effect=type(effect).__name__)
