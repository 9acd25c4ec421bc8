"""An emergency's sounds: one broadcast for each repeat, ordered of each gateway under the emergency key."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from sqlmodel import Session

from controller.areas.models import Area
from controller.broadcasts.delivery import Route
from controller.broadcasts.models import Broadcast
from controller.broadcasts.playing import item_of
from controller.broadcasts.service import add_deliveries
from controller.columns import new_id
from controller.emergencies.models import Emergency
from controller.outbox.models import OrderKind
from controller.outbox.service import put_order
from controller.warnings.catalogue import clips_if_prepared, sounds_of
from wire.messages import ClipRef, LiveSource
from wire.types import AfterPreemption, LatenessPolicy, Mode, Priority

STAYS_VALID = timedelta(minutes=10)
"""A gateway that comes back within this still says it."""
LIVE_STAYS_VALID = timedelta(seconds=20)
"""A gateway that comes back later than this would only hear the end of it."""
SETTLING = timedelta(milliseconds=300)
"""Between the announcement of a test and the voice that is tested."""

ANNOUNCEMENTS = {
    Mode.TEST: ("test_opening", "test_closing"),
    Mode.DRILL: ("drill_opening", "drill_closing"),
}


def announced(
    session: Session, area_path: str, mode: Mode, clips: tuple[ClipRef, ...]
) -> tuple[ClipRef, ...]:
    """Return what sounds: a test or a drill says first and last that it is one.

    Raises:
        NothingPrepared: There is no clip to say so with.
    """
    if mode not in ANNOUNCEMENTS:
        return clips
    opening, closing = ANNOUNCEMENTS[mode]
    return (
        *sounds_of(session, area_path, opening).clips,
        *clips,
        *clips_if_prepared(session, area_path, closing),
    )


def duration_of(clips: Sequence[ClipRef]) -> int:
    """Return how long clips last, ms."""
    return sum(clip.duration_ms for clip in clips)


def sound(
    session: Session,
    emergency: Emergency,
    gateway_ids: Sequence[str],
    *,
    start_at: datetime,
    now: datetime,
    supersedes: Sequence[str] = (),
) -> Broadcast:
    """Order one repeat of what an emergency says; one in the future waits on the gateways themselves."""
    clips = msgspec.convert(tuple(emergency.clips), tuple[ClipRef, ...])
    broadcast = play(
        session, emergency, clips, gateway_ids, start_at=start_at, now=now, supersedes=supersedes
    )
    emergency.ordered_until_at = start_at
    return broadcast


def play(
    session: Session,
    emergency: Emergency,
    clips: Sequence[ClipRef],
    gateway_ids: Sequence[str],
    *,
    start_at: datetime,
    now: datetime,
    title: str | None = None,
    supersedes: Sequence[str] = (),
) -> Broadcast:
    """Order clips of gateways as a part of an emergency."""
    longest = max(clips, key=lambda clip: clip.duration_ms)
    broadcast = _row(
        emergency, title or emergency.title, start_at, duration_of(clips), now=now, valid=STAYS_VALID
    )
    broadcast.clip_sha256 = longest.sha256
    broadcast.clip_size_bytes = longest.size_bytes
    broadcast.clip_duration_ms = longest.duration_ms
    broadcast.clips = msgspec.to_builtins(list(clips))
    broadcast.supersedes = list(supersedes)
    _order(session, broadcast, gateway_ids, now, STAYS_VALID)
    return broadcast


def sound_live(
    session: Session,
    emergency: Emergency,
    live: LiveSource,
    gateway_ids: Sequence[str],
    *,
    now: datetime,
    supersedes: Sequence[str] = (),
) -> Broadcast:
    """Order gateways to let someone speak; returns the broadcast, at whose start the voice may begin."""
    start_at = now
    if emergency.mode in ANNOUNCEMENTS:
        opening = sounds_of(session, area_path_of(session, emergency), ANNOUNCEMENTS[emergency.mode][0])
        said = play(session, emergency, opening.clips, gateway_ids, start_at=now, now=now)
        start_at = now + timedelta(milliseconds=said.duration_ms) + SETTLING
    broadcast = _row(emergency, emergency.title, start_at, live.longest_ms, now=now, valid=LIVE_STAYS_VALID)
    broadcast.live = msgspec.to_builtins(live)
    broadcast.supersedes = list(supersedes)
    broadcast.after_preemption = AfterPreemption.DROP
    _order(session, broadcast, gateway_ids, now, LIVE_STAYS_VALID)
    return broadcast


def area_path_of(session: Session, emergency: Emergency) -> str:
    """Return the path of the area that an emergency is for."""
    return session.get_one(Area, emergency.area_id).path


def _row(
    emergency: Emergency, title: str, start_at: datetime, duration_ms: int, *, now: datetime, valid: timedelta
) -> Broadcast:
    is_real = emergency.mode is Mode.ACTUAL
    return Broadcast(
        id=new_id(),
        area_id=emergency.area_id,
        bulletin_id=emergency.bulletin_id,
        emergency_id=emergency.id,
        title=title,
        start_at=start_at,
        duration_ms=duration_ms,
        # What is only a test keeps to quiet hours, on the gateway as well.
        priority=Priority.EMERGENCY if is_real else Priority.PRIORITY,
        mode=emergency.mode,
        lateness=LatenessPolicy.PLAY_FROM_START,
        late_limit_ms=int(valid.total_seconds() * 1000),
        # After something real nobody wants to hear the rest of a drill.
        after_preemption=AfterPreemption.RESTART if is_real else AfterPreemption.DROP,
        gain_db=emergency.gain_db,
        audience=emergency.audience,
        created_at=now,
        created_by=emergency.ordered_by,
    )


def _order(
    session: Session, broadcast: Broadcast, gateway_ids: Sequence[str], now: datetime, valid: timedelta
) -> None:
    session.add(broadcast)
    session.flush()
    add_deliveries(session, broadcast, gateway_ids, Route.ORDER)
    put_order(
        session,
        OrderKind.PLAY,
        {"item": item_of(broadcast)},
        gateway_ids,
        now=now,
        expires_at=broadcast.start_at + valid,
        broadcast_id=broadcast.id,
        emergency=True,
    )
