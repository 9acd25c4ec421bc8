"""The way to the broker; the only file that knows paho. Both ends use it.

A connection is made anew, with a new paho client, each time the old one broke: paho would otherwise send
again from its memory what the broker may already have passed on, and a gateway could not tell that from a
replay. What must not be lost is resent by whoever keeps it in a database, under a new envelope.
"""

import random
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from wire.acks import AcksInOrder
from wire.backoff import wait_s
from wire.certificates import AskTime, KnownTime, Peer, trusting
from wire.messages import MAX_BYTES
from wire.sockets import stayed_here, tune

log = structlog.get_logger(__name__)

_WITH_WILL = ReasonCode(PacketTypes.DISCONNECT, identifier=0x04)
"""Disconnect with will message, so that a clean stop and a cut cable read the same."""

KEEPALIVE_S = 20
"""A connection into a black hole is noticed by the broker after 1.5 times this, which then sends the will,
and by us after twice this: a ping goes out when nothing came for so long, and has as long to be answered. It
costs a gateway that says nothing else about 0.7 MB a day (a ping, its answer, an acknowledgement of TCP)."""


class NotConnected(ConnectionError):
    """There is no connection at this moment; whoever keeps the message sends it again later."""


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when we are gone."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and who we are to it; MQTT 5 only."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    tls_ca: Path | None = None
    """Authority that signed the broker's certificate; None means plain TCP, for loopback only."""
    keepalive_s: int = KEEPALIVE_S


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message from the broker."""

    topic: str
    payload: bytes
    qos: int
    retained: bool
    """Sent because of a subscription, not because it was just published."""
    redelivered: bool
    """The broker says that it may have sent this before (DUP)."""
    mid: int = 0
    client: Any = field(default=None, repr=False, compare=False)


class Connection:
    """Keeps one session with the broker alive until stopped. Safe to use from any thread.

    Args:
        address: Where to connect to; the user name is the client id as well.
        subscriptions: Topic filters, subscribed with QoS 1 at every connection.
        on_message: Called in the network thread; must be quick and must not raise.
        on_connected: Called in the network thread once subscribed, with what the broker said of the session.
        on_lost: Called once each time the connection ends.
        will: Last will, also sent on a clean stop.
        session_expiry_s: How long the broker keeps queueing for us while we are away.
        manual_ack: Messages must be acknowledged with `ack`, after what they say has been committed.
        in_flight: QoS 1 messages on their way at once; 0 is no limit.
        jitter: Source of randomness for the back-off.
        ask_time: What is known of the time; None if the system's clock is right.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        subscriptions: tuple[str, ...],
        on_message: Callable[[Incoming], None],
        on_connected: Callable[[bool], None],
        on_lost: Callable[[], None],
        will: Will | None = None,
        session_expiry_s: int = 7 * 24 * 3600,
        manual_ack: bool = False,
        in_flight: int = 100,
        jitter: random.Random | None = None,
        ask_time: AskTime | None = None,
    ) -> None:
        self._address = address
        self._subscriptions = subscriptions
        self._on_message = on_message
        self._on_connected = on_connected
        self._on_lost = on_lost
        self._will = will
        self._session_expiry_s = session_expiry_s
        self._manual_ack = manual_ack
        self._in_flight = in_flight
        self._jitter = jitter or random.Random()
        self._ask_time = ask_time or (lambda: KnownTime(clock_is_right=True))
        self._peer: Peer | None = None
        self._client: Client | None = None
        self._acks = AcksInOrder()
        self._acks_lock = threading.Lock()
        self._listening: tuple[str, ...] = ()
        self._listening_lock = threading.Lock()
        self._stayed_here = False
        self._connected = threading.Event()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{address.username}", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and nothing was heard of an end since."""
        return self._connected.is_set()

    def start(self) -> None:
        """Begin connecting in the background and keep at it."""
        self._thread.start()

    def wait_connected(self, timeout_s: float) -> bool:
        """Wait for a connection, for tests and start-up messages; False when the time is over."""
        return self._connected.wait(timeout_s)

    def stop(self) -> None:
        """Leave, letting the broker publish our will, and wait for the threads to end."""
        self._stopping.set()
        client = self._client
        if client is not None and self.connected:
            client.disconnect(reasoncode=_WITH_WILL)
            self._ended.wait(2.0)
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(10.0)

    def judge_again(self) -> None:
        """Leave the broker if its certificate cannot be believed by what is known of the time now."""
        client, peer = self._client, self._peer
        if client is None or peer is None:
            return
        try:
            peer.check(self._ask_time())
        except ssl.SSLError as error:
            log.error("broker_tls_failed", reason=str(error))  # noqa: TRY400 - no trace says more
            client.disconnect(reasoncode=_WITH_WILL)
            self._ended.set()

    def listen(self, topics: tuple[str, ...]) -> None:
        """Hear these topics too, with QoS 0, instead of those of the last call; kept over reconnections."""
        with self._listening_lock:
            gone, new = set(self._listening) - set(topics), set(topics) - set(self._listening)
            self._listening = topics
            client = self._client
            if client is not None and self.connected:
                if gone:
                    client.unsubscribe(sorted(gone))
                if new:
                    client.subscribe([(topic, SubscribeOptions(qos=0)) for topic in sorted(new)])

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, expiry_s: int | None = None
    ) -> None:
        """Hand a message to the network thread.

        Raises:
            NotConnected: There is no connection. That the message was handed over is no promise that it
                arrives: only the other side's answer is.
        """
        client = self._client
        if client is None or not self.connected:
            raise NotConnected(topic)
        properties = None if expiry_s is None else _expiring(max(1, expiry_s))
        client.publish(topic, payload, qos=qos, retain=retain, properties=properties)

    def ack(self, incoming: Incoming) -> None:
        """Acknowledge a message, once what it says is safe. Nothing happens if its connection is gone.

        Messages may be dealt with in another order than they came in; the broker hears of them in that.
        """
        client = self._client
        if client is None or client is not incoming.client or incoming.qos == 0 or not self.connected:
            return
        with self._acks_lock:
            for mid in self._acks.done(incoming.mid):
                client.ack(mid, incoming.qos)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._ended.clear()
            try:
                client = self._new_client()
            except (OSError, ValueError) as error:
                # A certificate that is being renewed may be missing, or half there, for a moment.
                log.error("broker_certificate_unreadable", reason=str(error))  # noqa: TRY400
                failures += 1
                self._stopping.wait(wait_s(failures, self._jitter.random()))
                continue
            with self._acks_lock:
                self._client, self._acks = client, AcksInOrder()
            if self._dial(client):
                client.loop_start()
                self._ended.wait()
                was_connected = self._connected.is_set()
                self._connected.clear()
                client.loop_stop()
                if was_connected:
                    failures = 0
                    self._on_lost()
            failures += 1
            self._stopping.wait(wait_s(failures, self._jitter.random(), local=self._stayed_here))

    def _dial(self, client: Client) -> bool:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._session_expiry_s
        properties.MaximumPacketSize = MAX_BYTES + 1024
        try:
            client.connect(
                self._address.host,
                self._address.port,
                keepalive=self._address.keepalive_s,
                clean_start=self._session_expiry_s == 0,
                properties=properties,
            )
        except OSError as error:
            if isinstance(error, ssl.SSLError):
                # Not the network: a certificate that is over, or a clock that says so. No trace says more.
                log.error("broker_tls_failed", reason=str(error))  # noqa: TRY400
            else:
                log.info("broker_unreachable", reason=str(error))
            self._stayed_here = stayed_here(error)
            return False
        self._stayed_here = False
        return True

    def _new_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._address.username,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=self._manual_ack,
        )
        client.username_pw_set(self._address.username, self._address.password)
        client.max_inflight_messages_set(self._in_flight)
        self._peer = None
        context = None
        if self._address.tls_ca is not None:
            context = trusting(self._address.tls_ca, self._ask_time())
            client.tls_set_context(context)
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, qos=1, retain=True)
        client.on_socket_open = lambda _client, _userdata, sock: self._opened(sock, context)
        client.on_connect = self._greeted
        client.on_disconnect = self._dropped
        client.on_message = self._received
        client.on_publish = self._published
        return client

    def _opened(self, sock: Any, context: ssl.SSLContext | None) -> None:
        """Take a socket that is ready to use; nothing of ours, not even the password, was sent so far."""
        tune(sock)
        if context is not None:
            self._peer = Peer(sock, context)
            self._peer.check(self._ask_time())

    def _greeted(
        self, client: Client, _userdata: object, flags: ConnectFlags, reason: ReasonCode, _props: object
    ) -> None:
        if reason.is_failure:
            log.warning("broker_refused", reason=str(reason))
            return
        if self._subscriptions:
            client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in self._subscriptions])
        with self._listening_lock:
            if self._listening:
                client.subscribe([(topic, SubscribeOptions(qos=0)) for topic in self._listening])
            self._connected.set()
        self._on_connected(flags.session_present)

    def _dropped(
        self, client: Client, _userdata: object, _flags: DisconnectFlags, reason: ReasonCode, _props: object
    ) -> None:
        if client is self._client:
            log.info("broker_connection_ended", reason=str(reason))
            self._ended.set()

    def _received(self, client: Client, _userdata: object, message: MQTTMessage) -> None:
        if self._manual_ack and message.qos > 0:
            with self._acks_lock:
                self._acks.received(message.mid)
        self._on_message(
            Incoming(
                topic=message.topic,
                payload=bytes(message.payload),
                qos=message.qos,
                retained=message.retain,
                redelivered=message.dup,
                mid=message.mid,
                client=client,
            )
        )

    @staticmethod
    def _published(_client: Client, _userdata: object, mid: int, reason: ReasonCode, _props: object) -> None:
        # 0x10 "no matching subscribers" is no failure of ours: the other side is away and will come back.
        if reason.is_failure:
            log.error("broker_refused_publish", mid=mid, reason=str(reason))


class _Expiry(Properties):
    """How long a message is worth keeping, packed once: paho packs anew for each of ten thousand messages."""

    def __init__(self, expiry_s: int) -> None:
        super().__init__(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        self.MessageExpiryInterval = expiry_s
        self.__dict__["packed"] = super().pack()  # type: ignore[no-untyped-call]

    def pack(self) -> bytes:
        packed: bytes = self.__dict__["packed"]
        return packed


@lru_cache(maxsize=256)
def _expiring(expiry_s: int) -> Properties:
    """Making one costs a third of a publish, and a fan-out needs the same one ten thousand times."""
    return _Expiry(expiry_s)
