"""Which items begin at a moment, which give up, and when to look again. Pure; part of the machine.

An item is opened ahead (`Cue`), then written into the journal as begun and handed to the player a little
before its start, so that the first sample never waits for a disk.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from device_agent.clock_trust import Moment
from device_agent.effects import Cue, PlayerEffect, StartPlaying, StopPlaying, Tell
from device_agent.ending import end_paused, forbidden
from device_agent.entries import BEGUN, TOLERANCE_MS, UNBEGUN, Cut, Entry, Stage, Trigger
from device_agent.instants import milliseconds
from device_agent.turn import Playback, Turn
from wire.lateness import Play, Skip
from wire.types import Event

CUE_AHEAD = timedelta(milliseconds=1_500)
COMMIT_AHEAD = timedelta(milliseconds=500)
"""Time for one fsync and for the sound device's own buffer. A power cut within it costs the item."""

MAX_CUED = 3
"""Opened items hold a decoder each; more than these cannot be next."""

JOIN_AHEAD_MS = 300
"""A joined item is given a start just ahead, so that its place in the middle is exact."""


def advance(turn: Turn) -> tuple[Playback, tuple[PlayerEffect | Tell, ...]]:
    """Do all that is due at the turn's moment and finish the turn."""
    _leave_open(turn)
    _note_clips(turn)
    _give_up(turn)
    _cue(turn)
    _start(turn)
    return turn.done()


def next_wake(playback: Playback, moment: Moment) -> datetime | None:
    """Return when `advance` next has something to do, by the wall clock; None if only an event can tell."""
    wakes: list[datetime] = []
    wrong_by = moment.true_now - moment.now
    for entry in playback.entries.values():
        if entry.stage is Stage.PAUSED:
            wakes.append(entry.give_up_at)
        if entry.stage in UNBEGUN:
            wakes.append(entry.give_up_at - (timedelta() if entry.is_emergency else wrong_by))
        if entry.stage is Stage.READY and _may_start(entry, moment):
            wakes.extend((entry.due_at - CUE_AHEAD, entry.due_at - COMMIT_AHEAD))
    return min((at for at in wakes if at > moment.now), default=None)


def _leave_open(turn: Turn) -> None:
    """Let alone what an earlier run may have let sound without a line in the journal (ADR 7).

    An emergency is worth the risk of being heard twice; nothing else is.
    """
    if turn.blind_since is None:
        return
    for entry in turn.entries():
        if entry.stage in UNBEGUN and entry.due_at <= turn.blind_since and not entry.is_emergency:
            turn.leave_open(entry)


def _note_clips(turn: Turn) -> None:
    ready: list[str] = []
    for entry in turn.entries():
        if entry.stage not in UNBEGUN:
            continue
        complete = all(clip.sha256 in turn.clips for clip in entry.item.clips)
        if complete and entry.stage is Stage.WAITING:
            turn.put(replace(entry.moved(Trigger.CLIPS_COMPLETE), told_ready=True))
            if not entry.told_ready:
                ready.append(entry.broadcast_id)
        elif not complete and entry.stage is Stage.READY:
            turn.put(entry.moved(Trigger.CLIP_LOST))
            if entry.broadcast_id in turn.cued:  # what was opened is of the clip that was lost
                turn.cued -= {entry.broadcast_id}
                turn.do(StopPlaying(entry.broadcast_id))
    if ready:
        turn.tell(Event.READY, *ready)


def _give_up(turn: Turn) -> None:
    for entry in turn.entries():
        if entry.stage is Stage.PAUSED and turn.moment.now >= entry.give_up_at:
            end_paused(turn, entry, Trigger.GIVEN_UP, entry.cut or Cut(Event.PREEMPTED))
        if entry.stage not in UNBEGUN or entry.due_at > _judged(entry, turn.moment):
            continue
        if isinstance(entry.decide(_judged(entry, turn.moment)), Skip):
            turn.settle(entry, Trigger.GIVEN_UP, Event.MISSED, reason=_missed_because(turn, entry))


