"""Gateway: how one box is, how it has been, and what it plays."""

from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import col, select

from controller.broadcasts.delivery import OPEN
from controller.broadcasts.models import Broadcast, Delivery
from controller.gateways.faults import faults_of
from controller.gateways.liveness import contact
from controller.gateways.models import Connectivity, Gateway, GatewayConfig, GatewayState
from controller.gateways.service import get_gateway
from controller.web.fleet import Member
from controller.web.health import last_error, readings, self_test_at
from controller.web.places import Places
from controller.web.uptime import Stretch, stretches, whole
from controller.web.visit import Visit, VisitDep

router = APIRouter(include_in_schema=False)

UPTIME_DAYS = 30
NEXT, RECENT = 5, 10


@router.get("/cum-loa/{gateway_id}")
def gateway(gateway_id: str, visit: VisitDep) -> HTMLResponse:
    """One gateway.

    Raises:
        NotFound: There is none, or it is someone else's.
    """
    found = get_gateway(visit.session, visit.actor, gateway_id)
    return visit.render("gateway.html", here="fleet", gateway=found, **_board(visit, found))


@router.get("/parts/gateway/{gateway_id}")
def gateway_part(gateway_id: str, visit: VisitDep) -> HTMLResponse:
    """What of it can change."""
    found = get_gateway(visit.session, visit.actor, gateway_id)
    return visit.render("parts/gateway.html", gateway=found, **_board(visit, found))


def _board(visit: Visit, found: Gateway) -> dict[str, Any]:
    places = Places(visit.session, visit.actor.area_path)
    state = visit.session.get_one(GatewayState, found.id)
    days = _uptime(visit, found.id)
    commune = places.commune_of(found.area_id)
    return {
        "area": places.name(found.area_id),
        "commune": commune.name if commune else "",
        "state": state,
        "by_https": found.id in visit.svc.inboxes.open_now(),
        "member": Member(found, state, contact(state), places.name(found.area_id)),
        "readings": readings(state.health),
        "error": last_error(state.health),
        "self_test_at": self_test_at(state.health),
        "faults": faults_of(visit.session, found.id),
        "days": days,
        "month": whole(days),
        "config": visit.session.get(GatewayConfig, found.id),
        "last": visit.session.get(Broadcast, state.last_played_id) if state.last_played_id else None,
        "coming": _deliveries(visit, found.id, still_open=True),
        "recent": _deliveries(visit, found.id, still_open=False),
    }


def _uptime(visit: Visit, gateway_id: str) -> list[Stretch]:
    bounds: list[datetime] = [
        visit.midnight(visit.today - timedelta(days=number)) for number in range(UPTIME_DAYS - 1, -1, -1)
    ]
    bounds.append(visit.next_midnight(visit.today))
    rows = visit.session.exec(
        select(Connectivity)
        .where(Connectivity.gateway_id == gateway_id, Connectivity.at >= bounds[0])
        .order_by(col(Connectivity.at), col(Connectivity.id))
    ).all()
    before = visit.session.exec(
        select(Connectivity)
        .where(Connectivity.gateway_id == gateway_id, Connectivity.at < bounds[0])
        .order_by(col(Connectivity.at).desc(), col(Connectivity.id).desc())
        .limit(1)
    ).all()
    return stretches([(row.at, row.online) for row in (*before, *rows)], bounds, visit.now)


def _deliveries(visit: Visit, gateway_id: str, *, still_open: bool) -> list[tuple[Delivery, Broadcast]]:
    query = (
        select(Delivery, Broadcast)
        .join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
        .where(Delivery.gateway_id == gateway_id)
    )
    if still_open:
        query = query.where(col(Delivery.state).in_(OPEN)).order_by(col(Delivery.start_at)).limit(NEXT)
    else:
        query = query.where(col(Delivery.state).not_in(OPEN)).order_by(col(Delivery.start_at).desc())
        query = query.limit(RECENT)
    return [(delivery, broadcast) for delivery, broadcast in visit.session.exec(query)]
