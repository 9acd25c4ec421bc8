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


def due_orders(session: Session, now: datetime) -> tuple[dict[str, Order], list[DueOrder]]:
    """Return what is due, oldest first, and the orders themselves by id. Expired rows are left out."""
    rows = session.execute(
        sa.select(
            col(Outbox.id),
            col(Outbox.order_id),
            col(Outbox.gateway_id),
            col(Outbox.attempts),
            col(GatewayState.boot),
            col(GatewayState.online),
        )
        .join(GatewayState, col(GatewayState.gateway_id) == col(Outbox.gateway_id), isouter=True)
        .where(col(Outbox.next_attempt_at) <= now, col(Outbox.expires_at) > now)
        .order_by(col(Outbox.id))
        .limit(BATCH)
    ).all()
    due = [DueOrder(*row) for row in rows]
    wanted = sorted({order.order_id for order in due})
    orders = session.exec(select(Order).where(col(Order.id).in_(wanted))).all() if wanted else []
    return {order.id: order for order in orders}, due


def note_orders_sent(
    session: Session, sent: Sequence[DueOrder], orders: dict[str, Order], now: datetime
) -> None:
    """Set the next attempts, and mark first deliveries as sent.

    To a gateway that is away it is sent once, for the broker to hold, and again when it comes back: a queue
    of repeats would greet it otherwise.
    """
    if not sent:
        return
    again: dict[tuple[int, datetime], list[int]] = {}
    for due in sent:
        attempts = due.attempts + 1
        away = due.online is False
        at = orders[due.order_id].expires_at if away else next_attempt_at(attempts, now)
        again.setdefault((attempts, at), []).append(due.outbox_id)
    for (attempts, at), outbox_ids in again.items():
        for ids in chunks(outbox_ids):
            session.execute(
                sa.update(Outbox).where(col(Outbox.id).in_(ids)).values(attempts=attempts, next_attempt_at=at)
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


def due_plans(session: Session, now: datetime) -> list[DuePlan]:
    """Return gateways whose plan changed, and those online that have not confirmed theirs in time."""
    rows = session.execute(
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
    ).all()
    due = []
    for gateway_id, wanted, version, attempts, built, sent_at in rows:
        changed = wanted > built
        if changed or sent_at is None or next_attempt_at(attempts, sent_at) <= now:
            due.append(DuePlan(gateway_id, wanted, version, 0 if changed else attempts))
    return due[:PLAN_BATCH]


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


def next_due(session: Session, now: datetime) -> datetime:
    """Return when there is something to do next, at most half a minute ahead."""
    latest = now + timedelta(seconds=30)
    outbox = session.exec(select(sa.func.min(Outbox.next_attempt_at))).first()
    waiting = session.exec(
        select(GatewayState.plan_attempts, GatewayState.plan_sent_at).where(
            col(GatewayState.online).is_(True),
            col(GatewayState.plan_confirmed) < col(GatewayState.plan_version),
        )
    ).all()
    plans = [next_attempt_at(attempts, sent_at) for attempts, sent_at in waiting if sent_at is not None]
    return min([latest, *plans, *([outbox] if outbox else [])])
