"""What the dispatcher has to send, read from rows and written back to them. Thin SQL, no broker."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from controller.broadcasts.delivery import DeliveryState, Route
from controller.broadcasts.models import Delivery
from controller.bulk import chunks
from controller.gateways.models import GatewayState
from controller.outbox.models import Order, Outbox
from controller.outbox.resend import next_attempt_at

BATCH = 20_000
"""One press of a button for the largest province: handed over without a stop to note it half-way."""
PLAN_BATCH = 200

LEFT_OUT_AHEAD = timedelta(days=3)
"""So long before its start at the latest a gateway is to hold what did not fit into its plan at first."""

HELD_AT_BROKER = 20
"""Routine orders that wait at the broker for one gateway that is away. The broker keeps them in the order of
their coming, so each stands in the way of an emergency that comes after it; the rest wait in the outbox."""

_ONLINE = sa.select(col(GatewayState.gateway_id)).where(col(GatewayState.online).is_(True))


@dataclass(frozen=True, slots=True)
class DueOrder:
    """One order to one gateway that is to be sent now."""

    outbox_id: int
    order_id: str
    gateway_id: str
    attempts: int
    boot: str | None
    online: bool | None


@dataclass(frozen=True, slots=True)
class DuePlan:
    """A gateway whose plan is to be built and sent now."""

    gateway_id: str
    wanted: int
    version: int
    attempts: int


def due_orders(
    session: Session, now: datetime, only: frozenset[str] | None = None
) -> tuple[dict[str, Order], list[DueOrder]]:
    """Return what is due, emergencies first, then oldest first, and the orders themselves by id.

    Args:
        session: Only read from.
        now: The present; expired rows are left out.
        only: The gateways that can be reached; None is all.
    """
    query = (
        sa.select(
            col(Outbox.id),
            col(Outbox.order_id),
            col(Outbox.gateway_id),
            col(Outbox.attempts),
            col(GatewayState.boot),
            col(GatewayState.online),
        )
        .join(Order, col(Order.id) == col(Outbox.order_id))
        .join(GatewayState, col(GatewayState.gateway_id) == col(Outbox.gateway_id), isouter=True)
        .where(col(Outbox.next_attempt_at) <= now, col(Outbox.expires_at) > now)
        .order_by(col(Order.emergency).desc(), col(Outbox.id))
        .limit(BATCH)
    )
    if only is not None:
        query = query.where(col(Outbox.gateway_id).in_(sorted(only)))
    due = [DueOrder(*row) for row in session.execute(query)]
    wanted = sorted({order.order_id for order in due})
    orders = session.exec(select(Order).where(col(Order.id).in_(wanted))).all() if wanted else []
    return {order.id: order for order in orders}, due


def keep_back(
    session: Session, due: Sequence[DueOrder], orders: dict[str, Order]
) -> tuple[list[DueOrder], list[DueOrder]]:
    """Part what is due into what to send and what a gateway that is away gets only when it is back.

    Args:
        session: Only read from.
        due: From `due_orders`.
        orders: The orders by id.
    """
    away = sorted({each.gateway_id for each in due if each.online is False})
    held: dict[str, int] = {}
    for chunk in chunks(away):
        rows = session.execute(
            sa.select(col(Outbox.gateway_id), sa.func.count())
            .join(Order, col(Order.id) == col(Outbox.order_id))
            .where(col(Outbox.gateway_id).in_(chunk), col(Outbox.attempts) > 0, ~col(Order.emergency))
            .group_by(col(Outbox.gateway_id))
        )
        held |= {gateway_id: count for gateway_id, count in rows}  # noqa: C416 - rows are no pairs
    send: list[DueOrder] = []
    keep: list[DueOrder] = []
    for each in due:
        if each.online is False and not orders[each.order_id].emergency:
            held[each.gateway_id] = held.get(each.gateway_id, 0) + 1
            if held[each.gateway_id] > HELD_AT_BROKER:
                keep.append(each)
                continue
        send.append(each)
    return send, keep


def note_orders_kept(session: Session, kept: Sequence[DueOrder], orders: dict[str, Order]) -> None:
    """Let these rest until their gateway is back; nothing was sent."""
    by_expiry: dict[datetime, list[int]] = {}
    for each in kept:
        by_expiry.setdefault(orders[each.order_id].expires_at, []).append(each.outbox_id)
    for at, outbox_ids in by_expiry.items():
        for ids in chunks(outbox_ids):
            session.execute(
                sa.update(Outbox)
                .where(col(Outbox.id).in_(ids), col(Outbox.gateway_id).not_in(_ONLINE))
                .values(next_attempt_at=at)
            )


def send_again(session: Session, gateway_id: str, now: datetime) -> None:
    """Send a gateway at once what it has not confirmed: it has come back, or has found another way to us."""
    session.execute(sa.update(Outbox).where(col(Outbox.gateway_id) == gateway_id).values(next_attempt_at=now))
    session.execute(
        sa.update(GatewayState)
        .where(col(GatewayState.gateway_id) == gateway_id)
        .values(plan_attempts=0, plan_sent_at=None)
    )


def note_orders_sent(
    session: Session, sent: Sequence[DueOrder], orders: dict[str, Order], now: datetime
) -> None:
    """Set the next attempts, and mark first deliveries as sent.

    To a gateway that is away it is sent once, for the broker to hold, and again when it comes back: a queue
    of repeats would greet it otherwise. One that came back meanwhile may have missed it.
    """
    if not sent:
        return
    again: dict[tuple[int, datetime, bool], list[int]] = {}
    for due in sent:
        attempts = due.attempts + 1
        away = due.online is False
        at = orders[due.order_id].expires_at if away else next_attempt_at(attempts, now)
        again.setdefault((attempts, at, away), []).append(due.outbox_id)
    for (attempts, at, away), outbox_ids in again.items():
        for ids in chunks(outbox_ids):
            update = sa.update(Outbox).where(col(Outbox.id).in_(ids))
            session.execute(update.values(attempts=attempts, next_attempt_at=at))
            if away:
                session.execute(
                    update.where(col(Outbox.gateway_id).in_(_ONLINE)).values(
                        next_attempt_at=next_attempt_at(attempts, now)
                    )
                )
    first: dict[str, list[str]] = {}
    for due in sent:
        broadcast_id = orders[due.order_id].broadcast_id
        if due.attempts == 0 and broadcast_id is not None:
            first.setdefault(broadcast_id, []).append(due.gateway_id)
    for broadcast_id, gateway_ids in first.items():
        for chunk in chunks(gateway_ids):
            session.execute(
                sa.update(Delivery)
                .where(
                    col(Delivery.broadcast_id) == broadcast_id,
                    col(Delivery.gateway_id).in_(chunk),
                    col(Delivery.route) == Route.ORDER,
                    col(Delivery.state) == DeliveryState.PLANNED,
                )
                .values(state=DeliveryState.SENT, sent_at=now)
            )


def due_plans(session: Session, now: datetime, only: frozenset[str] | None = None) -> list[DuePlan]:
    """Return gateways whose plan changed, and those online that have not confirmed theirs in time.

    Args:
        session: Only read from.
        now: The present.
        only: The gateways that can be reached; None is all.
    """
    query = (
        sa.select(
            col(GatewayState.gateway_id),
            col(GatewayState.plan_wanted),
            col(GatewayState.plan_version),
            col(GatewayState.plan_attempts),
            col(GatewayState.plan_built),
            col(GatewayState.plan_sent_at),
        )
        .where(
            (col(GatewayState.plan_wanted) > col(GatewayState.plan_built))
            | (
                col(GatewayState.online).is_(True)
                & (col(GatewayState.plan_confirmed) < col(GatewayState.plan_version))
            )
        )
        .limit(PLAN_BATCH * 10)
    )
    if only is not None:
        query = query.where(col(GatewayState.gateway_id).in_(sorted(only)))
    due = []
    for gateway_id, wanted, version, attempts, built, sent_at in session.execute(query):
        changed = wanted > built
        if changed or sent_at is None or next_attempt_at(attempts, sent_at) <= now:
            due.append(DuePlan(gateway_id, wanted, version, 0 if changed else attempts))
    return due[:PLAN_BATCH]


def gateways_left_out(session: Session, now: datetime) -> list[str]:
    """Return gateways with something to play soon that no plan of theirs has held yet.

    A plan is cut at the size of a message; what was beyond is sent once what came before has ended.
    """
    rows = session.execute(
        sa.select(col(Delivery.gateway_id))
        .where(
            col(Delivery.route) == Route.PLAN,
            col(Delivery.state) == DeliveryState.PLANNED,
            col(Delivery.plan_version).is_(None),
            col(Delivery.start_at) < now + LEFT_OUT_AHEAD,
        )
        .distinct()
    )
    return [gateway_id for (gateway_id,) in rows]


def note_plan_sent(
    session: Session, due: DuePlan, version: int, broadcast_ids: Iterable[str], now: datetime
) -> None:
    """Note which plan was sent and which deliveries travelled with it for the first time."""
    session.execute(
        sa.update(GatewayState)
        .where(col(GatewayState.gateway_id) == due.gateway_id)
        .values(plan_built=due.wanted, plan_version=version, plan_sent_at=now, plan_attempts=due.attempts + 1)
    )
    for chunk in chunks(list(broadcast_ids)):
        session.execute(
            sa.update(Delivery)
            .where(
                col(Delivery.gateway_id) == due.gateway_id,
                col(Delivery.broadcast_id).in_(chunk),
                col(Delivery.plan_version).is_(None),
            )
            .values(plan_version=version)
        )
        session.execute(
            sa.update(Delivery)
            .where(
                col(Delivery.gateway_id) == due.gateway_id,
                col(Delivery.broadcast_id).in_(chunk),
                col(Delivery.state) == DeliveryState.PLANNED,
            )
            .values(state=DeliveryState.SENT, sent_at=now)
        )


def expire_orders(session: Session, now: datetime) -> None:
    """Take out what is too late to send. What became of it is for the deliveries' deadlines to say."""
    session.execute(sa.delete(Outbox).where(col(Outbox.expires_at) <= now))


def next_due(session: Session, now: datetime, only: frozenset[str] | None = None) -> datetime:
    """Return when there is something to send next, at most half a minute ahead.

    Args:
        session: Only read from.
        now: The present; expired rows are left out.
        only: The gateways that can be reached; None is all. What waits for another is due when that has
            opened a way, and not before: asking again at once would never end.
    """
    latest = now + timedelta(seconds=30)
    attempts_of = select(sa.func.min(Outbox.next_attempt_at)).where(col(Outbox.expires_at) > now)
    plans_of = select(GatewayState.plan_attempts, GatewayState.plan_sent_at).where(
        col(GatewayState.online).is_(True),
        col(GatewayState.plan_confirmed) < col(GatewayState.plan_version),
    )
    if only is not None:
        attempts_of = attempts_of.where(col(Outbox.gateway_id).in_(sorted(only)))
        plans_of = plans_of.where(col(GatewayState.gateway_id).in_(sorted(only)))
    outbox = session.exec(attempts_of).first()
    waiting = session.exec(plans_of).all()
    plans = [next_attempt_at(attempts, sent_at) for attempts, sent_at in waiting if sent_at is not None]
    return min([latest, *plans, *([outbox] if outbox else [])])
