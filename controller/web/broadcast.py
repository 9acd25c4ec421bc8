"""Broadcast: who played, who did not, why and when; nothing unknown is hidden."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import col, select

from controller.broadcasts.delivery import OPEN, SETTLED
from controller.broadcasts.models import Broadcast, Delivery, DeliveryHistory
from controller.broadcasts.service import get_broadcast
from controller.bulletins.models import Bulletin
from controller.gateways.models import Gateway
from controller.people.models import Person
from controller.web.listing import lines_of
from controller.web.places import Places
from controller.web.visit import Visit, VisitDep

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Row:
    """One gateway's part in a broadcast."""

    gateway: Gateway
    delivery: Delivery
    before: list[DeliveryHistory]
    """Ends that it was given before and that a later report amended."""


@router.get("/phat/{broadcast_id}")
def broadcast(broadcast_id: str, visit: VisitDep) -> HTMLResponse:
    """One broadcast.

    Raises:
        NotFound: There is none, or it is someone else's.
    """
    found = get_broadcast(visit.session, visit.actor, broadcast_id)
    return visit.render("broadcast.html", here="", **_facts(visit, found), **_progress(visit, found))


@router.get("/parts/broadcast/{broadcast_id}")
def broadcast_part(broadcast_id: str, visit: VisitDep) -> HTMLResponse:
    """What of it can change."""
    found = get_broadcast(visit.session, visit.actor, broadcast_id)
    return visit.render("parts/broadcast.html", **_progress(visit, found))


def _facts(visit: Visit, found: Broadcast) -> dict[str, Any]:
    return {
        "bulletin": visit.session.get(Bulletin, found.bulletin_id) if found.bulletin_id else None,
        "author": _name(visit, found.created_by),
    }


def _progress(visit: Visit, found: Broadcast) -> dict[str, Any]:
    places = Places(visit.session, visit.actor.area_path)
    rows = _rows(visit, found.id)
    by_area: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (places.name(row.gateway.area_id), row.gateway.id)):
        by_area.setdefault(places.name(row.gateway.area_id), []).append(row)
    return {
        "line": lines_of(visit.session, places, [found])[0],
        "rows_by_area": by_area,
        "is_open": any(row.delivery.state in OPEN for row in rows),
        "has_begun": found.start_at <= visit.now,
        "stopped_by": _name(visit, found.stopped_by),
        "cancelled_by": _name(visit, found.cancelled_by),
    }


def _rows(visit: Visit, broadcast_id: str) -> list[Row]:
    history: dict[int, list[DeliveryHistory]] = {}
    for each in visit.session.exec(
        select(DeliveryHistory)
        .join(Delivery, col(Delivery.id) == col(DeliveryHistory.delivery_id))
        .where(Delivery.broadcast_id == broadcast_id, col(DeliveryHistory.new).in_(SETTLED))
        .order_by(col(DeliveryHistory.id))
    ):
        history.setdefault(each.delivery_id, []).append(each)
    found = visit.session.exec(
        select(Gateway, Delivery)
        .join(Delivery, col(Delivery.gateway_id) == col(Gateway.id))
        .where(Delivery.broadcast_id == broadcast_id)
    )
    return [Row(gateway, delivery, history.get(delivery.id, [])[:-1]) for gateway, delivery in found]


def _name(visit: Visit, person_id: int | None) -> str:
    person = visit.session.get(Person, person_id) if person_id is not None else None
    return person.name if person else ""
