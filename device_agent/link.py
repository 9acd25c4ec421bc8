"""A gateway's line to its controller: MQTT, and HTTPS for as long as that is closed."""

import random
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from device_agent.effects import PublishEffect, PublishHealth, PublishReports, PublishState
from device_agent.http_pool import Source, pin_of
from device_agent.https_way import Connected, HttpsWay, LinkEvent, Lost
from wire.certificates import AskTime
from wire.credential import GatewayCredential
from wire.messages import LiveSource, State, WireError, encode
from wire.mqtt import KEEPALIVE_S, BrokerAddress, Connection, Incoming, NotConnected, Will
from wire.topics import all_down, live, parse, up

__all__ = ["Connected", "Link", "LinkEvent", "Lost"]

log = structlog.get_logger(__name__)

HEALTH_EXPIRY_S = 120


class Link:
    """Speaks for one gateway.

    Args:
        credential: Where broker and controller are and who we are.
        boot: This run's nonce, also in the will: a will of a former run says nothing about this one.
        say: Takes what comes; called in a network thread, must not wait.
        rng: Source of jitter.
        keepalive_s: See `wire.mqtt.KEEPALIVE_S`.
        ask_time: What is known of the time, by which certificates are judged; None: the clock is right.
    """

    def __init__(
        self,
        credential: GatewayCredential,
        boot: str,
        say: Callable[[LinkEvent], None],
        rng: random.Random,
        *,
        keepalive_s: int = KEEPALIVE_S,
        ask_time: AskTime | None = None,
    ) -> None:
        self._gateway_id = credential.gateway_id
        self._source = Source(credential.controller_url, credential.gateway_id, credential.secret)
        self._pin = pin_of(credential, ask_time)
        self._say = say
        self._rng = rng
        self._goodbye = encode(State(online=False, boot=boot))
        self._lock = threading.Lock()
        self._https: HttpsWay | None = None
        tls_ca = None if credential.broker_tls_ca is None else Path(credential.broker_tls_ca)
        self._connection = Connection(
            BrokerAddress(
                credential.broker_host,
                credential.broker_port,
                credential.gateway_id,
                credential.secret,
                tls_ca=tls_ca,
                keepalive_s=keepalive_s,
            ),
            subscriptions=all_down(credential.gateway_id),
            on_message=say,
            on_connected=lambda _session_present: self._broker_is_there(),
            on_lost=self._broker_is_gone,
            will=Will(up(self._gateway_id, "state"), self._goodbye),
            manual_ack=True,
            jitter=rng,
            ask_time=ask_time,
        )

    @property
    def by_https(self) -> bool:
        """Whether we are heard over HTTPS and not by the broker."""
        https = self._https
        return https is not None and https.connected

    def start(self) -> None:
        """Begin to connect."""
        self._ask_by_https()
        self._connection.start()

    def stop(self) -> None:
        """Leave; the broker publishes our will, or the controller gets it from us."""
        self._connection.stop()
        self._end_https(self._goodbye)

    def ack(self, incoming: Incoming) -> None:
        """Acknowledge a message whose consequences are in the journal."""
        if isinstance(incoming.client, HttpsWay):
            incoming.client.ack(incoming)
        else:
            self._connection.ack(incoming)

    @staticmethod
    def channel(incoming: Incoming) -> str:
        """Return the last level of the topic; empty if it is none of ours, which admission refuses."""
        try:
            return parse(incoming.topic).channel
        except WireError:
            return ""

    def judge_again(self) -> None:
        """Leave a broker whose certificate cannot be believed by what is known of the time now."""
        self._connection.judge_again()

    def listen(self, sources: tuple[LiveSource, ...]) -> None:
        """Hear the packets of these live sessions and of no others; over HTTPS there are none."""
        self._connection.listen(tuple(live(source.session) for source in sources))

    def publish(self, effect: PublishEffect) -> None:
        """Send; without a connection nothing happens, for all of it is said again after the next one."""
        match effect:
            case PublishState(state):
                self._send("state", encode(state), retain=True)
            case PublishReports(reports):
                self._send("report", encode(reports))
            case PublishHealth(health):
                self._send("health", encode(health), qos=0, expiry_s=HEALTH_EXPIRY_S)

    def _send(
        self, channel: str, payload: bytes, *, qos: int = 1, retain: bool = False, expiry_s: int | None = None
    ) -> None:
        https = self._https
        try:
            if https is not None and not self._connection.connected:
                https.publish(channel, payload)
            else:
                topic = up(self._gateway_id, channel)
                self._connection.publish(topic, payload, qos=qos, retain=retain, expiry_s=expiry_s)
        except NotConnected:
            log.debug("not_connected", channel=channel)

    def _broker_is_there(self) -> None:
        self._end_https()
        self._say(Connected())

    def _broker_is_gone(self) -> None:
        self._say(Lost())
        self._ask_by_https()

    def _ask_by_https(self) -> None:
        with self._lock:
            if self._https is None:
                self._https = HttpsWay(self._source, self._say, self._rng, self._pin).start()

    def _end_https(self, goodbye: bytes | None = None) -> None:
        with self._lock:
            https, self._https = self._https, None
        if https is not None:
            https.end(goodbye)
