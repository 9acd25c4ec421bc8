"""The gateways that reach us over HTTPS and not through the broker, and what that means.

An inbox opens with a gateway's first question and closes when it is back at the broker, says that it ends, or
asks no more. While it is open the gateway is there, whatever its will at the broker says.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from controller.clock import Clock
from controller.columns import new_id
from controller.outbox.inbox import Inbox
from wire import topics
from wire.inbox import InboxAnswer
from wire.messages import State, WireError, decode_state, encode
from wire.mqtt import Incoming, NotConnected

SILENT_S = 15.0
"""A gateway asks again at once; one that has not for so long after an answer is gone. With the longest wait
of a question that is 40 s after the network swallowed it."""


class Publisher(Protocol):
    """What is needed of `wire.mqtt.Connection`."""

    @property
    def connected(self) -> bool:
        """Whether there is a broker."""
        ...

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, expiry_s: int | None = None
    ) -> None:
        """Hand a message over; raises `NotConnected`."""
        ...


@dataclass(slots=True)
class _Asking:
    """One gateway that asks."""

    inbox: Inbox
    turn: int = 0
    """Number of its latest question; an older one that is still open is nobody's any more."""
    wake: Callable[[], object] = lambda: None
    boot: str | None = None
    """As its latest birth over HTTPS has it."""


@dataclass(slots=True)
class Inboxes:
    """All of them. Safe to use from any thread; questions wait in the web server's loop.

    Args:
        clock: Tells what has expired.
        say: Takes what gateways post, and the will that we write for one that has fallen silent.
        silent_s: How long after an answer a gateway may take to ask again.
    """

    clock: Clock
    say: Callable[[Incoming], None]
    silent_s: float = SILENT_S
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _asking: dict[str, _Asking] = field(default_factory=dict)

    def open_now(self) -> frozenset[str]:
        """Return the gateways that ask at present."""
        with self._lock:
            return frozenset(self._asking)

    def open(self, gateway_id: str) -> bool:
        """Open an inbox; False if it was open."""
        with self._lock:
            if gateway_id in self._asking:
                return False
            self._asking[gateway_id] = _Asking(Inbox(new_id()))
            return True

    async def wait(self, gateway_id: str, after: str, timeout_s: float) -> InboxAnswer:
        """Return what waits for a gateway as soon as there is something, or nothing when the time is over.

        Args:
            gateway_id: Whose inbox, open or not.
            after: See `Inbox.take`.
            timeout_s: How long to wait.
        """
        loop = asyncio.get_running_loop()
        came = asyncio.Event()
        with self._lock:
            asking = self._asking.setdefault(gateway_id, _Asking(Inbox(new_id())))
            asking.wake()
            asking.turn += 1
            turn, asking.wake = asking.turn, lambda: loop.call_soon_threadsafe(came.set)
        until_s = loop.time() + timeout_s
        try:
            while True:
                came.clear()
                with self._lock:
                    if asking.turn != turn:
                        return InboxAnswer(cursor=after)
                    answer = asking.inbox.take(after, self.clock.now())
                after = answer.cursor
                remaining_s = until_s - loop.time()
                if answer.messages or remaining_s <= 0:
                    return answer
                await _wait(came, remaining_s)
        finally:
            loop.call_later(self.silent_s, self._close_if_silent, gateway_id, asking, turn)

    def put(self, topic: str, payload: bytes, expiry_s: int | None) -> bool:
        """Lay a message to a gateway into its inbox; False if that is not open."""
        if not self._asking:  # as a rule nobody asks, and a fan-out comes by ten thousand times
            return False
        try:
            address = topics.parse(topic)
        except WireError:
            return False
        expires_at = None if expiry_s is None else self.clock.now() + timedelta(seconds=expiry_s)
        with self._lock:
            asking = self._asking.get(address.gateway_id)
            if asking is None:
                return False
            asking.inbox.put(address.channel, payload, expires_at)
            asking.wake()
            return True

    def heard(self, gateway_id: str, channel: str, payload: bytes) -> None:
        """Take in what a gateway posted, as if it had come through the broker."""
        state = _state_in(channel, payload)
        if state is not None:
            with self._lock:
                if not state.online:
                    self._asking.pop(gateway_id, None)
                elif gateway_id in self._asking:
                    self._asking[gateway_id].boot = state.boot
        self.say(Incoming(topics.up(gateway_id, channel), payload, qos=1, retained=False, redelivered=False))

    def believes(self, incoming: Incoming) -> bool:
        """Whether something that came through the broker is to be taken in.

        A birth there tells that the gateway is back, and its inbox closes. A will of one that asks over
        HTTPS only tells that its line to the broker is gone, which it knows.
        """
        try:
            gateway_id, _, channel = topics.parse(incoming.topic)
        except WireError:
            return True
        state = None if incoming.retained else _state_in(channel, incoming.payload)
        if state is None:
            return True
        with self._lock:
            if state.online:
                closed = self._asking.pop(gateway_id, None)
                if closed is not None:
                    closed.turn += 1
                    closed.wake()
                return True
            return gateway_id not in self._asking

    def _close_if_silent(self, gateway_id: str, asking: _Asking, turn: int) -> None:
        with self._lock:
            if asking.turn != turn or self._asking.get(gateway_id) is not asking:
                return
            del self._asking[gateway_id]
        if asking.boot is not None:
            will = encode(State(online=False, boot=asking.boot))
            topic = topics.up(gateway_id, "state")
            self.say(Incoming(topic, will, qos=1, retained=False, redelivered=False))


@dataclass(frozen=True, slots=True)
class BothWays:
    """The broker for everyone and the inboxes for those who ask: what the dispatcher publishes through.

    A message to a gateway with an open inbox goes both ways. Which way comes first does not matter: the
    gateway knows an envelope that it has.
    """

    broker: Publisher
    inboxes: Inboxes

    def reachable(self) -> frozenset[str] | None:
        """Return who can be sent something now; None is everyone."""
        return None if self.broker.connected else self.inboxes.open_now()

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, expiry_s: int | None = None
    ) -> None:
        """Hand a message over.

        Raises:
            NotConnected: There is neither a broker nor an open inbox.
        """
        waits = self.inboxes.put(topic, payload, expiry_s)
        try:
            self.broker.publish(topic, payload, qos=qos, retain=retain, expiry_s=expiry_s)
        except NotConnected:
            if not waits:
                raise


def _state_in(channel: str, payload: bytes) -> State | None:
    if channel != "state":
        return None
    try:
        return decode_state(payload)
    except WireError:
        return None


async def _wait(came: asyncio.Event, timeout_s: float) -> None:
    try:
        await asyncio.wait_for(came.wait(), timeout_s)
    except TimeoutError:
        return
