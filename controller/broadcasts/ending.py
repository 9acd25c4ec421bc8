"""Stopping and cancelling broadcasts. A delivery ends when its gateway says so, not by our wish."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.audit.service import record
from controller.broadcasts.delivery import OPEN, DeliveryState, Progress, on_withdrawn
from controller.broadcasts.models import Broadcast, Delivery, DeliveryHistory
from controller.broadcasts.service import audit, get_broadcast, touch_plans
from controller.bulk import update_rows
from controller.errors import AlreadyOver
from controller.gateways.service import gateways_in
from controller.outbox.models import OrderKind
from controller.outbox.service import put_order
from controller.people.access import Actor, Permission
from wire.types import Priority

STOP_VALID = timedelta(hours=1)


def stop(session: Session, actor: Actor, broadcast_id: str, *, now: datetime) -> Broadcast:
    """Silence a broadcast that is due or sounding, and keep it from starting anywhere.

    Raises:
        NotFound: No such broadcast in the actor's area.
        AlreadyOver: Every delivery has ended.
    """
    broadcast = get_broadcast(session, actor, broadcast_id, Permission.STOP)
    open_ids = _open_gateways(session, broadcast.id)
    if not open_ids:
        raise AlreadyOver
    _withdraw(session, broadcast.id, now)
    put_order(
        session,
        OrderKind.STOP,
        {"broadcast_id": broadcast.id},
        open_ids,
        now=now,
        expires_at=max(now, broadcast.start_at) + STOP_VALID,
        broadcast_id=broadcast.id,
        emergency=broadcast.priority is Priority.EMERGENCY,
    )
    broadcast.stopped_at, broadcast.stopped_by = now, actor.person_id
    touch_plans(session, open_ids)
    audit(session, actor, "stop", broadcast, now)
    return broadcast


def cancel(session: Session, actor: Actor, broadcast_id: str, *, now: datetime) -> Broadcast:
    """Cancel a broadcast that has not started yet; one that already sounds is stopped.

    Raises:
        NotFound: No such broadcast in the actor's area.
        AlreadyOver: Every delivery has ended.
    """
    broadcast = get_broadcast(session, actor, broadcast_id, Permission.STOP)
    if broadcast.start_at <= now:
        return stop(session, actor, broadcast_id, now=now)
    open_ids = _open_gateways(session, broadcast.id)
    if not open_ids:
        raise AlreadyOver
    cancel_row(session, broadcast, open_ids, now=now, person_id=actor.person_id)
    audit(session, actor, "cancel", broadcast, now)
    return broadcast


def cancel_row(
    session: Session,
    broadcast: Broadcast,
    gateway_ids: Sequence[str],
    *,
    now: datetime,
    person_id: int | None,
) -> None:
    """Withdraw what no gateway knows of yet and tell the others; one that hears of it late falls silent."""
    _withdraw(session, broadcast.id, now)
    put_order(
        session,
        OrderKind.CANCEL,
        {"broadcast_ids": [broadcast.id], "sounding": True},
        gateway_ids,
        now=now,
        expires_at=broadcast.start_at + STOP_VALID,
        broadcast_id=broadcast.id,
    )
    broadcast.cancelled_at, broadcast.cancelled_by = now, person_id
    touch_plans(session, gateway_ids)


def stop_all(session: Session, actor: Actor, area: Area, *, now: datetime) -> int:
    """Silence everything that is due or sounding in an area; returns how many gateways were told."""
    actor.require(Permission.STOP, area.path)
    gateway_ids = [gateway.id for gateway in gateways_in(session, area.path) if gateway.enabled]
    if gateway_ids:
        put_order(session, OrderKind.STOP, {}, gateway_ids, now=now, expires_at=now + timedelta(minutes=10))
    record(
        session,
        now,
        "stop_all",
        person_id=actor.person_id,
        area_id=area.id,
        address=actor.address,
        detail={"gateways": len(gateway_ids)},
    )
    return len(gateway_ids)


def _open_gateways(session: Session, broadcast_id: str) -> list[str]:
    return list(
        session.exec(
            select(Delivery.gateway_id).where(
                Delivery.broadcast_id == broadcast_id, col(Delivery.state).in_(OPEN)
            )
        )
    )


def _withdraw(session: Session, broadcast_id: str, now: datetime) -> None:
    """Cancel at once what no gateway can have heard of."""
    rows = session.execute(
        sa.select(col(Delivery.id), col(Delivery.state), col(Delivery.deadline_at)).where(
            col(Delivery.broadcast_id) == broadcast_id, col(Delivery.state) == DeliveryState.PLANNED
        )
    ).all()
    updates, history = [], []
    for delivery_id, state, deadline_at in rows:
        after = on_withdrawn(Progress(state, deadline_at), now)
        settled = {"state": after.state, "reason": after.reason, "settled_at": after.settled_at}
        updates.append({"id": delivery_id, **settled})
        history.append(
            {"delivery_id": delivery_id, "at": now, "old": state, "new": after.state, "reason": after.reason}
        )
    if updates:
        update_rows(session, Delivery, updates)
        session.execute(sa.insert(DeliveryHistory), history)
