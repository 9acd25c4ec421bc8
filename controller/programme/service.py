"""Schedules: making and ending them, and planning their broadcasts ahead."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from controller.areas.owning import owned
from controller.audit.service import record
from controller.broadcasts import ending
from controller.broadcasts import service as broadcasts
from controller.broadcasts.audience import Audience, choose, resolve
from controller.broadcasts.models import Broadcast, Delivery
from controller.broadcasts.playing import Playing
from controller.bulletins.models import Bulletin
from controller.clips.models import Clip
from controller.columns import new_id
from controller.errors import (
    EmergencyNeedsItsOwnWay,
    NothingToPlay,
    StartInThePast,
)
from controller.gateways.rules import HouseRules
from controller.people.access import Actor, Permission
from controller.programme.models import Schedule
from controller.programme.recurrence import load
from schedules.rules import Recurrence, occurrences
from wire.types import Priority

TOLERANCE = timedelta(seconds=15)
"""A start this little in the past is "now": the form was on its way."""

LOOKED_AT = 400
"""Occurrences of a new rule that are checked against the quiet hours."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What someone wants to be played, and when."""

    playing: Playing
    recurrence: dict[str, Any]


def create(
    session: Session, actor: Actor, wanted: Wanted, *, now: datetime, horizon: timedelta, rules: HouseRules
) -> Schedule:
    """Add a schedule and plan its broadcasts up to the horizon.

    Raises:
        RuleRefused: The recurrence is not supported.
        NothingToPlay: It has no occurrence from now on.
        StartInThePast: Its only start has gone by.
        InQuietHours: An occurrence touches the quiet hours.
        TooLong: It is longer than gateways may play.
        EmergencyNeedsItsOwnWay: Emergencies are ordered at once, not scheduled.
        Problem: As `controller.broadcasts.audience.choose` does.
    """
    playing = wanted.playing
    if playing.priority is Priority.EMERGENCY:
        raise EmergencyNeedsItsOwnWay(field="priority")
    zone = ZoneInfo(rules.quiet.zone)
    resolved = choose(session, actor, playing.audience, now.astimezone(zone).date())
    recurrence = load(wanted.recurrence)
    _check_times(recurrence, playing.duration_ms, now, rules)
    schedule = Schedule(
        id=new_id(),
        area_id=resolved.area_id,
        bulletin_id=playing.bulletin.id,
        title=playing.title,
        recurrence=wanted.recurrence,
        audience=playing.audience.stored(),
        priority=playing.priority,
        mode=playing.mode,
        repeat=playing.repeat,
        gap_ms=playing.gap_ms,
        lateness=playing.lateness,
        late_limit_ms=playing.late_limit_ms,
        after_preemption=playing.after_preemption,
        created_at=now,
        created_by=actor.person_id,
        planned_until=now - TOLERANCE,
    )
    session.add(schedule)
    session.flush()
    plan_ahead(session, schedule, now=now, zone=zone, horizon=horizon)
    record(
        session,
        now,
        "schedule",
        person_id=actor.person_id,
        subject=schedule.id,
        area_id=schedule.area_id,
        address=actor.address,
        detail={"title": schedule.title, "recurrence": schedule.recurrence},
    )
    return schedule


def plan_ahead(
    session: Session, schedule: Schedule, *, now: datetime, zone: ZoneInfo, horizon: timedelta
) -> list[Broadcast]:
    """Add the broadcasts of a schedule that are not planned yet, up to `now + horizon`.

    Safe to call at any time and again: what is planned is remembered with the schedule, in the same
    transaction, so nothing is planned twice and nothing that was due while the controller was down is
    lost: it is planned late, and each gateway applies the lateness policy.
    """
    bulletin, clip = session.get(Bulletin, schedule.bulletin_id), None
    if bulletin is not None:
        clip = session.get(Clip, bulletin.clip_sha256)
    if bulletin is None or clip is None or schedule.ended_at is not None:
        return []
    playing = Playing(
        bulletin=bulletin,
        clip=clip,
        title=schedule.title,
        audience=Audience.load(schedule.audience),
        priority=schedule.priority,
        mode=schedule.mode,
        repeat=schedule.repeat,
        gap_ms=schedule.gap_ms,
        lateness=schedule.lateness,
        late_limit_ms=schedule.late_limit_ms,
        after_preemption=schedule.after_preemption,
    )
    until = now + horizon
    after = schedule.planned_until or now
    gateway_ids = resolve(session, playing.audience, now.astimezone(zone).date())
    planned = [
        broadcasts.plan_broadcast(
            session,
            playing,
            start_at,
            gateway_ids,
            schedule_id=schedule.id,
            area_id=schedule.area_id,
            created_by=schedule.created_by,
            now=now,
        )
        for start_at in occurrences(load(schedule.recurrence), after=after, before=until)
        if gateway_ids
    ]
    schedule.planned_until = max(after, until)
    if planned:
        broadcasts.touch_plans(session, gateway_ids)
    return planned


def plan_all_ahead(session: Session, *, now: datetime, zone: ZoneInfo, horizon: timedelta) -> int:
    """Plan every living schedule ahead; returns how many broadcasts were added."""
    schedules = session.exec(select(Schedule).where(col(Schedule.ended_at).is_(None))).all()
    return sum(
        len(plan_ahead(session, schedule, now=now, zone=zone, horizon=horizon)) for schedule in schedules
    )


def end(session: Session, actor: Actor, schedule_id: str, *, now: datetime) -> Schedule:
    """End a series: cancel its broadcasts that have not started; what sounded stays on record.

    Raises:
        NotFound: No such schedule in the actor's area.
    """
    actor.require(Permission.COMPOSE)
    schedule = owned(session, actor, Schedule, schedule_id)
    if schedule.ended_at is None:
        schedule.ended_at = now
        future = session.exec(
            select(Broadcast).where(
                Broadcast.schedule_id == schedule.id,
                Broadcast.start_at > now,
                col(Broadcast.cancelled_at).is_(None),
            )
        ).all()
        for broadcast in future:
            gateway_ids = session.exec(
                select(Delivery.gateway_id).where(Delivery.broadcast_id == broadcast.id)
            ).all()
            ending.cancel_row(session, broadcast, gateway_ids, now=now, person_id=actor.person_id)
        record(
            session,
            now,
            "end_schedule",
            person_id=actor.person_id,
            subject=schedule.id,
            area_id=schedule.area_id,
            address=actor.address,
            detail={"title": schedule.title, "cancelled": len(future)},
        )
    return schedule


def _check_times(recurrence: Recurrence, duration_ms: int, now: datetime, rules: HouseRules) -> None:
    coming = list(occurrences(recurrence, after=now - TOLERANCE, limit=LOOKED_AT))
    if not coming:
        if recurrence.rule is None and not recurrence.rdates:
            raise StartInThePast(field="start")
        raise NothingToPlay(field="rrule")
    for start_at in coming:
        broadcasts.refuse_against_rules(start_at, duration_ms, rules)