def _missed_because(turn: Turn, entry: Entry) -> str:
    if entry.stage is Stage.WAITING:
        return "clip_missing"
    if not _may_start(entry, turn.moment):
        return "clock_untrusted"
    if any(other.stage in BEGUN for other in turn.entries()):
        return "busy"
    return "late"


def _cue(turn: Turn) -> None:
    for entry in _due(turn, CUE_AHEAD):
        if entry.stage is Stage.PAUSED:
            continue
        if entry.broadcast_id not in turn.cued and len(turn.cued) < MAX_CUED:
            turn.cued |= {entry.broadcast_id}
            turn.do(Cue(entry.item))


def _start(turn: Turn) -> None:
    for entry in _due(turn, COMMIT_AHEAD):
        _start_if_free(turn, entry)


def _due(turn: Turn, ahead: timedelta) -> list[Entry]:
    """Return what is ready and due so long ahead, who goes first first."""
    due = [
        entry
        for entry in turn.entries()
        if (entry.stage is Stage.READY or _may_return(turn, entry))
        and entry.due_at <= turn.moment.now + ahead
        and _may_start(entry, turn.moment)
    ]
    return sorted(due, key=lambda entry: (-entry.rank, entry.due_at, entry.arrived))


def _may_return(turn: Turn, entry: Entry) -> bool:
    return entry.stage is Stage.PAUSED and all(clip.sha256 in turn.clips for clip in entry.item.clips)


def _start_if_free(turn: Turn, entry: Entry) -> None:
    """Start it if nothing of its rank or higher is in the way longer than nobody's fault."""
    losers = [other for other in turn.begun if _makes_way(other, entry)]
    ahead = [other for other in turn.active if other not in losers]
    free_by = max(entry.due_at, turn.moment.now) + milliseconds(TOLERANCE_MS)
    if len(ahead) > 1 or any(other.ends_at > free_by for other in ahead):
        return
    begin = _beginning(turn, entry)
    if begin is None:
        return
    at, place_ms = begin
    reason = turn.guards.forbids(entry, max(at, turn.moment.now))
    if reason is not None:
        forbidden(turn, entry, reason)
        return
    for loser in losers:
        replaced = loser.broadcast_id in entry.item.supersedes
        reason = "superseded" if replaced else None
        turn.cut(loser, Cut(Event.PREEMPTED, reason=reason, by=entry.broadcast_id, may_return=not replaced))
    started = entry.moved(Trigger.ITS_TIME)
    if entry.stage is Stage.READY:
        started = replace(started, offset_ms=place_ms)
    turn.put(replace(started, segment_at=max(at, turn.moment.now), cut=None))
    turn.cued -= {entry.broadcast_id}
    turn.do(StartPlaying(entry.item, at, place_ms, tuple(loser.broadcast_id for loser in losers)))


def _makes_way(other: Entry, entry: Entry) -> bool:
    if other.rank == entry.rank:
        return other.broadcast_id in entry.item.supersedes
    return other.rank < entry.rank


def _beginning(turn: Turn, entry: Entry) -> tuple[datetime, int] | None:
    """Return when and where in the item it begins or goes on; None if it does not."""
    now = turn.moment.now
    if entry.stage is Stage.PAUSED:
        return now, entry.place_ms
    decision = entry.decide(max(now, entry.due_at))
    if not isinstance(decision, Play):
        return None
    at, offset_ms = entry.due_at, decision.offset_ms
    if offset_ms:
        at, offset_ms = now + milliseconds(JOIN_AHEAD_MS), offset_ms + JOIN_AHEAD_MS
    return None if offset_ms >= entry.item.duration_ms else (at, offset_ms)


def _may_start(entry: Entry, moment: Moment) -> bool:
    return moment.trusted or entry.is_emergency


def _judged(entry: Entry, moment: Moment) -> datetime:
    """Return the clock by which this item is late: an emergency's is the one it came by."""
    return moment.now if entry.is_emergency else moment.true_now
