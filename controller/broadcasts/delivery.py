"""One broadcast on its way to one gateway: what each piece of news makes of it.

All that decides a delivery's state is in this file, and nothing here reads a clock or a database. One step
is so plain that a statement for ten thousand rows takes it directly: what is `planned` becomes `sent` when it
was handed to the broker (`controller.outbox.due`). Two rules:

1. A delivery settles once, by the gateway's word. What the controller had to settle without it may be
   amended by the gateway's journal later, and the history keeps both: `unknown`, which is not an end but the
   admission that the deadline passed without a word, and what seemed never to have been handed over.
2. News that the table does not list is late or repeated. That is normal on MQTT and has no effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from wire.messages import RESUME_LIMIT_MS
from wire.types import Event, Sound


class Route(StrEnum):
    """How a delivery reaches its gateway."""

    PLAN = "plan"
    ORDER = "order"


class DeliveryState(StrEnum):
    """Where a delivery is; `wire.md` names them, the officer's screen shows every one in words."""

    PLANNED = "planned"
    SENT = "sent"
    RECEIVED = "received"
    READY = "ready"
    PLAYING = "playing"
    PLAYED = "played"
    PARTIAL = "partial"
    FAILED = "failed"
    REJECTED = "rejected"
    PREEMPTED = "preempted"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    MISSED = "missed"
    UNKNOWN = "unknown"


_S = DeliveryState

OPEN = frozenset({_S.PLANNED, _S.SENT, _S.RECEIVED, _S.READY, _S.PLAYING})
TERMINAL = frozenset(_S) - OPEN - {_S.UNKNOWN}
SETTLED = TERMINAL | {_S.UNKNOWN}
SOUNDED = frozenset({_S.PLAYING, _S.PLAYED, _S.PARTIAL, _S.PREEMPTED})
"""It sounds, or has sounded as far as it came. A cancelled one may have as well: it then has a start."""

_ENDS: Mapping[Event, DeliveryState] = {
    Event.PLAYED: _S.PLAYED,
    Event.PARTIAL: _S.PARTIAL,
    Event.FAILED: _S.FAILED,
    Event.REJECTED: _S.REJECTED,
    Event.PREEMPTED: _S.PREEMPTED,
    Event.CANCELLED: _S.CANCELLED,
    Event.EXPIRED: _S.EXPIRED,
    Event.MISSED: _S.MISSED,
}

AFTER: Mapping[DeliveryState, Mapping[Event, DeliveryState]] = {
    _S.PLANNED: {
        Event.RECEIVED: _S.RECEIVED,
        Event.PLAN_STORED: _S.RECEIVED,
        Event.READY: _S.READY,
        Event.PLAYING: _S.PLAYING,
        **_ENDS,
    },
    _S.SENT: {
        Event.RECEIVED: _S.RECEIVED,
        Event.PLAN_STORED: _S.RECEIVED,
        Event.READY: _S.READY,
        Event.PLAYING: _S.PLAYING,
        **_ENDS,
    },
    _S.RECEIVED: {Event.READY: _S.READY, Event.PLAYING: _S.PLAYING, **_ENDS},
    _S.READY: {Event.PLAYING: _S.PLAYING, **_ENDS},
    _S.PLAYING: {Event.PAUSED: _S.PLAYING, Event.RESUMED: _S.PLAYING, **_ENDS},
    _S.UNKNOWN: dict(_ENDS),
}
"""Any pair not listed is without effect. From `planned`, a report can come first: the controller may have
been killed between sending and noting that it had sent."""

NEVER_SENT = "never_sent"
WITHDRAWN = "withdrawn"
WITHOUT_A_WORD = frozenset({(_S.EXPIRED, NEVER_SENT), (_S.CANCELLED, WITHDRAWN)})
"""Settled by the controller alone: it may have been killed after it sent and before it noted that it had."""

PLAYED_SHARE = 0.98
"""A gateway that wrote less than this of what was expected has not played it, whatever it says."""

