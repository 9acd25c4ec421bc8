"""Schedules over HTTP."""

from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from sqlmodel import col, select

from controller.areas.models import Area
from controller.bulletins import service as bulletins
from controller.bulletins.models import Bulletin
from controller.bulletins.service import NewBulletin
from controller.deps import ActorDep, ClockDep, ServicesDep, SessionDep
from controller.people.access import Permission
from controller.programme import service
from controller.programme.forms import BulletinIn, RecurrenceIn, ScheduleIn, playing_of
from controller.programme.models import Schedule
from controller.programme.recurrence import load
from controller.programme.service import Wanted
from schedules.rules import occurrences

router = APIRouter(prefix="/api/v1", tags=["programme"])

PREVIEWED = 20


class ScheduleOut(BaseModel):
    """A schedule."""

    id: str
    title: str
    bulletin_id: str
    recurrence: dict[str, Any]
    audience: dict[str, Any]
    priority: str
    created_at: datetime
    ended_at: datetime | None


class BulletinOut(BaseModel):
    """A bulletin."""

    id: str
    title: str
    text: str
    language: str
    category: str
    clip_sha256: str
    prepared: bool
    """Every gateway of its area keeps its clip."""
    created_at: datetime


@router.post("/schedules", status_code=201, operation_id="create_schedule")
def create_schedule(
    wanted: ScheduleIn, svc: ServicesDep, actor: ActorDep, session: SessionDep, clock: ClockDep
) -> ScheduleOut:
    """Have something played once or again and again. All of it is saved, or nothing."""
    playing = playing_of(session, actor, wanted, clock)
    schedule = service.create(
        session,
        actor,
        Wanted(playing, wanted.recurrence.model_dump()),
        now=clock.now(),
        horizon=timedelta(days=svc.settings.horizon_days),
        rules=svc.settings.rules,
    )
    return ScheduleOut.model_validate(schedule, from_attributes=True)


@router.post("/schedules/preview", operation_id="preview_schedule")
def preview_schedule(wanted: RecurrenceIn, actor: ActorDep, clock: ClockDep) -> list[datetime]:
    """The next 20 instants of a recurrence, without saving anything."""
    actor.require(Permission.READ)
    return list(occurrences(load(wanted.model_dump()), after=clock.now(), limit=PREVIEWED))


@router.get("/schedules", operation_id="list_schedules")
def list_schedules(actor: ActorDep, session: SessionDep) -> list[ScheduleOut]:
    """The living schedules of the person's area."""
    actor.require(Permission.READ)
    rows = session.exec(
        select(Schedule)
        .join(Area, col(Area.id) == col(Schedule.area_id))
        .where(col(Area.path).startswith(actor.area_path), col(Schedule.ended_at).is_(None))
        .order_by(col(Schedule.id))
    )
    return [ScheduleOut.model_validate(row, from_attributes=True) for row in rows]


@router.post("/schedules/{schedule_id}/end", operation_id="end_schedule")
def end_schedule(schedule_id: str, actor: ActorDep, session: SessionDep, clock: ClockDep) -> ScheduleOut:
    """End a series; its broadcasts that have not started are cancelled."""
    schedule = service.end(session, actor, schedule_id, now=clock.now())
    return ScheduleOut.model_validate(schedule, from_attributes=True)


@router.post("/bulletins", status_code=201, operation_id="write_bulletin")
def write_bulletin(wanted: BulletinIn, actor: ActorDep, session: SessionDep, clock: ClockDep) -> BulletinOut:
    """Keep a bulletin without playing it, for later or as a prepared warning."""
    bulletin = bulletins.write(session, actor, NewBulletin(**wanted.model_dump()), now=clock.now())
    return BulletinOut.model_validate(bulletin, from_attributes=True)


class PreparedIn(BaseModel):
    """Whether gateways keep a bulletin's clip at all times."""

    prepared: bool


@router.put("/bulletins/{bulletin_id}/prepared", status_code=202, operation_id="set_prepared")
def set_prepared(  # noqa: PLR0917 - FastAPI hands over what a route names
    bulletin_id: str,
    wanted: PreparedIn,
    actor: ActorDep,
    session: SessionDep,
    clock: ClockDep,
    svc: ServicesDep,
) -> BulletinOut:
    """Make a bulletin a prepared warning: every gateway of its area keeps it, and a tiny order starts it."""
    bulletin = bulletins.set_prepared(
        session, actor, bulletin_id, prepared=wanted.prepared, rules=svc.settings.rules, now=clock.now()
    )
    return BulletinOut.model_validate(bulletin, from_attributes=True)


@router.get("/bulletins", operation_id="list_bulletins")
def list_bulletins(actor: ActorDep, session: SessionDep) -> list[BulletinOut]:
    """The newest 200 bulletins of the person's area."""
    actor.require(Permission.READ)
    rows = session.exec(
        select(Bulletin)
        .join(Area, col(Area.id) == col(Bulletin.area_id))
        .where(col(Area.path).startswith(actor.area_path))
        .order_by(col(Bulletin.id).desc())
        .limit(200)
    )
    return [BulletinOut.model_validate(row, from_attributes=True) for row in rows]
