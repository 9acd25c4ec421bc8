"""Broadcasts over HTTP."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.broadcasts import ending, service
from controller.broadcasts.models import Broadcast, Delivery, DeliveryHistory
from controller.broadcasts.summary import counts_of
from controller.deps import ActorDep, ClockDep, LoggedInDep, ServicesDep, SessionDep
from controller.people.access import Permission
from controller.people.step_up import require_step_up
from controller.programme.forms import PlayIn, playing_of
from wire.types import Priority, Sound

router = APIRouter(prefix="/api/v1", tags=["broadcasts"])


class BroadcastOut(BaseModel):
    """A broadcast, with how many of its deliveries are in which state."""

    id: str
    title: str
    bulletin_id: str | None
    emergency_id: str | None
    schedule_id: str | None
    start_at: datetime
    duration_ms: int
    priority: str
    mode: str
    cancelled_at: datetime | None
    stopped_at: datetime | None
    deliveries: dict[str, int]


class DeliveryOut(BaseModel):
    """What became of a broadcast at one gateway. ``unknown`` means just that."""

    gateway_id: str
    state: str
    reason: str | None
    sent_at: datetime | None
    received_at: datetime | None
    ready_at: datetime | None
    started_at: datetime | None
    settled_at: datetime | None
    played_ms: int | None
    expected_ms: int | None
    underruns: int | None
    peak_db: float | None
    rms_db: float | None
    sound: Sound | None
    """What a probe at the gateway says of it; null without a word from the gateway."""
    sound_confidence: float | None
    history: list[dict[str, Any]]


@router.post("/broadcasts", status_code=202, operation_id="play_now")
def play_now(
    wanted: PlayIn, svc: ServicesDep, found: LoggedInDep, session: SessionDep, clock: ClockDep
) -> BroadcastOut:
    """Play something now. 202: ordered, not yet heard; follow ``/broadcasts/{id}/deliveries``.

    An emergency asks for a proof of who one is (``/step-up``), as ``/emergencies`` does.
    """
    actor, opened = found
    if wanted.priority is Priority.EMERGENCY:
        actor.require(Permission.WARN)
        require_step_up(opened, clock.now())
    playing = playing_of(session, actor, wanted, clock)
    broadcast = service.play_now(
        session,
        actor,
        playing,
        now=clock.now(),
        rules=svc.settings.rules,
        limit_ms=svc.settings.play_now_limit_s * 1000,
    )
    return _out(session, [broadcast])[0]


@router.get("/broadcasts", operation_id="list_broadcasts")
def list_broadcasts(
    actor: ActorDep,
    session: SessionDep,
    after: datetime | None = None,
    before: datetime | None = None,
) -> list[BroadcastOut]:
    """Broadcasts of the person's area by their start, at most 500."""
    actor.require(Permission.READ)
    query = (
        select(Broadcast)
        .join(Area, col(Area.id) == col(Broadcast.area_id))
        .where(col(Area.path).startswith(actor.area_path))
        .order_by(col(Broadcast.start_at))
        .limit(500)
    )
    if after is not None:
        query = query.where(Broadcast.start_at >= after)
    if before is not None:
        query = query.where(Broadcast.start_at < before)
    return _out(session, list(session.exec(query)))


@router.get("/broadcasts/{broadcast_id}", operation_id="get_broadcast")
def get_broadcast(broadcast_id: str, actor: ActorDep, session: SessionDep) -> BroadcastOut:
    """One broadcast."""
    return _out(session, [service.get_broadcast(session, actor, broadcast_id)])[0]


@router.get("/broadcasts/{broadcast_id}/deliveries", operation_id="list_deliveries")
def list_deliveries(broadcast_id: str, actor: ActorDep, session: SessionDep) -> list[DeliveryOut]:
    """What became of it, gateway by gateway, with every terminal state it was ever given."""
    service.get_broadcast(session, actor, broadcast_id)
    deliveries = session.exec(
        select(Delivery).where(Delivery.broadcast_id == broadcast_id).order_by(col(Delivery.gateway_id))
    ).all()
    history: dict[int, list[dict[str, Any]]] = {}
    rows = session.exec(
        select(DeliveryHistory)
        .join(Delivery, col(Delivery.id) == col(DeliveryHistory.delivery_id))
        .where(Delivery.broadcast_id == broadcast_id)
        .order_by(col(DeliveryHistory.id))
    )
    for row in rows:
        history.setdefault(row.delivery_id, []).append(
            {"at": row.at, "old": row.old, "new": row.new, "reason": row.reason}
        )
    return [
        DeliveryOut(
            **{
                name: getattr(delivery, name)
                for name in DeliveryOut.model_fields
                if name not in {"history", "state"}
            },
            state=delivery.state.value,
            history=history.get(delivery.id or 0, []),
        )
        for delivery in deliveries
    ]


@router.post("/broadcasts/{broadcast_id}/stop", status_code=202, operation_id="stop_broadcast")
def stop(broadcast_id: str, actor: ActorDep, session: SessionDep, clock: ClockDep) -> BroadcastOut:
    """Silence it and keep it from starting anywhere. 202: ordered; deliveries end as gateways confirm."""
    return _out(session, [ending.stop(session, actor, broadcast_id, now=clock.now())])[0]


@router.post("/broadcasts/{broadcast_id}/cancel", status_code=202, operation_id="cancel_broadcast")
def cancel(broadcast_id: str, actor: ActorDep, session: SessionDep, clock: ClockDep) -> BroadcastOut:
    """Cancel it before it starts; one that sounds already is stopped."""
    return _out(session, [ending.cancel(session, actor, broadcast_id, now=clock.now())])[0]


def _out(session: Session, broadcasts: list[Broadcast]) -> list[BroadcastOut]:
    counts = counts_of(session, [broadcast.id for broadcast in broadcasts])
    return [
        BroadcastOut(
            **{name: getattr(each, name) for name in BroadcastOut.model_fields if name != "deliveries"},
            deliveries=counts.get(each.id, {}),
        )
        for each in broadcasts
    ]