GRACE = timedelta(seconds=100)
"""How long after the last possible sound we wait for a word (EN 54-16: a fault is shown within 100 s)."""


@dataclass(frozen=True, slots=True)
class News:
    """What a report says about one delivery."""

    event: Event
    at: datetime
    reason: str | None = None
    started_at: datetime | None = None
    played_ms: int | None = None
    expected_ms: int | None = None
    underruns: int | None = None
    peak_db: float | None = None
    rms_db: float | None = None
    sound: Sound | None = None
    sound_confidence: float | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """A delivery's state as a value, replaced and never changed."""

    state: DeliveryState
    deadline_at: datetime
    reason: str | None = None
    received_at: datetime | None = None
    ready_at: datetime | None = None
    started_at: datetime | None = None
    settled_at: datetime | None = None
    played_ms: int | None = None
    expected_ms: int | None = None
    underruns: int | None = None
    peak_db: float | None = None
    rms_db: float | None = None
    sound: Sound | None = None
    sound_confidence: float | None = None
    preempted_by: str | None = None


def deadline(start_at: datetime, late_limit_ms: int, duration_ms: int) -> datetime:
    """Return the instant after which silence means `unknown`."""
    return start_at + timedelta(milliseconds=late_limit_ms + duration_ms) + GRACE


def on_news(progress: Progress, news: News) -> Progress:
    """Apply one report. Returns the same value when it says nothing new."""
    state = progress.state if (progress.state, progress.reason) not in WITHOUT_A_WORD else _S.UNKNOWN
    new = AFTER.get(state, {}).get(news.event)
    if new is None:
        return progress
    if news.event is Event.PAUSED:
        return replace(progress, deadline_at=max(progress.deadline_at, _paused_until(news)))
    reason = news.reason
    if new is _S.PLAYED and not _really_played(news):
        new, reason = _S.PARTIAL, news.reason or "too_short"
    settled = new in TERMINAL
    return replace(
        progress,
        state=new,
        reason=reason,
        received_at=progress.received_at or news.at,
        ready_at=progress.ready_at or (news.at if new in {_S.READY, _S.PLAYING} else None),
        started_at=news.started_at or progress.started_at,
        settled_at=news.at if settled else None,
        played_ms=_first(news.played_ms, progress.played_ms),
        expected_ms=_first(news.expected_ms, progress.expected_ms),
        underruns=_first(news.underruns, progress.underruns),
        peak_db=news.peak_db if news.peak_db is not None else progress.peak_db,
        rms_db=news.rms_db if settled else progress.rms_db,
        sound=news.sound if settled else progress.sound,
        sound_confidence=news.sound_confidence if settled else progress.sound_confidence,
        preempted_by=news.by or progress.preempted_by,
    )


def on_time(progress: Progress, now: datetime) -> Progress:
    """Give up waiting once the deadline is over. Safe to call early, late or twice."""
    if progress.state not in OPEN or now < progress.deadline_at:
        return progress
    if progress.state is _S.PLANNED:
        return replace(progress, state=_S.EXPIRED, reason=NEVER_SENT, settled_at=now)
    return replace(progress, state=_S.UNKNOWN, reason="no_word", settled_at=now)


def on_withdrawn(progress: Progress, now: datetime) -> Progress:
    """Cancel what no gateway has heard of. Anything further along waits for the gateway's own word."""
    if progress.state is not _S.PLANNED:
        return progress
    return replace(progress, state=_S.CANCELLED, reason=WITHDRAWN, settled_at=now)


def _paused_until(news: News) -> datetime:
    """Return when silence means `unknown` for something that was cut off and may come back."""
    left_ms = max(0, (news.expected_ms or 0) - (news.played_ms or 0))
    return news.at + timedelta(milliseconds=RESUME_LIMIT_MS + left_ms) + GRACE


def _really_played(news: News) -> bool:
    if news.played_ms is None or not news.expected_ms:
        return False
    return news.played_ms >= PLAYED_SHARE * news.expected_ms


def _first(new: int | None, old: int | None) -> int | None:
    return new if new is not None else old
