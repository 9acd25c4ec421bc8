"""A player without sound: it "plays" by the clock alone, for light gateways and machines under test.

Sans-I/O. It keeps the promises of `sequencer`: one item at a time, each at its instant, a pre-empted one
silent by then, whatever else waited for. What it says of sound is no evidence, and it gives no peak.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from device_agent.effects import ClockStepped, PlayerEffect, StartPlaying, StopPlaying
from device_agent.instants import milliseconds, seconds
from device_agent.player_events import Failed, Finished, PlayerEvent, Progress, Started

_MILLISECOND = milliseconds(1)
PROGRESS_EVERY = seconds(1)


@dataclass(slots=True)
class _Sounding:
    broadcast_id: str
    started_at: datetime
    ends_at: datetime
    progress_at: datetime


@dataclass(frozen=True, slots=True)
class _Next:
    wish: StartPlaying
    earliest: datetime
    """Its start, or the moment of the wish when that had passed."""


class TimedPlayer:
    """Says what a player would say, when it would say it."""

    def __init__(self) -> None:
        self._sounding: _Sounding | None = None
        self._next: list[_Next] = []
        self._said: list[PlayerEvent] = []

    def do(self, effect: PlayerEffect, now: datetime) -> None:
        """Take a wish of the core; `due` tells what comes of it."""
        match effect:
            case StartPlaying() if effect.item.live is not None:
                # It has no ears: to play by the clock what nobody heard would be a lie.
                self._said.append(Failed(effect.item.broadcast_id, "no_live"))
            case StartPlaying():
                self._drop(*effect.preempts)
                self._next.append(_Next(effect, max(effect.at, now)))
            case StopPlaying(broadcast_id):
                if self._sounding is not None and self._sounding.broadcast_id == broadcast_id:
                    self._sounding.ends_at = min(self._sounding.ends_at, max(now, self._sounding.started_at))
                self._drop(broadcast_id)
            case ClockStepped(step_ms):
                self._move(milliseconds(step_ms))

    def due(self, now: datetime) -> tuple[PlayerEvent, ...]:
        """Return what has happened up to now and was not said yet."""
        while (at := self.next_wake()) is not None and at <= now:
            if not self._step(now):
                break
        said, self._said = self._said, []
        return tuple(said)

    def next_wake(self) -> datetime | None:
        """Return when `due` next has something to say; None if nothing plays or is about to."""
        wakes = []
        if self._sounding is not None:
            wakes += [self._ends_at(self._sounding), self._sounding.progress_at]
        elif self._next:
            wakes.append(self._next[0].earliest)
        return min(wakes, default=None)

    def _move(self, step: timedelta) -> None:
        self._next = [replace(one, earliest=one.earliest + step) for one in self._next]
        if self._sounding is not None:
            self._sounding.started_at += step
            self._sounding.ends_at += step
            self._sounding.progress_at += step

    def _step(self, now: datetime) -> bool:
        sounding = self._sounding
        if sounding is None:
            if not self._next:
                return False
            upcoming = self._next.pop(0)
            self._begin(upcoming.wish, upcoming.earliest)
            return True
        ends_at = self._ends_at(sounding)
        if ends_at <= now:
            self._sounding = None
            played_ms = (ends_at - sounding.started_at) // _MILLISECOND
            self._said.append(Finished(sounding.broadcast_id, max(0, played_ms)))
            self._next = [_Next(one.wish, max(one.earliest, ends_at)) for one in self._next]
        else:
            sounding.progress_at += PROGRESS_EVERY
            self._said.append(Progress(sounding.broadcast_id, (now - sounding.started_at) // _MILLISECOND))
        return True

    def _begin(self, wish: StartPlaying, started_at: datetime) -> None:
        length = milliseconds(wish.item.duration_ms - wish.offset_ms)
        self._sounding = _Sounding(
            wish.item.broadcast_id, started_at, started_at + length, started_at + PROGRESS_EVERY
        )
        self._said.append(Started(wish.item.broadcast_id, started_at))

    def _ends_at(self, sounding: _Sounding) -> datetime:
        """Return when it ends: by itself, or when the next one cuts it."""
        if self._next and sounding.broadcast_id in self._next[0].wish.preempts:
            return min(sounding.ends_at, max(self._next[0].earliest, sounding.started_at))
        return sounding.ends_at

    def _drop(self, *broadcast_ids: str) -> None:
        kept = [one for one in self._next if one.wish.item.broadcast_id not in broadcast_ids]
        dropped, self._next = [one for one in self._next if one not in kept], kept
        self._said += [Finished(one.wish.item.broadcast_id, played_ms=0) for one in dropped]
