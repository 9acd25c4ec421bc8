"""A light gateway: the core of a real one, a journal in memory, and no sound.

What it verifies, decides, fetches and answers is real, by the same code as at a pole. What it does not do
is sound: its player counts time only (`timed_player`), it reports no peak, and its version ends in
``-light`` so that nobody mistakes it. It forgets everything when its process ends.
"""

import random
from collections.abc import Callable
from datetime import datetime

from device_agent import __version__
from device_agent.core import Effects, GatewayCore
from device_agent.effects import (
    ClockStepped,
    Cue,
    PinClips,
    PublishEffect,
    PublishHealth,
    PublishReports,
    PublishState,
    SetVolume,
    StartPlaying,
    StopPlaying,
    WantClips,
)
from device_agent.fetcher import ClipNews, ClipsLost, ClipsReady, Fetcher
from device_agent.http_pool import Source
from device_agent.ids import new_id
from device_agent.journal import MemoryJournal
from device_agent.link import Connected, Link, LinkEvent, Lost
from device_agent.timed_player import TimedPlayer
from wire.credential import GatewayCredential
from wire.mqtt import Incoming


class LightGateway:
    """One of many in a process; used by one thread.

    Args:
        credential: Who it is.
        fetcher: Shared by all.
        say: Puts what comes from the broker into the inbox of the fleet.
        now: The wall clock at its start.
        rng: Source of identifiers and jitter.
    """

    def __init__(
        self,
        credential: GatewayCredential,
        fetcher: Fetcher,
        say: Callable[[LinkEvent], None],
        now: datetime,
        rng: random.Random,
    ) -> None:
        boot = new_id(now, rng)
        self.gateway_id = credential.gateway_id
        self._source = Source(credential.controller_url, credential.gateway_id, credential.secret)
        self._fetcher = fetcher
        self._core = GatewayCore(
            credential, MemoryJournal(new_id(now, rng)), boot, rng, agent_version=f"{__version__}-light"
        )
        self._player = TimedPlayer()
        self._link = Link(credential, boot, say, rng)

    def start(self, now: datetime) -> None:
        """Begin to connect."""
        self._perform(self._core.start(now), now)
        self._link.start()

    def stop(self) -> None:
        """Leave the broker, which publishes the will."""
        self._link.stop()

    def handle(self, event: LinkEvent | ClipNews, now: datetime) -> None:
        """Take in one event."""
        match event:
            case Incoming():
                effects = self._core.on_message(
                    self._link.channel(event),
                    event.payload,
                    now,
                    retained=event.retained,
                    redelivered=event.redelivered,
                )
                self._perform(effects, now)
                self._link.ack(event)
            case Connected():
                self._perform(self._core.on_connected(now), now)
            case Lost():
                self._perform(self._core.on_lost(), now)
            case ClipsReady(clips):
                self._perform(self._core.on_clips_ready(clips, now), now)
            case ClipsLost(clips):
                self._perform(self._core.on_clips_lost(clips, now), now)

    def on_time(self, now: datetime) -> None:
        """Do what is due."""
        for said in self._player.due(now):
            self._perform(self._core.on_player(said, now), now)
        wake = self._core.next_wake()
        if wake is not None and wake <= now:
            self._perform(self._core.on_time(now), now)

    def next_wake(self) -> datetime | None:
        """Return when `on_time` next has something to do."""
        wakes = (self._player.next_wake(), self._core.next_wake())
        return min((at for at in wakes if at is not None), default=None)

    def _perform(self, effects: Effects, now: datetime) -> None:
        for effect in effects:
            match effect:
                case WantClips(wants):
                    self._fetcher.want(self._source, wants)
                case PinClips(clips):
                    self._fetcher.pin(self._source, clips)
                case Cue() | StartPlaying() | StopPlaying() | SetVolume() | ClockStepped():
                    self._player.do(effect, now)
                case PublishState() | PublishReports() | PublishHealth():
                    self._publish(effect)

    def _publish(self, effect: PublishEffect) -> None:
        self._link.publish(effect)
