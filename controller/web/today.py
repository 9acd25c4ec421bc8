"""Today: what sounds now, what is next, what went wrong and why."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import col, select

from controller.areas.models import Area
from controller.broadcasts.summary import Summary
from controller.cap.supervising import silent_feeds, troubled_alerts
from controller.gateways.faults import open_faults
from controller.gateways.models import Gateway, SecurityEvent
from controller.web.drills import coming_drills
from controller.web.emergency import open_lines
from controller.web.listing import lines_between, sounding
from controller.web.places import Places
from controller.web.visit import Visit, VisitDep

router = APIRouter(include_in_schema=False)

RECENT = 8
EVENTS_SHOWN = 3
FAULTS_SHOWN = 5


@router.get("/")
def today(visit: VisitDep) -> HTMLResponse:
    """The first page."""
    return visit.render("today.html", here="today", **_board(visit))


@router.get("/parts/today")
def today_part(visit: VisitDep) -> HTMLResponse:
    """What of the first page can change."""
    return visit.render("parts/today.html", **_board(visit))


def _board(visit: Visit) -> dict[str, Any]:
    places = Places(visit.session, visit.actor.area_path)
    start, end = visit.midnight(visit.today), visit.next_midnight(visit.today)
    lines = lines_between(visit.session, places, visit.actor.area_path, start, end)
    live = sounding(visit.session, places, visit.actor.area_path, visit.now)
    # One whose end is long over and that has not been heard of is no longer "now"; it waits for its word.
    now_on = [line for line in live if line.summary is Summary.PLAYING or line.end_at >= visit.now]
    shown = {line.broadcast.id for line in now_on}
    over = [line for line in lines if line.broadcast.start_at <= visit.now and line.broadcast.id not in shown]
    return {
        "area": places.get(visit.actor.area_id),
        "now_on": now_on,
        "next_up": [
            line
            for line in lines
            if line.broadcast.start_at > visit.now and line.summary is not Summary.CANCELLED
        ],
        "to_look_at": [line for line in over if line.has_room_for_doubt][::-1],
        "drills": coming_drills(visit, places),
        "recent": [line for line in over if not line.has_room_for_doubt][::-1][:RECENT],
        "emergencies": open_lines(visit, places),
        "silent_feeds": silent_feeds(visit.session, visit.actor.area_path)[:FAULTS_SHOWN],
        "troubled_alerts": troubled_alerts(visit.session, visit.actor.area_path)[:FAULTS_SHOWN],
        "faults": open_faults(visit.session, visit.actor.area_path)[:FAULTS_SHOWN],
        "events": unseen_events(visit, EVENTS_SHOWN),
    }


def unseen_events(visit: Visit, limit: int) -> list[tuple[SecurityEvent, Gateway]]:
    """Return refusals that nobody has looked at yet, newest first, for those who may mark them as seen."""
    if not visit.may("operate_gateways"):
        return []
    rows = visit.session.exec(
        select(SecurityEvent, Gateway)
        .join(Gateway, col(Gateway.id) == col(SecurityEvent.gateway_id))
        .join(Area, col(Area.id) == col(Gateway.area_id))
        .where(col(Area.path).startswith(visit.actor.area_path), col(SecurityEvent.seen_at).is_(None))
        .order_by(col(SecurityEvent.id).desc())
        .limit(limit)
    )
    return [(event, gateway) for event, gateway in rows]
