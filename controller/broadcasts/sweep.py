"""Giving up: deliveries whose deadline has passed. The decision is `delivery.on_time`; this applies it."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from controller.broadcasts.delivery import OPEN, Progress, on_time
from controller.broadcasts.models import Delivery, DeliveryHistory
from controller.bulk import update_rows

BATCH = 5_000


def settle_overdue(session: Session, now: datetime) -> set[str]:
    """Settle what is overdue as `unknown` or `expired`; returns the broadcasts concerned."""
    rows = session.execute(
        sa.select(
            col(Delivery.id), col(Delivery.broadcast_id), col(Delivery.state), col(Delivery.deadline_at)
        )
        .where(col(Delivery.state).in_(OPEN), col(Delivery.deadline_at) <= now)
        .limit(BATCH)
    ).all()
    updates, history, touched = [], [], set()
    for delivery_id, broadcast_id, state, deadline_at in rows:
        after = on_time(Progress(state, deadline_at), now)
        updates.append({"id": delivery_id, "state": after.state, "reason": after.reason, "settled_at": now})
        history.append(
            {"delivery_id": delivery_id, "at": now, "old": state, "new": after.state, "reason": after.reason}
        )
        touched.add(broadcast_id)
    if updates:
        update_rows(
            session,
            Delivery,
            updates,
        )
        session.execute(sa.insert(DeliveryHistory), history)
    return touched
