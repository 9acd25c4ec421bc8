"""The gateway at a pole: one inbox, one loop, one timer. It decides nothing; `core` does.

Threads: this loop (the only one that touches the journal), the network's, the player's, the fetcher's and
one that decodes for each item about to sound. They speak to the loop through the inbox only.
"""

import queue
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from device_agent import __version__
from device_agent.amplifier import Amplifier
from device_agent.cache import Cache
from device_agent.clock import Clock
from device_agent.clock_trust import BoxClock
from device_agent.clock_watch import ClockWatch
from device_agent.core import Effects, GatewayCore
from device_agent.decoding import Decoding, UnreadableClip, decode
from device_agent.effects import (
    Effect,
    ListenTo,
    PinClips,
    PublishHealth,
    PublishReports,
    PublishState,
    WantClips,
)
from device_agent.evidence.witness import NOT_LISTENING, FaultNews, Listening, Witness
from device_agent.fetcher import ClipNews, ClipsLost, ClipsReady, Fetcher
from device_agent.http_pool import Source, pin_of
from device_agent.ids import new_id
from device_agent.journal import JOURNAL_FILE, open_or_begin_anew
from device_agent.link import Connected, Link, LinkEvent, Lost
from device_agent.live_feed import LiveFeeds
from device_agent.player import Player
from device_agent.player_events import Failed, PlayerEvent
from device_agent.rate import RateLimit
from device_agent.rendering import render
from device_agent.self_report import SelfReport
from device_agent.sinks.contract import Sink
from device_agent.urgency import UrgentFirst
from device_agent.views import next_start_at
from device_agent.voice import LIVE_AHEAD_BLOCKS, Voice
from device_agent.watchdog import FETCHER_LIMIT_S, PLAYER_LIMIT_S, WITNESS_LIMIT_S
from wire.certificates import KnownTime
from wire.credential import GatewayCredential
from wire.messages import Item
from wire.mqtt import Incoming
from wire.topics import live_session
from wire.types import DiskState

log = structlog.get_logger(__name__)

LONGEST_WAIT_S = 1.0
"""How long the loop waits at most: a clock that is set meanwhile is noticed within this."""

CACHE_BUDGET_BYTES = 2 * 1000**3


class ThreadDied(RuntimeError):
    """A thread has ended by a mistake of ours; to go on would be silence that looks like success."""


@dataclass(frozen=True, slots=True)
class Quit:
    """End the loop."""

    because_of: str | None = None


AgentEvent = LinkEvent | PlayerEvent | ClipNews | FaultNews | Quit


