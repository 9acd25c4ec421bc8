"""Alerts over MQTT, as WMO's CAP Composer publishes them: ``{"data": base64 of the XML, "filename": …}``.

Feeds on our own broker come through the controller's own connection, on topics below ``cap/``; another broker
gets a connection of its own. A message is acknowledged after it was committed, so none is lost in a restart.
"""

import base64
import binascii
import queue
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from controller.cap.desk import Outcome
from controller.cap.models import CapFeed, FeedKind
from controller.cap.refusal import CapRefused, Refusal
from wire.mqtt import BrokerAddress, Connection, Incoming
from wire.topics import ALERTS

log = structlog.get_logger(__name__)

OURS = f"{ALERTS}/#"
"""What the controller's own connection subscribes to."""
LOOK_S = 5.0
"""How often it looks whether feeds were added or taken away."""
MOST_WAITING = 1_000
RETRY_S = 0.5
SECURE_PORT, PLAIN_PORT = 8883, 1883


class _Composed(msgspec.Struct):
    data: str


class Acknowledger(Protocol):
    """What a message came through."""

    def ack(self, incoming: Incoming) -> None:
        """Acknowledge a message."""
        ...


class Desk(Protocol):
    """What takes alerts; `controller.cap.desk.CapDesk` is one."""

    def take(self, feed_id: int, raw: bytes) -> Outcome:
        """Take an alert that a feed brought."""
        ...

    def note(self, feed_id: int, *, reached: bool, problem: str = "") -> None:
        """Note how it went."""
        ...


def unpack(payload: bytes) -> bytes:
    """Return the alert of a message: WMO's JSON, or the XML itself. Pure.

    Raises:
        CapRefused: It is neither.
    """
    if payload.lstrip()[:1] == b"<":
        return payload
    try:
        composed = msgspec.json.decode(payload, type=_Composed)
        return base64.b64decode("".join(composed.data.split()), validate=True)
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError, RecursionError) as error:
        raise CapRefused(Refusal.NOT_XML, f"neither XML nor base64 in JSON: {error}") from error


def topic_matches(pattern: str, topic: str) -> bool:
    """Whether a topic is one of a filter with ``+`` and ``#`` (MQTT 5 §4.7). Pure."""
    wanted, given = pattern.split("/"), topic.split("/")
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(given) or level not in {"+", given[place]}:
            return False
    return len(wanted) == len(given)


@dataclass(frozen=True, slots=True)
class Ear:
    """A feed as it is listened to."""

    feed_id: int
    topic: str
    address: BrokerAddress | None
    """None: our own broker."""


class CapEars:
    """Hears alerts from brokers and hands them to the desk."""

    def __init__(self, *, engine: Engine, desk: Desk) -> None:
        self._engine = engine
        self._desk = desk
        self._queue: queue.Queue[tuple[Incoming, Acknowledger, int | None]] = queue.Queue(MOST_WAITING)
        self._ears: tuple[Ear, ...] = ()
        self._connections: dict[Ear, Connection] = {}
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for target, name in ((self._look_after, "cap-ears"), (self._take, "cap-ears-in"))
        ]

    def start(self) -> None:
        """Begin to listen."""
        self.reconcile()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Listen no more; what was not acknowledged comes again."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(10.0)
        for connection in self._connections.values():
            connection.stop()

    def put(self, incoming: Incoming, through: Acknowledger, feed_id: int | None = None) -> None:
        """Take a message. Called in a network thread, so it only queues.

        Of a flood what is too much is dropped: kept unacknowledged, it would hold up what gateways say.
        """
        try:
            self._queue.put_nowait((incoming, through, feed_id))
        except queue.Full:
            log.error("cap_flood", topic=incoming.topic)  # noqa: TRY400 - no trace says more
            through.ack(incoming)

    def reconcile(self) -> None:
        """Listen to the feeds that there are now, and to none that is gone."""
        self._ears = tuple(_ears(self._engine))
        elsewhere = {ear: ear.address for ear in self._ears if ear.address is not None}
        for ear in self._connections.keys() - elsewhere.keys():
            self._connections.pop(ear).stop()
        for ear in elsewhere.keys() - self._connections.keys():
            self._connections[ear] = self._connect(ear, elsewhere[ear])

    def _connect(self, ear: Ear, address: BrokerAddress) -> Connection:
        connection = Connection(
            address,
            subscriptions=(ear.topic,),
            on_message=lambda incoming: self.put(incoming, connection, ear.feed_id),
            on_connected=lambda _present: None,
            on_lost=lambda: None,
            session_expiry_s=24 * 3600,
            manual_ack=True,
        )
        connection.start()
        return connection

    def _look_after(self) -> None:
        while not self._stopping.wait(LOOK_S):
            try:
                self.reconcile()
            except Exception:  # the thread must outlive a locked or absent database
                log.exception("cap_ears_failed")

    def _take(self) -> None:
        while not self._stopping.is_set():
            with suppress(queue.Empty):
                incoming, through, feed_id = self._queue.get(timeout=0.2)
                self._hand_over(incoming, through, feed_id)

    def _hand_over(self, incoming: Incoming, through: Acknowledger, feed_id: int | None) -> None:
        meant = (
            [feed_id]
            if feed_id is not None
            else [
                ear.feed_id
                for ear in self._ears
                if ear.address is None and topic_matches(ear.topic, incoming.topic)
            ]
        )
        while not self._stopping.is_set():
            try:
                for each in meant:
                    self._give(each, incoming.payload)
            except OperationalError:
                log.exception("database_unavailable", topic=incoming.topic)
                self._stopping.wait(RETRY_S)
                continue
            except Exception:  # no single message may hold up all the others
                log.exception("cap_message_not_taken", topic=incoming.topic)
            through.ack(incoming)
            return

    def _give(self, feed_id: int, payload: bytes) -> None:
        try:
            raw = unpack(payload)
        except CapRefused as refused:
            self._desk.note(feed_id, reached=True, problem=f"{refused.code}: {refused.params['detail']}")
        else:
            self._desk.take(feed_id, raw)


def address_of(feed: CapFeed) -> BrokerAddress | None:
    """Return where a feed's broker is, None for our own. Pure."""
    if feed.url is None:
        return None
    parts = urlsplit(feed.url)
    secure = parts.scheme == "mqtts"
    return BrokerAddress(
        parts.hostname or "",
        parts.port or (SECURE_PORT if secure else PLAIN_PORT),
        feed.username or "",
        feed.password or "",
        tls_ca=Path(feed.tls_ca) if secure and feed.tls_ca is not None else None,
    )


def _ears(engine: Engine) -> Iterable[Ear]:
    with Session(engine) as session:
        rows = session.exec(
            select(CapFeed)
            .where(CapFeed.kind == FeedKind.MQTT, col(CapFeed.enabled), col(CapFeed.topic).is_not(None))
            .order_by(col(CapFeed.id))
        )
        return [Ear(feed.id, feed.topic or "", address_of(feed)) for feed in rows]
