"""What becomes of an item when the player is through with it, or it must not go on. Pure."""

from msgspec import structs

from device_agent.entries import Cut, Entry, Heard, Stage, Trigger
from device_agent.instants import milliseconds
from device_agent.player_events import Failed, Finished
from device_agent.turn import PLAYED_SHARE_PERCENT, Turn
from wire.types import AfterPreemption, Event

FADE_MS = 50
"""wire.md's fade: what was faded was not understood, so an item that comes back begins before it."""

SILENT_DB = -60.0
"""Peak up to which nobody can have heard anything: an empty recording, or a gateway that is muted. Silence is
never success (architecture.md §1)."""


def finished(turn: Turn, entry: Entry, said: Finished) -> None:
    """Settle an item that ended or was ended, or let it make way for another."""
    cut = entry.cut
    heard = entry.heard(said.played_ms, said.underruns, said.peak_db)
    if cut is not None and cut.may_return and _makes_way(turn, entry, cut, heard):
        return
    evidence = _evidence(entry, said)
    expected_ms = entry.expected_ms
    if entry.item.live is not None:
        # How long it would be nobody knew: it is whole when whoever spoke says that it is over.
        expected_ms = heard.played_ms if cut is None else 0
        evidence["expected_ms"] = expected_ms or None
    if _whole(heard.played_ms, expected_ms):
        if heard.peak_db is not None and heard.peak_db <= SILENT_DB:
            _settle(turn, entry, Event.FAILED, heard, reason="silent", **evidence)
        else:
            _settle(turn, entry, Event.PLAYED, heard, **evidence)
    elif cut is not None:
        _settle(turn, entry, cut.event, heard, reason=cut.reason, by=cut.by, **evidence)
    elif heard.played_ms:
        _settle(turn, entry, Event.PARTIAL, heard, reason="ended_early", **evidence)
    elif entry.item.live is not None:
        # Let go within the announcement, or before a word: the horn is not to blame.
        _settle(turn, entry, Event.CANCELLED, heard, reason="nothing_said", **evidence)
    else:
        _settle(turn, entry, Event.FAILED, heard, reason="no_sound", **evidence)


def failed(turn: Turn, entry: Entry, said: Failed) -> None:
    """Settle an item that could not be played, or not to its end."""
    heard = entry.heard(said.played_ms, said.underruns, said.peak_db)
    event = Event.PARTIAL if heard.played_ms else Event.FAILED
    evidence = _evidence(entry, said)
    if entry.item.live is not None:
        evidence["expected_ms"] = None
    _settle(turn, entry, event, heard, reason=said.reason, **evidence)


def end_paused(turn: Turn, entry: Entry, trigger: Trigger, cut: Cut) -> None:
    """Settle an item that was cut off and will not come back."""
    turn.settle(entry, trigger, cut.event, reason=cut.reason, by=cut.by, **structs.asdict(entry.heard(0)))


def _settle(turn: Turn, entry: Entry, event: Event, heard: Heard, **facts: object) -> None:
    turn.settle(entry, Trigger.ENDED, event, **structs.asdict(heard), **facts)


def _evidence(entry: Entry, said: Finished | Failed) -> dict[str, object]:
    """Return what else the player and the probe say of an item that has begun."""
    if entry.started_at is None:
        return {}
    # Of an item that was cut off and went on, the player knows the level of its last stretch only.
    rms_db = said.rms_db if entry.resumed_ms is None else None
    return {"rms_db": rms_db, "sound": said.sound, "sound_confidence": said.sound_confidence}


def _makes_way(turn: Turn, entry: Entry, cut: Cut, heard: Heard) -> bool:
    """Let an item that was cut off wait for its turn again, if its order allows that."""
    if entry.is_unheard:
        turn.spare_those_making_way_for(entry.broadcast_id)
    if entry.started_at is None:
        turn.put(structs.replace(entry.moved(Trigger.YIELDED), cut=None))
        return True
    after = entry.item.after_preemption if entry.item.live is None else AfterPreemption.DROP
    if after is AfterPreemption.DROP or _whole(heard.played_ms, entry.expected_ms):
        return False
    resumed_ms = 0
    if after is AfterPreemption.RESUME:
        resumed_ms = max(entry.place_ms, entry.offset_ms + heard.played_ms - FADE_MS)
    turn.pause(entry, cut, resumed_ms, heard)
    return True


def _whole(played_ms: int, expected_ms: int) -> bool:
    return played_ms > 0 and played_ms * 100 >= expected_ms * PLAYED_SHARE_PERCENT


def forbidden(turn: Turn, entry: Entry, reason: str) -> None:
    """Settle an item that this gateway's own guards do not let sound; staff see it as a security event."""
    if entry.stage is Stage.PAUSED:
        by = None if entry.cut is None else entry.cut.by
        end_paused(turn, entry, Trigger.FORBIDDEN, Cut(Event.PREEMPTED, reason=reason, by=by))
    else:
        late_ms = max(milliseconds(0), turn.moment.now - entry.due_at) // milliseconds(1)
        detail = f"{late_ms} ms late" if late_ms else None
        turn.settle(entry, Trigger.FORBIDDEN, Event.REJECTED, reason=reason, detail=detail)
