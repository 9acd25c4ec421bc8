"""What a gateway plays and when. Sans-I/O: (value, event, moment) → (value, effects).

Every step ends by doing what is due, so a shell may call any step at any time, early or twice. The rules,
from wire.md and architecture.md §1: an item sounds at most once and ends exactly once; a higher priority
pre-empts a lower one, which comes back after it if its order says so; of equals the first goes first and
the next follows if still in time; what had begun when the agent died is settled by what the journal knows
and never begun again.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from device_agent.clock_trust import Moment
from device_agent.effects import PlayerEffect, StopPlaying, Tell
from device_agent.ending import end_paused, failed, finished
from device_agent.entries import BEGUN, UNBEGUN, Cut, Entry, Stage, Trigger
from device_agent.guards import Guards
from device_agent.instants import milliseconds
from device_agent.player_events import Failed, Finished, PlayerEvent, Progress, Started
from device_agent.starting import advance, next_wake
from device_agent.turn import Playback, Turn
from wire.messages import Item, Plan
from wire.types import Event, Priority

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
    "take_guards",
    "take_order",
    "take_plan",
]

Step = tuple[Playback, tuple[PlayerEffect | Tell, ...]]

STOPPED = Cut(Event.CANCELLED, reason="stopped")
CANCELLED = Cut(Event.CANCELLED, reason="cancelled")
RESTARTED = Cut(Event.PARTIAL, reason="restarted")
NOT_IN_PLAN = Cut(Event.CANCELLED, reason="not_in_plan")


def on_time(playback: Playback, moment: Moment) -> Step:
    """Advance on the clock: cue, start, give up. Safe to call early or twice."""
    return advance(Turn(playback, moment))


def take_plan(playback: Playback, plan: Plan, moment: Moment) -> Step:
    """Take a newer plan in place of the one before.

    What the old plan held, has not begun, is still in time and is missing now is cancelled; an item that
    changed before it began takes its new form; what sounds goes on. Of what starts after the plan's end it
    says nothing: that stays as an earlier plan had it.
    """
    turn = Turn(playback, moment)
    wanted = {item.broadcast_id: item for item in plan.items}
    turn.tell(Event.PLAN_STORED, plan_version=plan.version)
    for entry in turn.entries():
        covered = entry.item.start_at < plan.until_at
        if entry.in_plan and covered and entry.broadcast_id not in wanted:
            _gone_from_plan(turn, entry)
    for item in wanted.values():
        if not turn.is_settled(item.broadcast_id):
            entry = _taken(turn, item)
            due_at = entry.due_at if entry.ordered else _planned_at(turn, item)
            if not entry.in_plan or (entry.stage in UNBEGUN and entry.due_at != due_at):
                turn.put(replace(entry, in_plan=True, due_at=due_at))
    turn.forget_old()
    return advance(turn)


def take_order(
    playback: Playback,
    item: Item,
    moment: Moment,
    *,
    by_arrival: timedelta | None = None,
    at_once: bool = False,
) -> Step:
    """Take one item ordered by itself; a broadcast that the plan holds too is one item.

    Args:
        playback: What is held.
        item: What was ordered.
        moment: The present.
        by_arrival: An emergency, and no clock to judge it by: it is due so long after its arrival, whatever
            its `start_at` says.
        at_once: It was due when it was ordered; a clock of ours that is slow must not make it wait.
    """
    turn = Turn(playback, moment)
    if not turn.is_settled(item.broadcast_id):
        entry = _taken(turn, item)
        if not entry.ordered:
            entry = turn.put(replace(entry, ordered=True))
        if by_arrival is not None and entry.stage in UNBEGUN:
            turn.put(replace(entry, due_at=moment.now + by_arrival, by_arrival=True))
        elif at_once and entry.stage in UNBEGUN and entry.due_at > moment.now:
            turn.put(replace(entry, due_at=moment.now))
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


def cancel(
    playback: Playback, broadcast_ids: Iterable[str], moment: Moment, *, sounding: bool = False
) -> Step:
    """See to it that these never begin; one that sounds goes on unless `sounding` says otherwise."""
    turn = Turn(playback, moment)
    for broadcast_id in broadcast_ids:
        entry = turn.entry(broadcast_id)
        if entry is None:
            _entomb_unknown(turn, broadcast_id, "cancelled")
        elif entry.stage in UNBEGUN:
            turn.withdraw(entry, "cancelled")
        elif entry.stage is Stage.PAUSED:
            end_paused(turn, entry, Trigger.WITHDRAWN, CANCELLED)
        elif entry.stage is Stage.STARTING or sounding:
            _end(turn, entry, CANCELLED)
    return advance(turn)


def take_guards(playback: Playback, guards: Guards, moment: Moment) -> Step:
    """Keep to a newer configuration from now on; what sounds goes on, what waits may move by its offset."""
    turn = Turn(playback, moment)
    turn.guards = guards
    for entry in turn.entries():
        if entry.in_plan and entry.stage in UNBEGUN and not entry.by_arrival:
            turn.put(replace(entry, due_at=_planned_at(turn, entry.item)))
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
            _started(turn, entry, at)
        case Progress(_, played_ms):
            turn.put(replace(entry, played_ms=max(played_ms, entry.played_ms)))
        case Finished():
            finished(turn, entry, said)
        case Failed():
            failed(turn, entry, said)
    return advance(turn)


def restarted(playback: Playback, moment: Moment, *, blind: bool = False) -> Step:
    """Settle what the journal says had begun when the agent died; it never begins again.

    Args:
        playback: What is held.
        moment: The present.
        blind: The journal may not say all: the disk refuses, or has lost it.
    """
    turn = Turn(playback, moment)
    turn.blind_since = moment.now if blind else None
    for entry in turn.entries():
        if entry.stage is Stage.PAUSED:
            end_paused(turn, entry, Trigger.RESTARTED, RESTARTED)
        elif entry.stage in BEGUN:
            # Begun without a word of its first sample: most likely nothing was heard, and nobody can know.
            event = Event.PARTIAL if entry.started_at is not None else Event.FAILED
            heard = entry.heard(entry.played_ms)
            turn.settle(entry, Trigger.RESTARTED, event, reason="restarted", played_ms=heard.played_ms)
        elif entry.stage is Stage.READY:
            turn.put(entry.moved(Trigger.RESTARTED))
    turn.forget_old()
    return advance(turn)


def clock_stepped(playback: Playback, step_ms: int, moment: Moment, *, was_right: bool) -> Step:
    """Move with the clock what is due by its arrival and not by the clock.

    So is from now on every emergency that waits, if the clock was known to be right until it was set: an
    order to warn at once is neither ten minutes late by then nor has it ten minutes to go.
    """
    turn = Turn(playback, moment)
    if turn.blind_since is not None:
        turn.blind_since += milliseconds(step_ms)
    for entry in turn.entries():
        keeps_its_moment = entry.by_arrival or (entry.is_emergency and was_right)
        if keeps_its_moment and entry.stage in UNBEGUN:
            turn.put(replace(entry, due_at=entry.due_at + milliseconds(step_ms), by_arrival=True))
    return advance(turn)


def _taken(turn: Turn, item: Item) -> Entry:
    """Return the entry of this item, new or in its newest form."""
    entry = turn.entry(item.broadcast_id)
    if entry is None:
        for broadcast_id in item.supersedes:
            _superseded(turn, broadcast_id, item)
        return turn.add(item)
    if entry.stage in UNBEGUN and entry.item != item:
        if entry.broadcast_id in turn.cued:
            turn.cued -= {entry.broadcast_id}
            turn.do(StopPlaying(entry.broadcast_id))
        return turn.put(replace(entry, item=item, due_at=item.start_at, by_arrival=False))
    return entry


def _superseded(turn: Turn, broadcast_id: str, item: Item) -> None:
    """Let what has not begun never begin. What sounds goes on until its successor really begins."""
    entry = turn.entry(broadcast_id)
    if broadcast_id == item.broadcast_id or (entry is not None and entry.rank > item.priority.rank):
        return
    if entry is None:
        if item.priority is Priority.EMERGENCY:
            _entomb_unknown(turn, broadcast_id, "superseded")
    elif entry.stage in UNBEGUN:
        turn.withdraw(entry, "superseded")
    elif entry.stage is Stage.PAUSED:
        cut = Cut(Event.PREEMPTED, reason="superseded", by=item.broadcast_id)
        end_paused(turn, entry, Trigger.WITHDRAWN, cut)


def _planned_at(turn: Turn, item: Item) -> datetime:
    return item.start_at + turn.guards.start_offset


def _started(turn: Turn, entry: Entry, at: datetime) -> None:
    """Note the first sample of a stretch; hearing of it twice changes nothing."""
    if entry.started_at is None:
        started_at = turn.moment.truly(at)
        turn.put(replace(entry.moved(Trigger.FIRST_SAMPLE), started_at=started_at, segment_at=at))
        turn.tell(Event.PLAYING, entry.broadcast_id, started_at=started_at)
    elif entry.stage is Stage.STARTING or (entry.stage is Stage.ENDING and entry.paused_at is not None):
        turn.put(replace(entry.moved(Trigger.FIRST_SAMPLE), segment_at=at, paused_at=None))
        turn.tell(Event.RESUMED, entry.broadcast_id, started_at=turn.moment.truly(at))


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
    elif entry.stage is Stage.PAUSED:
        end_paused(turn, entry, Trigger.WITHDRAWN, STOPPED)
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
