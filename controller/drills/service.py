"""Scheduling drills, calling them off, and finding them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.areas.owning import owned
from controller.areas.service import paths_above
from controller.audit.service import record
from controller.broadcasts.audience import Audience, choose
from controller.broadcasts.service import refuse_against_rules
from controller.columns import new_id
from controller.drills.models import Drill, DrillState
from controller.emergencies.sounding import ANNOUNCEMENTS, duration_of
from controller.errors import AlreadyOver, DrillInThePast, InvalidInput
from controller.gateways.rules import HouseRules
from controller.people.access import Actor, Permission
from controller.warnings.catalogue import PreparedSound, clips_if_prepared, sounds_of
from wire.messages import ClipRef
from wire.types import Mode

ATTENTION = "attention"
FARTHEST = timedelta(days=366)
LOUDEST_DB, QUIETEST_DB = -3.0, -40.0
"""Always audibly quieter than the real thing, never so quiet that nobody learns anything."""


@dataclass(frozen=True, slots=True)
class NewDrill:
    """What someone wants to rehearse."""

    key: str
    """Of a prepared warning."""
    audience: Audience
    start_at: datetime
    gain_db: float


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What sounds in a drill between its announcements."""

    warning: PreparedSound
    clips: tuple[ClipRef, ...]


def schedule(session: Session, actor: Actor, new: NewDrill, *, now: datetime, rules: HouseRules) -> Drill:
    """Schedule a drill; nothing is ordered before its time.

    Args:
        session: A writing transaction.
        actor: Who schedules it; it sounds only if they may still warn by then.
        new: What, to whom, when and how quiet.
        now: The present.
        rules: The quiet hours and lengths of the house, which hold for a drill.

    Raises:
        NotAllowed: The role does not warn.
        DrillInThePast: Its time has gone by.
        InvalidInput: It is too far ahead, or too loud or too quiet.
        InQuietHours: It would sound within them.
        TooLong: It is longer than gateways may play.
        NothingPrepared: There is no such warning, or nothing that says that this is a drill.
        Problem: As `controller.broadcasts.audience.choose` does.
    """
    zone = ZoneInfo(rules.quiet.zone)
    resolved = choose(session, actor, new.audience, now.astimezone(zone).date(), Permission.WARN)
    if new.start_at <= now:
        raise DrillInThePast(field="start_at")
    if new.start_at > now + FARTHEST:
        raise InvalidInput(field="start_at")
    if not QUIETEST_DB <= new.gain_db <= LOUDEST_DB:
        raise InvalidInput(field="gain_db")
    area = session.get_one(Area, resolved.area_id)
    found = rehearsal(session, area.path, new.key)
    refuse_against_rules(new.start_at, _whole_duration_ms(session, area.path, found), rules)
    drill = Drill(
        id=new_id(),
        area_id=resolved.area_id,
        title=found.warning.main.title,
        warning_key=new.key,
        audience=new.audience.stored(),
        start_at=new.start_at,
        gain_db=new.gain_db,
        created_at=now,
        created_by=actor.person_id,
    )
    session.add(drill)
    session.flush()
    _audit(session, actor, "schedule_drill", drill, now, gateways=len(resolved.gateway_ids))
    return drill


def cancel(session: Session, actor: Actor, drill_id: str, *, now: datetime) -> Drill:
    """Call a drill off that has not begun.

    Raises:
        NotFound: There is none, or it is someone else's.
        NotAllowed: The role does not warn.
        AlreadyOver: It has begun, or was called off.
    """
    actor.require(Permission.WARN)
    drill = owned(session, actor, Drill, drill_id)
    if drill.state is not DrillState.SCHEDULED:
        raise AlreadyOver
    drill.state, drill.cancelled_at, drill.cancelled_by = DrillState.CANCELLED, now, actor.person_id
    _audit(session, actor, "cancel_drill", drill, now)
    return drill


def rehearsal(session: Session, area_path: str, key: str) -> Rehearsal:
    """Return what sounds in a drill of a warning: the attention signal where there is one, then the words.

    Raises:
        NothingPrepared: There is no such warning.
    """
    warning = sounds_of(session, area_path, key)
    return Rehearsal(warning, (*clips_if_prepared(session, area_path, ATTENTION), *warning.clips))


def drills_of(
    session: Session, area_path: str, *, states: Sequence[DrillState] = (), limit: int = 100
) -> list[Drill]:
    """Return the drills that touch an area, newest first: its own, those below, and those of areas above."""
    query = (
        select(Drill)
        .join(Area, col(Area.id) == col(Drill.area_id))
        .where(col(Area.path).startswith(area_path) | col(Area.path).in_(paths_above(area_path)))
        .order_by(col(Drill.start_at).desc(), col(Drill.id).desc())
        .limit(limit)
    )
    if states:
        query = query.where(col(Drill.state).in_(states))
    return list(session.exec(query))


def _whole_duration_ms(session: Session, area_path: str, found: Rehearsal) -> int:
    """Return the length with both announcements; without either of them there is no drill."""
    announcements = [sounds_of(session, area_path, key) for key in ANNOUNCEMENTS[Mode.DRILL]]
    return duration_of(found.clips) + sum(each.duration_ms for each in announcements)


def _audit(
    session: Session, actor: Actor, action: str, drill: Drill, now: datetime, **detail: object
) -> None:
    record(
        session,
        now,
        action,
        person_id=actor.person_id,
        subject=drill.id,
        area_id=drill.area_id,
        address=actor.address,
        detail={
            "title": drill.title,
            "warning": drill.warning_key,
            "start_at": drill.start_at.isoformat(),
            "gain_db": drill.gain_db,
            **detail,
        },
    )
