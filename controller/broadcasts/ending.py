"""Stopping and cancelling broadcasts. A delivery ends when its gateway says so, not by our wish."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.audit.service import record
from controller.broadcasts.delivery import OPEN, DeliveryState, Progress, Route, on_withdrawn
from controller.broadcasts.models import Broadcast, Delivery, DeliveryHistory
from controller.broadcasts.service import audit, get_broadcast, touch_plans
from controller.bulk import chunks, update_rows
from controller.errors import AlreadyOver
from controller.gateways.service import gateways_in
from controller.outbox.models import Order, OrderKind, Outbox
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
    withdraw(session, [broadcast.id], now=now)
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
    withdraw(session, [broadcast.id], now=now)
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
    """Silence all that is due or sounding in an area, and take back what was ordered and has not begun.

    Sent before all else, on the topic of emergencies. What is planned for later stays.

    Returns:
        How many gateways were told.
    """
    actor.require(Permission.STOP, area.path)
    gateway_ids = [gateway.id for gateway in gateways_in(session, area.path) if gateway.enabled]
    if gateway_ids:
        put_order(
            session,
            OrderKind.STOP,
            {},
            gateway_ids,
            now=now,
            expires_at=now + timedelta(minutes=10),
            emergency=True,
        )
        take_back(session, _ordered(session, gateway_ids), only=gateway_ids, now=now)
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


def take_back(
    session: Session,
    broadcast_ids: Sequence[str],
    *,
    now: datetime,
    only: Iterable[str] | None = None,
    except_for: Iterable[str] = (),
) -> None:
    """Keep ordered broadcasts from beginning, and silence them where they have begun; tombstones stay.

    Args:
        session: A writing transaction.
        broadcast_ids: Of broadcasts that were ordered, not planned.
        now: The present.
        only: The gateways that it is about; None is all.
        except_for: Gateways that go on.
    """
    kept, chosen = frozenset(except_for), None if only is None else frozenset(only)
    at_gateway: dict[str, list[str]] = {}
    for ids in chunks(broadcast_ids):
        rows = session.execute(
            sa.select(col(Delivery.gateway_id), col(Delivery.broadcast_id))
            .where(col(Delivery.broadcast_id).in_(ids), col(Delivery.state).in_(OPEN))
            .order_by(col(Delivery.broadcast_id))
        )
        for gateway_id, broadcast_id in rows:
            if gateway_id not in kept and (chosen is None or gateway_id in chosen):
                at_gateway.setdefault(gateway_id, []).append(broadcast_id)
    alike: dict[tuple[str, ...], list[str]] = {}
    for gateway_id, theirs in at_gateway.items():
        alike.setdefault(tuple(theirs), []).append(gateway_id)
    for ordered, gateway_ids in alike.items():
        withdraw(session, ordered, gateway_ids, now=now)
        forget(session, ordered, gateway_ids)
        for ids in chunks(ordered):
            put_order(
                session,
                OrderKind.CANCEL,
                {"broadcast_ids": list(ids), "sounding": True},
                gateway_ids,
                now=now,
                expires_at=now + STOP_VALID,
                emergency=True,
            )


def _ordered(session: Session, gateway_ids: Sequence[str]) -> list[str]:
    found: set[str] = set()
    for ids in chunks(gateway_ids):
        found.update(
            session.exec(
                select(Delivery.broadcast_id).where(
                    col(Delivery.gateway_id).in_(ids),
                    Delivery.route == Route.ORDER,
                    col(Delivery.state).in_(OPEN),
                )
            )
        )
    return sorted(found)


def _open_gateways(session: Session, broadcast_id: str) -> list[str]:
    return list(
        session.exec(
            select(Delivery.gateway_id).where(
                Delivery.broadcast_id == broadcast_id, col(Delivery.state).in_(OPEN)
            )
        )
    )


def withdraw(
    session: Session,
    broadcast_ids: Sequence[str],
    gateway_ids: Sequence[str] | None = None,
    *,
    now: datetime,
) -> None:
    """Cancel at once what no gateway can have heard of.

    Args:
        session: A writing transaction.
        broadcast_ids: Of which broadcasts, at most some hundreds.
        gateway_ids: At which gateways; None is all.
        now: The present.
    """
    query = sa.select(
        col(Delivery.id), col(Delivery.gateway_id), col(Delivery.state), col(Delivery.deadline_at)
    ).where(col(Delivery.broadcast_id).in_(broadcast_ids), col(Delivery.state) == DeliveryState.PLANNED)
    chosen = None if gateway_ids is None else frozenset(gateway_ids)
    updates, history = [], []
    for delivery_id, gateway_id, state, deadline_at in session.execute(query).all():
        if chosen is not None and gateway_id not in chosen:
            continue
        after = on_withdrawn(Progress(state, deadline_at), now)
        settled = {"state": after.state, "reason": after.reason, "settled_at": after.settled_at}
        updates.append({"id": delivery_id, **settled})
        history.append(
            {"delivery_id": delivery_id, "at": now, "old": state, "new": after.state, "reason": after.reason}
        )
    if updates:
        update_rows(session, Delivery, updates)
        session.execute(sa.insert(DeliveryHistory), history)


def forget(session: Session, broadcast_ids: Sequence[str], gateway_ids: Sequence[str]) -> None:
    """Take orders to play these out of the outbox: they are not sent, nor sent again."""
    plays = sa.select(col(Order.id)).where(
        col(Order.broadcast_id).in_(broadcast_ids), col(Order.kind) == OrderKind.PLAY
    )
    for chunk in chunks(gateway_ids):
        session.execute(
            sa.delete(Outbox)
            .where(col(Outbox.gateway_id).in_(chunk), col(Outbox.order_id).in_(plays))
            .execution_options(synchronize_session=False)
        )
