"""Week: seven days of broadcasts, printable as the station's timetable."""

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from controller.web.listing import Line, lines_between
from controller.web.places import Places
from controller.web.visit import Visit, VisitDep

router = APIRouter(include_in_schema=False)

WEEK = timedelta(days=7)
_EARLIEST, _LATEST = date(2000, 1, 1), date(2199, 12, 1)

From = Annotated[str, Query(alias="from", max_length=10)]


@router.get("/tuan")
def week(visit: VisitDep, day: From = "") -> HTMLResponse:
    """The week that a day lies in; without a day, or with one that is none, this week."""
    return visit.render("week.html", here="week", **_week(visit, day))


@router.get("/parts/week")
def week_part(visit: VisitDep, day: From = "") -> HTMLResponse:
    """The week's table."""
    return visit.render("parts/week.html", **_week(visit, day))


def monday_of(text: str, today: date) -> date:
    """Return the Monday of the week that is meant. Pure."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = today
    if not _EARLIEST <= day <= _LATEST:
        day = today
    return day - timedelta(days=day.weekday())


def _week(visit: Visit, wanted: str) -> dict[str, Any]:
    monday = monday_of(wanted, visit.today)
    days = [monday + timedelta(days=number) for number in range(7)]
    places = Places(visit.session, visit.actor.area_path)
    by_day: dict[date, list[Line]] = {day: [] for day in days}
    for line in lines_between(
        visit.session,
        places,
        visit.actor.area_path,
        visit.midnight(monday),
        visit.next_midnight(days[-1]),
    ):
        by_day[visit.day_of(line.broadcast.start_at)].append(line)
    return {
        "area": places.get(visit.actor.area_id),
        "days": by_day,
        "monday": monday,
        "sunday": days[-1],
        "earlier": monday - WEEK,
        "later": monday + WEEK,
        "this_week": monday_of("", visit.today) == monday,
        "today": visit.today,
        "known_until": visit.today + timedelta(days=visit.svc.settings.horizon_days),
    }
