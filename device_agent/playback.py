"""What a gateway plays and when. Sans-I/O: (value, event, moment) → (value, effects).

Every step ends by doing what is due, so a shell may call any step at any time, early or twice. The rules,
from wire.md and architecture.md §1: an item sounds at most once and ends exactly once; a higher priority
pre-empts a lower one; of equals the first goes first and the next follows if still in time; what had begun
when the agent died is settled by what the journal knows and never begun again.
"""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from device_agent.clock_trust import Moment
from device_agent.effects import PlayerEffect, StopPlaying, Tell
from device_agent.entries import BEGUN, UNBEGUN, Cut, Entry, Stage, Trigger
from device_agent.instants import milliseconds
from device_agent.player_events import Failed, Finished, PlayerEvent, Progress, Started
from device_agent.starting import advance, next_wake
from device_agent.turn import PLAYED_SHARE_PERCENT, Playback, Turn
from wire.messages import Item
from wire.types import Event

__all__ = [
    "Playback",
    "Step",
    "cancel",
    "clips_changed",
    "clock_stepped",
    "next_wake",
    "on_time",
    "player_said",
    "restarted",
    "stop",
    "take_order",
    "take_plan",
]

Step = tuple[Playback, tuple[PlayerEffect | Tell, ...]]

STOPPED = Cut(Event.CANCELLED, reason="stopped")
CANCELLED = Cut(Event.CANCELLED, reason="cancelled")
NOT_IN_PLAN = Cut(Event.CANCELLED, reason="not_in_plan")


def on_time(playback: Playback, moment: Moment) -> Step:
    """Advance on the clock: cue, start, give up. Safe to call early or twice."""
    return advance(Turn(playback, moment))


def take_plan(playback: Playback, version: int, items: Iterable[Item], moment: Moment) -> Step:
    """Take a newer plan in place of the one before.

    What the old plan held, has not begun, is still in time and is missing now is cancelled; an item that
    changed before it began takes its new form; what sounds goes on.
    """
    turn = Turn(playback, moment)
    wanted = {item.broadcast_id: item for item in items}
    turn.tell(Event.PLAN_STORED, plan_version=version)
    for entry in turn.entries():
        if entry.in_plan and entry.broadcast_id not in wanted:
            _gone_from_plan(turn, entry)
    for item in wanted.values():
        if not turn.is_settled(item.broadcast_id):
            entry = _taken(turn, item)
            if not entry.in_plan:
                turn.put(replace(entry, in_plan=True))
    turn.forget_old()
    return advance(turn)


def take_order(playback: Playback, item: Item, moment: Moment, *, by_arrival: bool = False) -> Step:
    """Take one item ordered by itself; a broadcast that the plan holds too is one item.

    Args:
        playback: What is held.
        item: What was ordered.
        moment: The present.
        by_arrival: It is due now whatever its `start_at` says: an emergency, and no clock to judge it by.
    """
    turn = Turn(playback, moment)
    if not turn.is_settled(item.broadcast_id):
        entry = _taken(turn, item, moment.now if by_arrival else None)
        if not entry.ordered:
            turn.put(replace(entry, ordered=True))
    return advance(turn)


def stop(playback: Playback, broadcast_id: str | None, moment: Moment) -> Step:
    """Silence one broadcast for good, or, without an id, whatever is due or sounding now."""
    turn = Turn(playback, moment)
    if broadcast_id is not None:
        _stop_one(turn, broadcast_id)
    else:
        for entry in turn.entries():
            if entry.stage in BEGUN or entry.due_at <= moment.true_now:
                _stop_one(turn, entry.broadcast_id)
    return advance(turn)


def cancel(playback: Playback, broadcast_ids: Iterable[str], moment: Moment) -> Step:
    """See to it that these never begin; one that sounds goes on, for that is what stop is for."""
    turn = Turn(playback, moment)
    for broadcast_id in broadcast_ids:
        entry = turn.entry(broadcast_id)
        if entry is None:
            _entomb_unknown(turn, broadcast_id, "cancelled")
        elif entry.stage in UNBEGUN:
            turn.withdraw(entry, "cancelled")
        elif entry.stage is Stage.STARTING:
            _end(turn, entry, CANCELLED)
    return advance(turn)


def clips_changed(playback: Playback, here: frozenset[str], moment: Moment) -> Step:
    """Learn which clips are on disk with the right hash; items become ready, or wait again."""
    turn = Turn(playback, moment)
    turn.clips = here
    return advance(turn)


