"""Drills over HTTP."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel, Field

from controller.broadcasts.audience import Audience
from controller.deps import ActorDep, ServicesDep, SessionDep
from controller.drills import service
from controller.drills.models import Drill
from controller.drills.scoring import Score
from controller.drills.service import LOUDEST_DB, QUIETEST_DB, NewDrill
from controller.events import Change, announce
from controller.people.access import Permission
from controller.programme.forms import AudienceIn
from schedules.zones import to_instant

router = APIRouter(prefix="/api/v1", tags=["drills"])


class DrillIn(BaseModel):
    """What is to be rehearsed, where and when."""

    key: Annotated[str, Field(max_length=60, description="Of a prepared warning.")]
    audience: AudienceIn
    start_at: Annotated[datetime, Field(description="Without an offset: by the clock on the wall there.")]
    gain_db: Annotated[
        float | None,
        Field(ge=QUIETEST_DB, le=LOUDEST_DB, description="Below the real thing; none is the setting's."),
    ] = None


class SilentGatewayOut(BaseModel):
    """A gateway that was not heard."""

    gateway_id: str
    name: str
    area: str
    reason: str


class ScoreOut(BaseModel):
    """How well it went, as far as gateways have answered."""

    total: int
    sounded: int
    in_time: int = Field(description="Began within ten seconds.")
    probed: int = Field(description="Had a probe that could tell for certain.")
    confirmed: int = Field(description="Of those, heard by it.")
    percent: int = Field(description="Share that sounded in time, rounded down.")
    silent: list[SilentGatewayOut]


class DrillOut(BaseModel):
    """A drill as it stands."""

    id: str
    title: str
    warning_key: str
    area_id: int
    start_at: datetime
    gain_db: float
    state: str
    reason: str | None
    created_by: int | None
    emergency_id: str | None
    scored_at: datetime | None
    score: ScoreOut | None


@router.post("/drills", status_code=201, operation_id="schedule_drill")
def schedule(wanted: DrillIn, svc: ServicesDep, actor: ActorDep, session: SessionDep) -> DrillOut:
    """Schedule a drill. It is announced on the pages now, and in its sound first and last."""
    start_at = wanted.start_at
    if start_at.tzinfo is None:
        start_at = to_instant(start_at, ZoneInfo(svc.settings.zone))
    gain_db = svc.settings.drill_gain_db if wanted.gain_db is None else wanted.gain_db
    audience = Audience(tuple(wanted.audience.areas), tuple(wanted.audience.gateways))
    new = NewDrill(wanted.key, audience, start_at, gain_db)
    drill = service.schedule(session, actor, new, now=svc.clock.now(), rules=svc.settings.rules)
    announce(session, Change("drill", drill.id))
    return _out(drill)


@router.get("/drills", operation_id="list_drills")
def list_drills(actor: ActorDep, session: SessionDep) -> list[DrillOut]:
    """The newest hundred drills that touch the person's area, those to come included."""
    actor.require(Permission.READ)
    return [_out(each) for each in service.drills_of(session, actor.area_path)]


@router.post("/drills/{drill_id}/cancel", operation_id="cancel_drill")
def cancel(drill_id: str, svc: ServicesDep, actor: ActorDep, session: SessionDep) -> DrillOut:
    """Call a drill off that has not begun. One that sounds is ended as any emergency is."""
    drill = service.cancel(session, actor, drill_id, now=svc.clock.now())
    announce(session, Change("drill", drill.id))
    return _out(drill)


def score_of(drill: Drill) -> Score | None:
    """Return a drill's score, None before there is one."""
    return None if drill.score is None else msgspec.convert(drill.score, Score)


def _out(drill: Drill) -> DrillOut:
    same = {name: getattr(drill, name) for name in DrillOut.model_fields if name != "score"}
    found = score_of(drill)
    if found is None:
        return DrillOut(**same, score=None)
    return DrillOut(**same, score=ScoreOut(percent=found.percent, **msgspec.to_builtins(found)))
