"""One gateway under test without threads or clocks: its core, a journal, a player that counts time."""

import random
from datetime import datetime

from support.ear import Ear, Stretch
from support.signing import NOON, ROUTINE, Pen, a_credential, signed

from device_agent.clock_trust import BoxClock
from device_agent.core import Effects, GatewayCore
from device_agent.effects import (
    ClockStepped,
    Cue,
    PinClips,
    PublishHealth,
    PublishReports,
    PublishState,
    SetVolume,
    StartPlaying,
    StopPlaying,
    WantClips,
)
from device_agent.ids import new_id
from device_agent.instants import milliseconds, seconds
from device_agent.journal import Journal, MemoryJournal
from device_agent.timed_player import TimedPlayer
from wire.envelope import SigningKey
from wire.messages import Down, Health, Report, State
from wire.types import Event


class SimulatedGateway:
    """Time passes only through `wait_until`; what it says and what it lets sound is kept."""

    def __init__(
        self, journal: Journal | None = None, now: datetime = NOON, box: BoxClock | None = None
    ) -> None:
        self.box = box
        self.now = now
        self.rng = random.Random(3)
        self.journal = journal or MemoryJournal(new_id(now, self.rng))
        self.pen = Pen()
        self.ear = Ear()
        self.cued: set[str] = set()
        self.states: list[State] = []
        self.health: list[Health] = []
        self.published: dict[int, Report] = {}
        self.wanted: set[str] = set()
        self.pinned: set[str] = set()
        self.volume: int | None = None
        self.boots: list[str] = []
        self.boot()

    def boot(self, *, forgetful: bool = False) -> None:
        """Begin anew, as after a power cut: only the journal is left."""
        self.player = TimedPlayer()
        self.boots.append(new_id(self.now, self.rng))
        self.core = GatewayCore(
            a_credential(), self.journal, self.boots[-1], self.rng, agent_version="0-test", box=self.box
        )
        self._do(self.core.start(self.now, forgetful=forgetful))

    def connect(self) -> None:
        self._do(self.core.on_connected(self.now))

    def lose(self) -> None:
        self._do(self.core.on_lost())

    def hear(
        self,
        message: Down | bytes,
        channel: str = "order",
        *,
        key: SigningKey = ROUTINE,
        retained: bool = False,
        redelivered: bool = False,
    ) -> Effects:
        data = message if isinstance(message, bytes) else signed(message, key)
        effects = self.core.on_message(channel, data, self.now, retained=retained, redelivered=redelivered)
        self._do(effects)
        return effects

    def get_clips(self, *clips: str) -> None:
        self._do(self.core.on_clips_ready(clips or tuple(self.wanted), self.now))

    def lose_clips(self, *clips: str) -> None:
        self._do(self.core.on_clips_lost(clips, self.now))

    def step_clock(self, step_ms: int) -> None:
        self.now += milliseconds(step_ms)
        self._do(self.core.on_clock_stepped(step_ms, self.now))

    def wait_until(self, at: datetime) -> None:
        """Let time pass, waking when the gateway asks for it."""
        while (wake := self._next_wake()) is not None and wake <= at:
            self.now = max(self.now, wake)
            self._on_time()
        self.now = max(self.now, at)
        self._on_time()

    def wait(self, duration_s: float) -> None:
        self.wait_until(self.now + seconds(duration_s))

    @property
    def stretches(self) -> list[Stretch]:
        """Return what was heard, piece by piece."""
        return self.ear.stretches

    @property
    def sounded(self) -> list[tuple[str, datetime]]:
        """Return what began when; one that came back after a pre-emption is there more than once."""
        return [(stretch.broadcast_id, stretch.at) for stretch in self.stretches]

    def reports(self, *events: Event) -> list[Report]:
        held = self.journal.reports(0, 10_000)
        return [report for report in held if not events or report.event in events]

    def told(self, broadcast_id: str) -> list[tuple[str, str | None]]:
        """Return what was reported of one broadcast: events and reasons in order."""
        return [
            (report.event.value, report.reason)
            for report in self.reports()
            if broadcast_id in report.broadcast_ids
        ]

    def _next_wake(self) -> datetime | None:
        wakes = (self.player.next_wake(), self.core.next_wake())
        return min((at for at in wakes if at is not None), default=None)

    def _on_time(self) -> None:
        for said in self.player.due(self.now):
            self.ear.told(said)
            self._do(self.core.on_player(said, self.now))
        self._do(self.core.on_time(self.now))

    def _do(self, effects: Effects) -> None:  # noqa: C901 - one case for each effect
        for effect in effects:
            match effect:
                case PublishReports(reports):
                    self.published |= {report.n: report for report in reports.reports}
                case PublishState(state):
                    self.states.append(state)
                case PublishHealth(health):
                    self.health.append(health)
                case PinClips(clips):
                    self.pinned = {clip.sha256 for clip in clips}
                case WantClips(wants):
                    self.wanted = {want.sha256 for want in wants}
                case SetVolume(percent):
                    self.volume = percent
                case StartPlaying(item):
                    self.ear.asked(effect)
                    self.cued.discard(item.broadcast_id)
                    self.player.do(effect, self.now)
                case Cue(item):
                    self.cued.add(item.broadcast_id)
                case ClockStepped():
                    self.player.do(effect, self.now)
                case StopPlaying(broadcast_id):
                    self.cued.discard(broadcast_id)
                    self.player.do(effect, self.now)
