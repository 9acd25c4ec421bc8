"""What a gateway shows of itself: clips it needs, its state, its health. Pure."""

from dataclasses import dataclass
from datetime import datetime

from device_agent.effects import Want
from device_agent.entries import Entry, Stage
from device_agent.turn import Playback
from wire.messages import ClipRef, Health, LiveSource, State
from wire.types import ClockVoucher, DiskState


@dataclass(frozen=True, slots=True)
class Seen:
    """What state and health are made of."""

    boot: str
    agent_version: str
    plan_version: int
    clock_offset_ms: int | None
    clock_vouched_by: ClockVoucher | None
    volume_percent: int
    playback: Playback
    underruns: int
    last_peak_db: float | None


@dataclass(frozen=True, slots=True)
class Kept:
    """How the journal is."""

    disk: DiskState | None
    error: str | None
    reports_waiting: int
    reports_unsaved: int


def wanted_clips(playback: Playback) -> tuple[Want, ...]:
    """Return every clip that something held needs, each with its earliest use, nearest first."""
    nearest: dict[str, Want] = {}
    for entry in sorted(playback.entries.values(), key=_needed_at):
        for clip in entry.item.clips:
            nearest.setdefault(clip.sha256, Want(clip.sha256, clip.size_bytes, _needed_at(entry)))
    return tuple(nearest.values())


def _needed_at(entry: Entry) -> datetime:
    """Return when its clips are needed, by the real time: our own clock dates what is due on arrival."""
    return min(entry.due_at, entry.item.start_at)


def pinned_clips(playback: Playback) -> tuple[ClipRef, ...]:
    """Return the prepared warnings that the signed configuration names."""
    return () if playback.guards.config is None else playback.guards.config.pinned


def live_sources(playback: Playback, ahead: tuple[LiveSource, ...] = ()) -> tuple[LiveSource, ...]:
    """Return the live sessions to listen to: of everything held, and of those that may speak in a moment.

    What an order says of a session counts more than what a beat said: the order has the emergency's key.
    """
    ordered = {entry.item.live for entry in playback.entries.values() if entry.item.live is not None}
    sources = {source.session: source for source in (*ahead, *ordered)}
    return tuple(sources[session] for session in sorted(sources))


def sounding(playback: Playback) -> str | None:
    """Return the broadcast that is heard now; of two during a fade the higher one."""
    heard = [
        entry
        for entry in playback.entries.values()
        if entry.started_at is not None and entry.stage in (Stage.PLAYING, Stage.ENDING)
    ]
    return max(heard, key=lambda entry: entry.rank).broadcast_id if heard else None


def next_start_at(playback: Playback) -> datetime | None:
    """Return when the next item is due, or was and still waits; None if none is held."""
    return min((entry.due_at for entry in playback.entries.values()), default=None)


def state_of(seen: Seen, now: datetime) -> State:
    """Return the state to publish, retained."""
    return State(
        online=True,
        boot=seen.boot,
        at=now,
        agent_version=seen.agent_version,
        plan_version=seen.plan_version,
        config_version=seen.playback.guards.version,
        clock_offset_ms=seen.clock_offset_ms,
        playing=sounding(seen.playback),
        volume_percent=seen.volume_percent,
    )


OFFSET_MATTERS_MS = 5_000
"""A clock that moves against the controller's by less is told with the next health, each minute."""


def same_state(told: State, seen: Seen) -> bool:
    """Whether a state that was told is still true in what matters to whoever watches."""
    if abs((told.clock_offset_ms or 0) - (seen.clock_offset_ms or 0)) >= OFFSET_MATTERS_MS:
        return False
    return (told.playing, told.plan_version, told.config_version, told.volume_percent) == (
        sounding(seen.playback),
        seen.plan_version,
        seen.playback.guards.version,
        seen.volume_percent,
    )


def health_of(seen: Seen, kept: Kept, now: datetime) -> Health:
    """Return the health as far as it can be known without asking the box."""
    needed = {want.sha256 for want in wanted_clips(seen.playback)}
    needed |= {clip.sha256 for clip in pinned_clips(seen.playback)}
    return Health(
        at=now,
        boot=seen.boot,
        clock_offset_ms=seen.clock_offset_ms,
        clock_vouched_by=seen.clock_vouched_by,
        volume_percent=seen.volume_percent,
        output_peak_db=seen.last_peak_db,
        underruns=seen.underruns,
        plan_version=seen.plan_version,
        clips_missing=len(needed - seen.playback.clips),
        disk=kept.disk,
        reports_waiting=kept.reports_waiting,
        reports_unsaved=kept.reports_unsaved,
        last_error=None if kept.error is None else f"journal: {kept.error}"[:300],
    )
