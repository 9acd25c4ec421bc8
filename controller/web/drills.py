"""Drills: scheduling one, those to come, and how the earlier ones of each commune went."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from controller.areas.service import subtree
from controller.drills.models import Drill, DrillState
from controller.drills.routes import score_of
from controller.drills.scoring import Score
from controller.drills.service import drills_of
from controller.people.models import Person
from controller.warnings.catalogue import all_sounds
from controller.warnings.pack import is_role
from controller.web.places import Places
from controller.web.visit import Visit, VisitDep

router = APIRouter(include_in_schema=False)

LOUDNESSES_DB = (-6, -10, -15, -20)
COMING = (DrillState.SCHEDULED, DrillState.SOUNDING)
OVER = (DrillState.SCORED, DrillState.MISSED, DrillState.REFUSED, DrillState.CANCELLED)
ANNOUNCED_AHEAD = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class DrillLine:
    """A drill as a list shows it."""

    drill: Drill
    audience: list[str]
    by: str
    """Who scheduled it."""
    score: Score | None
    is_own: bool
    """Whether its whole area is within the person's own: only then it is theirs to call off."""


@dataclass(slots=True)
class Record:
    """The earlier drills of one commune, newest first."""

    commune: str
    lines: list[DrillLine] = field(default_factory=list)


@router.get("/dien-tap")
def drills(visit: VisitDep) -> HTMLResponse:
    """Show the form, what is to come, and what was."""
    settings = visit.svc.settings
    warnings = [each for each in all_sounds(visit.session, visit.actor.area_path) if not is_role(each.key)]
    return visit.render(
        "drills.html",
        here="drills",
        warnings=warnings,
        areas=subtree(visit.session, visit.actor.area_path, visit.today),
        loudnesses=sorted({*LOUDNESSES_DB, settings.drill_gain_db}, reverse=True),
        loudness=settings.drill_gain_db,
        quiet_hours=settings.quiet_hours.split("-") if settings.quiet_hours else None,
        today=visit.today,
        **_board(visit),
    )


@router.get("/parts/drills")
def drills_part(visit: VisitDep) -> HTMLResponse:
    """What of the page can change."""
    return visit.render("parts/drills.html", **_board(visit))


def coming_drills(visit: Visit, places: Places) -> list[DrillLine]:
    """Return the drills of the next days that touch the person's area, the nearest first."""
    found = drills_of(visit.session, visit.actor.area_path, states=COMING)
    return [
        _line(visit, places, drill)
        for drill in reversed(found)
        if drill.start_at <= visit.now + ANNOUNCED_AHEAD
    ]


def _board(visit: Visit) -> dict[str, Any]:
    places = Places(visit.session, visit.actor.area_path)
    coming = drills_of(visit.session, visit.actor.area_path, states=COMING)
    records: dict[str, Record] = {}
    for drill in drills_of(visit.session, visit.actor.area_path, states=OVER):
        commune = places.commune_of(drill.area_id)
        name = commune.name if commune else places.name(drill.area_id)
        records.setdefault(name, Record(name)).lines.append(_line(visit, places, drill))
    return {
        "coming": [_line(visit, places, drill) for drill in reversed(coming)],
        "records": sorted(records.values(), key=lambda record: record.commune),
    }


def _line(visit: Visit, places: Places, drill: Drill) -> DrillLine:
    area = places.get(drill.area_id)
    return DrillLine(
        drill,
        places.audience(visit.session, drill.audience),
        _name(visit, drill.created_by),
        score_of(drill),
        is_own=area is not None and area.path.startswith(visit.actor.area_path),
    )


def _name(visit: Visit, person_id: int | None) -> str:
    person = visit.session.get(Person, person_id) if person_id is not None else None
    return person.name if person else ""
