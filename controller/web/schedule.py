"""Schedule: the series that a broadcast belongs to, in words, and when it sounds next."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import col, select

from controller.areas.owning import owned
from controller.broadcasts.models import Broadcast
from controller.programme.models import Schedule
from controller.programme.recurrence import load
from controller.web.places import Places
from controller.web.visit import Visit, VisitDep
from schedules.describe import Description, describe
from schedules.rule_text import Frequency
from schedules.rules import occurrences

router = APIRouter(include_in_schema=False)

NEXT = 10
DAYS_IN_WEEK = 7


@router.get("/lich/{schedule_id}")
def schedule(schedule_id: str, visit: VisitDep) -> HTMLResponse:
    """One schedule.

    Raises:
        NotFound: There is none, or it is someone else's.
    """
    found = _find(visit, schedule_id)
    recurrence = load(found.recurrence)
    coming = [] if found.ended_at else list(occurrences(recurrence, after=visit.now, limit=NEXT))
    planned = _planned(visit, schedule_id)
    places = Places(visit.session, visit.actor.area_path)
    return visit.render(
        "schedule.html",
        here="week",
        schedule=found,
        when=_when(visit, describe(recurrence)),
        coming=[(at, planned.get(at)) for at in coming],
        audience=places.audience(visit.session, found.audience),
    )


@router.get("/lich/{schedule_id}/phat")
def first_broadcast(schedule_id: str, visit: VisitDep) -> RedirectResponse:
    """Go to the first broadcast of a schedule, or to the schedule while none is planned yet."""
    _find(visit, schedule_id)
    planned = _planned(visit, schedule_id)
    where = f"/phat/{planned[min(planned)]}" if planned else f"/lich/{schedule_id}"
    return RedirectResponse(where, status_code=303)


def _find(visit: Visit, schedule_id: str) -> Schedule:
    return owned(visit.session, visit.actor, Schedule, schedule_id)


def _planned(visit: Visit, schedule_id: str) -> dict[Any, str]:
    """Return the ids of a schedule's broadcasts by their start."""
    rows = visit.session.exec(
        select(Broadcast.start_at, Broadcast.id)
        .where(Broadcast.schedule_id == schedule_id)
        .order_by(col(Broadcast.start_at))
    )
    return dict(rows.all())


def _when(visit: Visit, parts: Description) -> list[str]:
    """Say a recurrence in words; what has no words here is shown by its next dates."""
    reader = visit.reader
    said = []
    if parts.frequency is Frequency.WEEKLY and parts.interval == 1 and len(parts.days) < DAYS_IN_WEEK:
        said.append(", ".join(reader.weekday(day.weekday.number) for day in parts.days))
    elif parts.frequency is Frequency.WEEKLY and parts.interval == 1:
        said.append(reader.t("frequency.daily"))
    elif parts.frequency is not None:
        said.append(reader.t(f"frequency.{parts.frequency.value.lower()}"))
    else:
        said.append(reader.date(parts.starts_on))
    said.append(", ".join(f"{at:%H:%M:%S}".removesuffix(":00") for at in parts.times))
    if parts.ends_on is not None and parts.frequency is not None:
        said.append(reader.t("schedule.until", day=reader.date(parts.ends_on)))
    return said
