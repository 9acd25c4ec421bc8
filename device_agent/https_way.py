"""The way over HTTPS while MQTT is closed: asks for messages by long poll, posts what we have to say.

The same signed envelopes, the same reports. It is tried 3 to 15 s after the broker was lost or has not
answered, so that a broker that only restarts is not left for it, and within a minute of a network that began
to swallow packets. It ends the moment MQTT is back.
"""

import queue
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import structlog
import urllib3

from device_agent.http_pool import Source, new_pool
from wire import backoff
from wire.certificates import Pin
from wire.inbox import INBOX_PATH, LONGEST_WAIT_S, MAX_ANSWER_BYTES, decode_answer, up_path
from wire.messages import WireError
from wire.mqtt import Incoming, NotConnected
from wire.topics import DOWN_CHANNELS, down

log = structlog.get_logger(__name__)

FIRST_TRY_S = (3.0, 15.0)
"""Some gateways ask sooner, some later, when one broker has left all of them."""

CONNECT_S = 10.0
ANSWER_S = LONGEST_WAIT_S + 15.0
"""A question that is not answered within this went into a black hole."""

POST_TRIES = 3
POST_AGAIN_S = 1.0
GOODBYE_S = 2.0


class HttpsFailed(OSError):
    """The controller did not answer, or not as it should."""


@dataclass(frozen=True, slots=True)
class Connected:
    """We are let in, and hear what is said to us."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection has ended; another one is being made."""


LinkEvent = Incoming | Connected | Lost


class HttpsWay:
    """One stretch of time without MQTT, from `start` to `end`; not used twice. Safe from any thread.

    Args:
        source: Where the controller is and who we are.
        say: Takes what comes; called in a thread of ours, must not wait. Not called after `end`.
        rng: Source of jitter.
        pin: See `new_pool`.
    """

    def __init__(
        self, source: Source, say: Callable[[LinkEvent], None], rng: random.Random, pin: Pin | None = None
    ) -> None:
        self._source = source
        self._say = say
        self._rng = rng
        self._pool = new_pool(connect_s=CONNECT_S, read_s=ANSWER_S, pin=pin)
        self._changed = threading.Condition()
        self._connected = False
        self._over = False
        self._in_hand: set[int] = set()
        self._outgoing: queue.SimpleQueue[tuple[str, bytes] | None] = queue.SimpleQueue()

    @property
    def connected(self) -> bool:
        """Whether the controller has answered and no failure was seen since."""
        return self._connected

    def start(self) -> "HttpsWay":
        """Begin to try in a while."""
        for name, run in (("https-ask", self._ask_on), ("https-post", self._post_on)):
            threading.Thread(target=run, name=name, daemon=True).start()
        return self

    def end(self, goodbye: bytes | None = None) -> None:
        """Fall silent; a question that is still open is left to its own devices.

        Args:
            goodbye: The state to post last, if anybody hears it.
        """
        with self._changed:
            said_something, self._connected, self._over = self._connected, False, True
            self._changed.notify_all()
        self._outgoing.put(None)
        if goodbye is not None and said_something:
            try:
                self._post("state", goodbye, GOODBYE_S)
            except HttpsFailed as error:
                log.info("https_goodbye_not_said", reason=str(error))

    def publish(self, channel: str, payload: bytes) -> None:
        """Post something in the background, in order.

        Raises:
            NotConnected: Nobody hears us. That it was taken is no promise that it arrives.
        """
        if not self._connected:
            raise NotConnected(channel)
        self._outgoing.put((channel, payload))

    def ack(self, incoming: Incoming) -> None:
        """Note that what a message says is safe; when all of an answer is, the next is asked for."""
        with self._changed:
            self._in_hand.discard(incoming.mid)
            self._changed.notify_all()

    def _ask_on(self) -> None:
        after, failures = "", 0
        self._pause(self._rng.uniform(*FIRST_TRY_S))
        while not self._over:
            try:
                after = self._ask(after)
                failures = 0
            except (HttpsFailed, WireError) as error:
                failures += 1
                log.info("https_not_answered", reason=str(error))
                self._turn(connected=False)
                self._pause(backoff.wait_s(failures, self._rng.random()))
        self._pool.clear()

    def _ask(self, after: str) -> str:
        """Ask once and return the next cursor, when all that came is dealt with."""
        # While we do not know whether we are heard, the answer is to come at once.
        wait_s = LONGEST_WAIT_S if self._connected else 0.0
        question = {"after": after, "wait_s": f"{wait_s:g}"}
        answer = decode_answer(self._request("GET", INBOX_PATH, fields=question))
        self._turn(connected=True)
        with self._changed:
            if self._over:
                return after
            self._in_hand = set(range(len(answer.messages)))
            for number, message in enumerate(answer.messages):
                if message.channel in DOWN_CHANNELS:
                    topic = down(self._source.gateway_id, message.channel)
                    self._say(Incoming(topic, bytes(message.envelope), 1, False, False, number, self))
                else:
                    self._in_hand.discard(number)
            self._changed.wait_for(lambda: self._over or not self._in_hand)
        return answer.cursor

    def _post_on(self) -> None:
        while (out := self._outgoing.get()) is not None:
            if not self._connected:
                continue
            for number in range(1, POST_TRIES + 1):
                try:
                    self._post(*out, ANSWER_S)
                except HttpsFailed as error:
                    log.info("https_not_posted", channel=out[0], reason=str(error))
                    if number == POST_TRIES:
                        # Once we are heard again all that waits is said again.
                        self._turn(connected=False)
                    else:
                        self._pause(POST_AGAIN_S)
                else:
                    break

    def _post(self, channel: str, payload: bytes, timeout_s: float) -> None:
        self._request("POST", up_path(channel), body=payload, timeout_s=timeout_s)

    def _request(
        self,
        method: str,
        path: str,
        *,
        fields: dict[str, str] | None = None,
        body: bytes | None = None,
        timeout_s: float = ANSWER_S,
    ) -> bytes:
        try:
            response = self._pool.request(
                method,
                f"{self._source.controller_url}{path}",
                headers=self._source.headers,
                fields=fields,
                body=body,
                timeout=urllib3.Timeout(connect=min(CONNECT_S, timeout_s), read=timeout_s),
                preload_content=False,
            )
            with response:
                data = response.read(MAX_ANSWER_BYTES + 1)
                if len(data) <= MAX_ANSWER_BYTES:
                    response.release_conn()  # for the next question; otherwise it is closed
        except urllib3.exceptions.HTTPError as error:
            raise HttpsFailed(f"no connection: {error}") from error
        if response.status not in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
            raise HttpsFailed(f"the controller answered {response.status}")
        if len(data) > MAX_ANSWER_BYTES:
            raise HttpsFailed("the controller's answer has no end")
        return data

    def _turn(self, *, connected: bool) -> None:
        """Be connected, or not; whoever listens is told of a change."""
        with self._changed:
            if self._over or self._connected is connected:
                return
            self._connected = connected
            self._say(Connected() if connected else Lost())

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._over, seconds)
