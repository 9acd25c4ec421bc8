"""One phone's socket: what it says goes to its press, and what becomes of that is said back."""

import asyncio
import contextlib
import secrets
from typing import Any

import structlog
from sqlmodel import Session
from starlette.websockets import WebSocket, WebSocketDisconnect

from controller.broadcasts.audience import Audience
from controller.deps import COOKIE
from controller.errors import CsrfMismatch, InvalidInput, Problem
from controller.live import messages
from controller.live.effects import Reason
from controller.live.messages import ArmIn, AudienceIn, PingIn, PressIn, ReleaseIn
from controller.live.ordering import Wanted, look_around
from controller.live.press import Kept, News, Opened, Over, Press, Refused, Send, now_ms
from controller.people.service import who_is
from controller.problems import problem_out
from controller.services import Services
from controller.web.i18n import language_of

log = structlog.get_logger(__name__)

QUIET_PHONE_S = 60.0
"""An armed phone says every ten seconds that it is there; one that does not is gone."""

MOST_WAITING = 256
"""Five seconds of frames; more stay in the socket, whose sender then notices."""

RESTARTING = 1012
"""Close code of a server that ends (IANA's registry of RFC 6455)."""


class Conversation:
    """From the first message of a phone until all that it said is written down.

    Args:
        socket: Accepted.
        svc: What the composition root built.
        send: Publishes to the broker.
    """

    def __init__(self, socket: WebSocket, svc: Services, send: Send) -> None:
        self._socket = socket
        self._svc = svc
        self._send = send
        self._token = socket.cookies.get(COOKIE)
        self._address = socket.client.host if socket.client else ""
        self._language = language_of(socket)
        self._heard: asyncio.Queue[str | bytes | Reason | None] = asyncio.Queue(MOST_WAITING)
        """A message; or why the socket is closed; or None: look at the time."""
        self._codec = "opus"
        self._wanted: Wanted | None = None
        self._gateway_ids: tuple[str, ...] = ()
        """Who was told at arming that this phone may speak to them in a moment."""
        self._press: Press | None = None
        self._former: set[Press] = set()
        """Presses whose last words are still being said or written down."""
        self._gone = False

    async def run(self) -> None:
        """Talk until the phone is gone and nothing is left to do."""
        receiving = asyncio.create_task(self._receive())
        try:
            while not (self._gone and all(press.is_idle for press in self._presses)):
                await self._step()
        finally:
            receiving.cancel()
            for press in self._presses:
                press.hang_up()
                self._svc.armed.leave(press.source.session)

    @property
    def _presses(self) -> tuple[Press, ...]:
        return (*self._former, *(() if self._press is None else (self._press,)))

    async def _step(self) -> None:
        try:
            heard = await asyncio.wait_for(self._heard.get(), self._wait_s())
        except TimeoutError:
            if self._wait_s() >= QUIET_PHONE_S:
                await self._close_socket()
            heard = None
        try:
            match heard:
                case bytes() if self._press is not None:
                    await self._press.frame(heard)
                case Reason():
                    self._gone = True
                    if self._press is not None:
                        await self._press.end(heard)
                case str():
                    await self._told(heard)
        except Problem as problem:
            await self._refuse(problem)
        for press in self._presses:
            await press.on_time()
        self._former = {press for press in self._former if not press.is_idle}

    async def _told(self, text: str) -> None:
        match messages.read_message(text):
            case ArmIn() as message:
                await self._arm(message)
            case PressIn() as message if self._wanted is not None:
                await self._pressed(message, self._wanted)
            case ReleaseIn() as message if self._press is not None:
                await self._press.end(Reason(message.reason))
            case PingIn() if self._press is not None:
                await self._press.ping()
            case _:
                raise InvalidInput(faults=["arm first"])

    async def _arm(self, message: ArmIn) -> None:
        if self._press is not None and self._press.is_held:
            raise InvalidInput(faults=["already talking"])
        wanted = Wanted(_audience(message.audience), message.mode)
        self._gateway_ids, title = await asyncio.to_thread(self._look, message.csrf_token, wanted)
        self._codec, self._wanted = message.codec, wanted
        self._renew()
        longest_ms = self._svc.settings.live_longest_s * 1000
        await self._say(messages.armed(longest_ms, len(self._gateway_ids), title))

    def _look(self, csrf_token: str, wanted: Wanted) -> tuple[tuple[str, ...], str]:
        with Session(self._svc.engine) as session:
            _, opened = who_is(session, self._token, now=self._svc.clock.now(), address=self._address)
            ours = opened.csrf_token
        if not secrets.compare_digest(csrf_token.encode(), ours.encode()):
            raise CsrfMismatch
        return look_around(self._svc, self._token, self._address, wanted)

    async def _pressed(self, message: PressIn, armed: Wanted) -> None:
        if self._press is None or not self._press.is_fresh:
            if self._press is not None and self._press.is_held:
                return
            self._renew()
        assert self._press is not None  # noqa: S101 - just made
        self._wanted = Wanted(
            armed.audience if message.audience is None else _audience(message.audience),
            message.mode or armed.mode,
            message.title,
            message.hazard,
            message.level,
            tuple(message.supersedes),
            message.alone_because.strip(),
        )
        await self._press.press(self._wanted)

    def _renew(self) -> None:
        """Make the next press, with a key of its own, and tell the gateways before anybody has pressed it.

        One that listens already loses no round trip when the order comes.
        """
        if self._press is not None:
            self._former.add(self._press)
            self._svc.armed.leave(self._press.source.session)
        self._press = Press(
            self._svc,
            self._send,
            token=self._token,
            address=self._address,
            codec=self._codec,
            news=self._tell,
            wake=self._look_at_the_time,
        )
        if self._svc.armed.enter(self._press.source, self._gateway_ids):
            self._svc.dispatcher.call(self._gateway_ids)

    def _arm_again(self) -> None:
        """Make the next press as soon as the last one is over, unless somebody holds the button again."""
        if self._press is not None and not (self._gone or self._press.is_fresh or self._press.is_held):
            self._renew()

    def _look_at_the_time(self) -> None:
        # A full queue wakes us anyhow.
        with contextlib.suppress(asyncio.QueueFull):
            self._heard.put_nowait(None)

    async def _tell(self, news: News) -> None:
        match news:
            case Opened(ordered):
                await self._say(
                    messages.opened(
                        ordered.emergency_id, ordered.broadcast_id, ordered.gateways, ordered.opens_in_ms
                    )
                )
            case Refused(problem):
                self._arm_again()
                await self._refuse(problem)
            case Over(broadcast_id, reason, said_ms):
                self._arm_again()
                await self._say(messages.ended(reason, said_ms, broadcast_id))
            case Kept(over, clip_sha256):
                await self._say(messages.closed(over.reason, over.said_ms, over.broadcast_id, clip_sha256))

    async def _receive(self) -> None:
        reason = Reason.LOST
        try:
            while True:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    reason = Reason.STOPPED if message.get("code") == RESTARTING else Reason.LOST
                    break
                said: str | bytes | None = message.get("text") or message.get("bytes")
                if said is not None:
                    await self._heard.put(said)
        except (WebSocketDisconnect, RuntimeError) as error:
            log.debug("live_socket_broke", reason=str(error))
        await self._heard.put(reason)

    async def _say(self, message: dict[str, Any]) -> None:
        # Whoever cannot be told has hung up, which is heard of in its turn.
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await self._socket.send_json(message)

    async def _refuse(self, problem: Problem) -> None:
        await self._say(messages.refused(problem_out(problem, self._language).model_dump()))

    async def _close_socket(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await self._socket.close()

    def _wait_s(self) -> float:
        wakes = [wake for press in self._presses if (wake := press.next_wake_ms()) is not None]
        return max(0.0, (min(wakes) - now_ms()) / 1000) if wakes else QUIET_PHONE_S


def _audience(wanted: AudienceIn) -> Audience:
    return Audience(tuple(wanted.areas), tuple(wanted.gateways))
