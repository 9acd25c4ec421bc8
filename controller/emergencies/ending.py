"""Ending an emergency: all clear, false alarm, or just silence."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.broadcasts.delivery import SOUNDED, DeliveryState
from controller.broadcasts.ending import stop_all, take_back
from controller.broadcasts.models import Broadcast, Delivery
from controller.emergencies.models import Emergency, EmergencyState, Ending
from controller.emergencies.service import audit, get_emergency
from controller.emergencies.sounding import announced, area_path_of, play
from controller.emergencies.superseding import open_broadcasts
from controller.errors import AlreadyOver, NothingPrepared
from controller.people.access import Actor, Permission
from controller.warnings.catalogue import sounds_of

TOLD_OF_ITS_END = frozenset({Ending.ALL_CLEAR, Ending.FALSE_ALARM})
RECENT = timedelta(hours=24)
"""So long after its end people can still be told that it was a false alarm."""

_HEARD = SOUNDED | {DeliveryState.UNKNOWN}
"""Where people heard it, or may have."""


def end(
    session: Session, actor: Actor, emergency_id: str, ending: Ending, *, now: datetime
) -> tuple[Emergency, bool]:
    """End an emergency: silence it, order no more repeats, and say so where it was heard.

    Args:
        session: A writing transaction.
        actor: Who ends it.
        emergency_id: Which.
        ending: `ALL_CLEAR` or `FALSE_ALARM` are announced with the prepared clip of that name wherever it was
            heard; anything else is just silence.
        now: The present.

    Returns:
        The emergency, and whether its end is announced: False when nobody heard it, or no clip is prepared.

    Raises:
        NotFound: No such emergency in the actor's area.
        NotAllowed: The role does not warn; to stop it, the right to stop is enough.
        AlreadyOver: It was ended by someone before, and there is nothing left to say.
    """
    permission = Permission.WARN if ending in TOLD_OF_ITS_END else Permission.STOP
    emergency = get_emergency(session, actor, emergency_id, permission)
    if emergency.state is EmergencyState.ENDED and not _may_be_told(emergency, ending, now):
        raise AlreadyOver
    was_draft = emergency.state is EmergencyState.DRAFT
    heard = [] if was_draft else _heard_at(session, emergency.id)
    close(session, emergency, Ending.FINISHED if was_draft else ending, person_id=actor.person_id, now=now)
    told = ending in TOLD_OF_ITS_END and bool(heard) and _announce(session, emergency, ending, heard, now)
    audit(session, actor, f"end_{ending.value}", emergency, now, announced=told, heard=len(heard))
    return emergency, told


def close(
    session: Session, emergency: Emergency, ending: Ending, *, person_id: int | None, now: datetime
) -> None:
    """Silence an emergency everywhere, and let no repeat of it begin."""
    take_back(session, [each.id for each in open_broadcasts(session, emergency.id)], now=now)
    emergency.state, emergency.ending = EmergencyState.ENDED, ending
    emergency.ended_at, emergency.ended_by = now, person_id


def stop_everything(session: Session, actor: Actor, area: Area, *, now: datetime) -> tuple[int, list[str]]:
    """Silence an area: all that sounds, all that was ordered, and every emergency of the area.

    One that was ordered for a larger area falls silent here; its next repeat sounds here again.

    Returns:
        How many gateways were told, and the emergencies that were ended.
    """
    told = stop_all(session, actor, area, now=now)
    running = session.exec(
        select(Emergency)
        .join(Area, col(Area.id) == col(Emergency.area_id))
        .where(col(Area.path).startswith(area.path), Emergency.state == EmergencyState.ACTIVE)
    ).all()
    for emergency in running:
        close(session, emergency, Ending.STOPPED, person_id=actor.person_id, now=now)
        audit(session, actor, "end_stopped", emergency, now, announced=False, by="stop_all")
    return told, [emergency.id for emergency in running]


def _may_be_told(emergency: Emergency, ending: Ending, now: datetime) -> bool:
    """Whether people can still be told how one ended that is over; nobody is told the same twice."""
    if ending not in TOLD_OF_ITS_END or emergency.ending in TOLD_OF_ITS_END:
        return False
    return emergency.ended_at is not None and now - emergency.ended_at <= RECENT


def _heard_at(session: Session, emergency_id: str) -> list[str]:
    """Return the gateways where it sounded, or may have sounded."""
    rows = session.execute(
        sa.select(col(Delivery.gateway_id))
        .join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
        .where(
            col(Broadcast.emergency_id) == emergency_id,
            col(Delivery.state).in_(_HEARD) | col(Delivery.started_at).is_not(None),
        )
        .distinct()
        .order_by(col(Delivery.gateway_id))
    )
    return [gateway_id for (gateway_id,) in rows]


def _announce(
    session: Session, emergency: Emergency, ending: Ending, gateway_ids: Sequence[str], now: datetime
) -> bool:
    path = area_path_of(session, emergency)
    try:
        said = sounds_of(session, path, ending.value)
        clips = announced(session, path, emergency.mode, said.clips)
    except NothingPrepared:
        return False
    play(session, emergency, clips, gateway_ids, start_at=now, now=now, title=said.main.title)
    return True