class Agent:
    """One real gateway.

    Args:
        credential: Who we are.
        state_dir: Journal and clips; made if missing.
        open_sink: Opens the sound device.
        clock: The machine's clocks.
        rng: Source of identifiers and jitter.
        self_report: Shows those around us how we are.
        cache_budget_bytes: What the clips may take.
        download_limit: A cap on how fast clips are fetched ahead; None is none.
        listening: The probe and the self-test; by default neither.
        amplifier: Switched on for what sounds; by default there is none.
        ask_box: Asks the box what it says of its clock.

    Raises:
        JournalError: The journal cannot be opened.
    """

    def __init__(
        self,
        credential: GatewayCredential,
        state_dir: Path,
        open_sink: Callable[[], Sink],
        clock: Clock,
        rng: random.Random,
        *,
        self_report: SelfReport,
        ask_box: Callable[[], BoxClock],
        cache_budget_bytes: int = CACHE_BUDGET_BYTES,
        download_limit: RateLimit | None = None,
        listening: Listening = NOT_LISTENING,
        amplifier: Amplifier | None = None,
    ) -> None:
        self._clock = clock
        self._inbox: UrgentFirst[AgentEvent] = UrgentFirst(credential.gateway_id)
        boot = new_id(clock.now(), rng)
        self._journal, self._forgetful = open_or_begin_anew(
            state_dir / JOURNAL_FILE, lambda: new_id(clock.now(), rng)
        )
        self._clock_watch = ClockWatch(clock, ask_box)
        self._core = GatewayCore(
            credential, self._journal, boot, rng, agent_version=__version__, box=ask_box()
        )
        self._source = Source(credential.controller_url, credential.gateway_id, credential.secret)
        self._cache = Cache(state_dir / "clips", cache_budget_bytes)
        self._self_report = self_report
        watchdog = self_report.watchdog
        self._fetcher = Fetcher(
            self._cache,
            clock,
            rng,
            self._inbox.put,
            watchdog.pulse("fetcher", FETCHER_LIMIT_S),
            limit=download_limit,
            pin=pin_of(credential, self._known_time),
            true_now=lambda: self._core.true_now(self._clock_watch.now()),
        )
        self._witness = Witness(
            listening,
            state_dir,
            self._inbox.put,
            clock,
            next_start_at=lambda: next_start_at(self._core.playback),
            beat=watchdog.pulse("witness", WITNESS_LIMIT_S) if listening.is_wanted else lambda: None,
        )
        self._player = Player(
            self._witness.watched(open_sink),
            self._open_voice,
            self._inbox.put,
            clock,
            watchdog.pulse("player", PLAYER_LIMIT_S),
            amplifier=amplifier,
            whispers=self._witness.whispers,
        )
        self._live = LiveFeeds()
        self._link = Link(credential, boot, self._take_in, rng, ask_time=self._known_time)
        self._knew_time = False

    def run(self) -> None:
        """Run until `quit` is called.

        Raises:
            ThreadDied: One of our threads has ended; whoever started us starts us again, and the journal
                tells what had begun.
            StoodStill: One of them hangs.
        """
        threading.excepthook = self._thread_died
        try:
            self._perform(self._core.start(self._clock_watch.now(), forgetful=self._forgetful))
            self._fetcher.start()
            self._player.start()
            self._witness.start()
            self._link.start()
            self._self_report.start(self._clock.now())
            while self._step():
                pass
        finally:
            self._self_report.stop()
            self._link.stop()
            self._witness.stop()
            self._player.stop()
            self._fetcher.stop()
            self._journal.close()
            self._self_report.close()

    def quit(self) -> None:
        """Ask the loop to end; safe in a signal handler and from any thread."""
        self._inbox.put(Quit())

    def _thread_died(self, hook: threading.ExceptHookArgs) -> None:
        name = hook.thread.name if hook.thread is not None else "a thread"
        log.critical("thread_died", thread=name, exc_info=hook.exc_value)
        self._inbox.put(Quit(f"{name}: {hook.exc_value!r}"))

    def _step(self) -> bool:
        try:
            event = self._inbox.get(timeout=self._wait_s())
        except queue.Empty:
            event = None
        if isinstance(event, Quit):
            if event.because_of is not None:
                raise ThreadDied(event.because_of)
            return False
        self._self_report.watchdog.check()
        self._look_at_the_clock()
        if event is not None:
            self._perform(self._handle(event, self._clock_watch.now()))
        if isinstance(event, Incoming):
            self._link.ack(event)
        self._notice_the_time()
        now = self._clock_watch.now()
        wake = self._core.next_wake()
        if wake is not None and wake <= now:
            self._perform(self._core.on_time(now))
        return True

    def _handle(self, event: LinkEvent | PlayerEvent | ClipNews | FaultNews, now: datetime) -> Effects:
        match event:
            case Incoming():
                return self._core.on_message(
                    self._link.channel(event),
                    event.payload,
                    now,
                    retained=event.retained,
                    redelivered=event.redelivered,
                )
            case Connected():
                self._self_report.connected(now, yes=True)
                return self._core.on_connected(now)
            case Lost():
                self._self_report.connected(now, yes=False)
                return self._core.on_lost()
            case ClipsReady(clips):
                return self._core.on_clips_ready(clips, now)
            case ClipsLost(clips):
                return self._core.on_clips_lost(clips, now)
            case _:
                return self._handle_sound(event, now)

    def _handle_sound(self, event: PlayerEvent | FaultNews, now: datetime) -> Effects:
        if isinstance(event, FaultNews):
            return self._core.on_fault(event.fault, now, is_over=event.is_over, detail=event.detail)
        if isinstance(event, Failed) and event.bad_clip is not None:
            self._fetcher.distrust(event.bad_clip)
        return self._core.on_player(self._witness.attested(event), now)

    def _perform(self, effects: Effects) -> None:
        for effect in effects:
            self._do(effect)

    def _do(self, effect: Effect) -> None:
        match effect:
            case PublishHealth(health):
                told = self._self_report.completed(
                    self._witness.health(health),
                    clips_damaged=self._fetcher.damaged,
                    fetch_error=self._fetcher.last_error,
                )
                self._link.publish(PublishHealth(told))
                if health.disk is DiskState.FULL:
                    self._fetcher.give_way()
            case PublishState(state):
                self._self_report.told(state, self._clock.now())
                self._link.publish(effect)
            case PublishReports():
                self._link.publish(effect)
            case ListenTo(sources):
                self._live.listen(sources)
                self._link.listen(sources)
            case PinClips(clips):
                self._fetcher.pin(self._source, clips)
            case WantClips(wants):
                self._fetcher.want(self._source, wants)
            case _:
                self._player.do(effect)

    def _take_in(self, event: LinkEvent) -> None:
        """Take what the network brings, in its thread: what is said live goes past the loop to the voice."""
        session = live_session(event.topic) if isinstance(event, Incoming) else None
        if session is not None and isinstance(event, Incoming):
            self._live.put(session, event.payload)
        else:
            self._inbox.put(event)

    def _open_voice(self, item: Item, offset_ms: int) -> Voice:
        if item.live is not None:
            return Voice(item, self._live.feed(item.live).blocks(), ahead=LIVE_AHEAD_BLOCKS)
        return Voice(item, render(item, self._cache.path, self._decode, offset_ms), offset_ms)

    def _decode(self, path: Path, from_frame: int) -> Decoding:
        """Decode a clip, in a voice's thread, if its bytes still are what its name says."""
        size_bytes = path.stat().st_size if path.exists() else 0
        if not self._fetcher.is_whole(path.name, size_bytes):
            damaged = UnreadableClip(path, "damaged on the disk")
            damaged.bad_clip = None  # it is thrown away already, and on its way again
            raise damaged
        return (yield from decode(path, from_frame))

    def _look_at_the_clock(self) -> None:
        step_ms = self._clock_watch.step_ms()
        if step_ms is not None:
            self._perform(self._core.on_clock_stepped(step_ms, self._clock_watch.now()))
        voucher = self._clock_watch.voucher() if self._core.is_unvouched else None
        if voucher is not None:
            self._perform(self._core.on_clock_vouched(voucher, self._clock_watch.now()))

    def _known_time(self) -> KnownTime:
        return self._core.known_time(self._clock_watch.now())

    def _notice_the_time(self) -> None:
        """Judge the broker's certificate again when a beat has told the time."""
        knows = self._known_time().now is not None
        if knows and not self._knew_time:
            self._link.judge_again()
        self._knew_time = knows

    def _wait_s(self) -> float:
        now = self._clock_watch.now()
        wake = self._core.next_wake()
        if wake is None:
            return LONGEST_WAIT_S
        return min(LONGEST_WAIT_S, max(0.0, (wake - now).total_seconds()))