def player_said(playback: Playback, said: PlayerEvent, moment: Moment) -> Step:
    """Take in what the player says; about an item that has ended already it changes nothing."""
    turn = Turn(playback, moment)
    entry = turn.entry(said.broadcast_id)
    if entry is None or entry.stage not in BEGUN:
        return turn.done()
    match said:
        case Started(_, at):
            if entry.started_at is None:
                turn.put(replace(entry.moved(Trigger.FIRST_SAMPLE), started_at=at))
                turn.tell(Event.PLAYING, entry.broadcast_id, started_at=at)
        case Progress(_, played_ms):
            turn.put(replace(entry, played_ms=max(played_ms, entry.played_ms)))
        case Finished():
            _finished(turn, entry, said)
        case Failed():
            _failed(turn, entry, said)
    return advance(turn)


def restarted(playback: Playback, moment: Moment) -> Step:
    """Settle what the journal says had begun when the agent died; it never begins again."""
    turn = Turn(playback, moment)
    for entry in turn.entries():
        if entry.stage in BEGUN:
            # Begun without a word of its first sample: most likely nothing was heard, and nobody can know.
            event = Event.PARTIAL if entry.started_at is not None else Event.FAILED
            turn.settle(entry, Trigger.RESTARTED, event, reason="restarted", played_ms=entry.played_ms)
        elif entry.stage is Stage.READY:
            turn.put(entry.moved(Trigger.RESTARTED))
    turn.forget_old()
    return advance(turn)


def clock_stepped(playback: Playback, step_ms: int, moment: Moment) -> Step:
    """Move with the clock what was due by its arrival and not by the clock."""
    turn = Turn(playback, moment)
    for entry in turn.entries():
        if entry.due_at != entry.item.start_at and entry.stage in UNBEGUN:
            turn.put(replace(entry, due_at=entry.due_at + milliseconds(step_ms)))
    return advance(turn)


def _taken(turn: Turn, item: Item, due_at: datetime | None = None) -> Entry:
    """Return the entry of this item, new or in its newest form."""
    entry = turn.entry(item.broadcast_id)
    due_at = due_at or item.start_at
    if entry is None:
        return turn.add(item, due_at)
    if entry.stage in UNBEGUN and entry.item != item:
        if entry.broadcast_id in turn.cued:
            turn.cued -= {entry.broadcast_id}
            turn.do(StopPlaying(entry.broadcast_id))
        return turn.put(replace(entry, item=item, due_at=due_at))
    return entry


def _gone_from_plan(turn: Turn, entry: Entry) -> None:
    in_time = entry.give_up_at > turn.moment.true_now
    if entry.ordered or not in_time:
        turn.put(replace(entry, in_plan=False))
    elif entry.stage in UNBEGUN:
        turn.withdraw(entry, "not_in_plan")
    elif entry.stage is Stage.STARTING:
        _end(turn, entry, NOT_IN_PLAN)


def _stop_one(turn: Turn, broadcast_id: str) -> None:
    entry = turn.entry(broadcast_id)
    if entry is None:
        _entomb_unknown(turn, broadcast_id, "stopped")
    elif entry.stage in UNBEGUN:
        turn.withdraw(entry, "stopped")
    else:
        _end(turn, entry, STOPPED)


def _end(turn: Turn, entry: Entry, why: Cut) -> None:
    turn.cut(entry, why)
    turn.do(StopPlaying(entry.broadcast_id))


def _entomb_unknown(turn: Turn, broadcast_id: str, reason: str) -> None:
    """Never begin what has not arrived yet, and say at once that it will not: that is its one end."""
    if not turn.is_settled(broadcast_id):
        turn.entomb(broadcast_id)
        turn.tell(Event.CANCELLED, broadcast_id, reason=reason)


def _finished(turn: Turn, entry: Entry, said: Finished) -> None:
    cut = entry.cut
    if entry.started_at is None and cut is not None and cut.event is Event.PREEMPTED:
        turn.put(replace(entry.moved(Trigger.YIELDED), cut=None))
        return
    facts = {"played_ms": said.played_ms, "underruns": said.underruns, "peak_db": said.peak_db}
    if said.played_ms and said.played_ms * 100 >= entry.expected_ms * PLAYED_SHARE_PERCENT:
        turn.settle(entry, Trigger.ENDED, Event.PLAYED, **facts)
    elif cut is not None:
        turn.settle(entry, Trigger.ENDED, cut.event, reason=cut.reason, by=cut.by, **facts)
    elif said.played_ms:
        turn.settle(entry, Trigger.ENDED, Event.PARTIAL, reason="ended_early", **facts)
    else:
        turn.settle(entry, Trigger.ENDED, Event.FAILED, reason="no_sound", **facts)


def _failed(turn: Turn, entry: Entry, said: Failed) -> None:
    event = Event.PARTIAL if said.played_ms else Event.FAILED
    facts = {"played_ms": said.played_ms, "underruns": said.underruns, "peak_db": said.peak_db}
    turn.settle(entry, Trigger.ENDED, event, reason=said.reason, **facts)
    for other in turn.entries():
        if other.cut is not None and other.cut.by == entry.broadcast_id:
            turn.put(replace(other.moved(Trigger.SPARED), cut=None))
