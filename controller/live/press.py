"""One press of the button: its key, its voice, and the doing of what the voice asks for."""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.columns import new_id
from controller.errors import InternalFault, Problem
from controller.live.effects import Effects, Ended, Forget, Order, Publish, Reason
from controller.live.frames import BadFrame, Frame, check_opus, read_frame
from controller.live.keeping import keep
from controller.live.ordering import Ordered, Wanted, order_live, still_stands
from controller.live.sound import PcmEncoder
from controller.live.voice import Phase, Voice
from controller.services import Services
from wire import topics
from wire.live import seal_live
from wire.messages import LiveSource
from wire.mqtt import NotConnected

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.5
"""How often a voice asks whether its order still stands."""

STAYS_S = 3
"""The broker keeps a beginning no longer, even if nobody is left to take it back."""


class Send(Protocol):
    """Publishes once, and waits for nobody; raises `NotConnected`."""

    def __call__(
        self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: int | None = None
    ) -> None:
        """Publish."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """It is ordered: the phone may be told."""

    ordered: Ordered


@dataclass(frozen=True, slots=True)
class Refused:
    """There is no order, and why."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing goes out any more."""

    broadcast_id: str
    reason: Reason
    said_ms: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What was said is stored, or nothing was, or it could not be."""

    over: Over
    clip_sha256: str | None


News = Opened | Refused | Over | Kept


class Press:
    """From arming to the last word. Used by one task; what it begins runs beside, and tells `news`.

    Args:
        svc: What the composition root built.
        send: Publishes to the broker.
        token: The log-in of whoever speaks; asked again when it is pressed.
        address: Where they are.
        codec: ``opus`` or ``pcm``.
        news: Is told what the phone is to know; may wait.
        wake: Is called when something changed that `next_wake_ms` knows of.
    """

    def __init__(
        self,
        svc: Services,
        send: Send,
        *,
        token: str | None,
        address: str,
        codec: str,
        news: Callable[[News], Coroutine[Any, Any, None]],
        wake: Callable[[], None],
    ) -> None:
        self._svc = svc
        self._send = send
        self._token = token
        self._address = address
        self._news = news
        self._wake = wake
        # The private half stays in this object and ends with it.
        self._key = Ed25519PrivateKey.from_private_bytes(os.urandom(32))
        self._voice = Voice(svc.settings.live_longest_s * 1000)
        self._encoder = PcmEncoder() if codec == "pcm" else None
        self._source = LiveSource(
            session=new_id(),
            public=self._key.public_key().public_bytes_raw(),
            longest_ms=self._voice.longest_ms,
        )
        self._wanted: Wanted | None = None
        self._ordered: Ordered | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def source(self) -> LiveSource:
        """What a gateway has to know to hear it."""
        return self._source

    @property
    def is_fresh(self) -> bool:
        """Whether it was not pressed yet."""
        return self._voice.phase is Phase.ARMED

    @property
    def is_held(self) -> bool:
        """Whether someone speaks, or is about to."""
        return self._voice.phase in (Phase.ORDERING, Phase.TALKING) and not self._voice.is_ending

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing left to do."""
        at_rest = self._voice.phase in (Phase.ARMED, Phase.ENDED)
        return at_rest and self._voice.next_wake() is None and not self._tasks

    def next_wake_ms(self) -> int | None:
        """Return when to call `on_time` next; None if only an event can tell."""
        return self._voice.next_wake()

    async def press(self, wanted: Wanted) -> None:
        """The button goes down."""
        self._wanted = wanted
        await self._do(self._voice.press(now_ms()))

    async def frame(self, message: bytes) -> None:
        """Take a frame as it came."""
        if not self.is_held:
            return
        try:
            frame = read_frame(message)
            if self._encoder is not None:
                frame = Frame(frame.number, await asyncio.to_thread(self._encoder.encode, frame.data))
            check_opus(frame.data)
        except BadFrame as bad:
            log.debug("live_frame_refused", reason=bad.reason)
            await self._do(self._voice.bad_frame(now_ms()))
        else:
            await self._do(self._voice.frame(frame, now_ms()))

    async def ping(self) -> None:
        """The phone is there."""
        await self._do(self._voice.ping(now_ms()))

    async def end(self, reason: Reason) -> None:
        """End it, whoever wants that."""
        await self._do(self._voice.end(reason, now_ms()))

    async def on_time(self) -> None:
        """Do what is due."""
        await self._do(self._voice.on_time(now_ms()))

    def hang_up(self) -> None:
        """The server ends now: gateways must not wait for a voice that will not come."""
        if self._voice.phase is Phase.TALKING:
            for effect in self._voice.end(Reason.STOPPED, now_ms()):
                if isinstance(effect, Publish):
                    self._publish(effect)
        self._svc.on_air.leave(self._source.session)

    async def _do(self, effects: Effects) -> None:
        todo = deque(effects)
        while todo:
            match todo.popleft():
                case Order():
                    self._begin(self._order())
                case Publish() as effect:
                    todo.extend(self._publish(effect))
                case Forget():
                    self._send_out(b"", stays=True)
                case Ended() as effect:
                    await self._ended(effect)

    def _publish(self, wanted: Publish) -> Effects:
        sealed = seal_live(self._source.session, wanted.packet, self._key)
        if self._send_out(sealed, stays=wanted.stays):
            self._voice.went_out()
            return ()
        return self._voice.did_not_go_out(now_ms())

    def _send_out(self, payload: bytes, *, stays: bool) -> bool:
        try:
            topic = topics.live(self._source.session)
            self._send(topic, payload, retain=stays, expiry_s=STAYS_S if stays else None)
        except NotConnected:
            log.debug("live_packet_not_sent", size_bytes=len(payload))
            return False
        return True

    async def _order(self) -> None:
        assert self._wanted is not None  # noqa: S101 - `press` has set it
        try:
            ordered = await asyncio.to_thread(
                order_live, self._svc, self._token, self._address, self._wanted, self._source
            )
        except Problem as problem:
            await self._refused(problem)
        except Exception:  # whoever holds the button must be told, whatever it was
            log.exception("live_order_failed")
            await self._refused(InternalFault())
        else:
            self._ordered = ordered
            await self._news(Opened(ordered))
            await self._do(self._voice.ordered(now_ms(), opens_in_ms=ordered.opens_in_ms))
            self._wake()
            await self._watch(ordered)

    async def _refused(self, problem: Problem) -> None:
        self._voice.refused()
        await self._news(Refused(problem))

    async def _watch(self, ordered: Ordered) -> None:
        """Look again and again whether the order still stands, for as long as this voice speaks."""
        while self._voice.phase is Phase.TALKING:
            if not await asyncio.to_thread(still_stands, self._svc, ordered):
                await self.end(Reason.STOPPED)
                self._wake()
                return
            await asyncio.sleep(LOOK_EVERY_S)

    async def _ended(self, ended: Ended) -> None:
        assert self._ordered is not None  # noqa: S101 - a voice does not end before it is ordered
        self._svc.on_air.leave(self._source.session)
        over = Over(self._ordered.broadcast_id, ended.reason, ended.said_ms)
        log.info("live_ended", broadcast=over.broadcast_id, reason=ended.reason, said_ms=ended.said_ms)
        await self._news(over)
        self._begin(self._keep(self._ordered, over, tuple(self._voice.frames)))

    async def _keep(self, ordered: Ordered, over: Over, frames: tuple[Frame, ...]) -> None:
        clip = None
        try:
            clip = await asyncio.to_thread(keep, self._svc, ordered, frames, over.reason)
        except Exception:  # the phone must not wait for ever
            log.exception("live_not_kept", broadcast=over.broadcast_id)
        await self._news(Kept(over, clip))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._wake()


def now_ms() -> int:
    """Return the running loop's time: it only runs forwards."""
    return round(asyncio.get_running_loop().time() * 1000)
