"""Putting orders into the outbox, in the transaction that makes them necessary."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlmodel import Session, col

from controller.bulk import chunks, insert_for_each
from controller.columns import new_id
from controller.gateways.models import Gateway
from controller.outbox.models import Order, OrderKind, Outbox

ORDER_VALID = timedelta(hours=24)
"""How long an order waits for a gateway that is away, when nothing else bounds it."""


def put_order(
    session: Session,
    kind: OrderKind,
    body: Mapping[str, Any],
    gateway_ids: Sequence[str],
    *,
    now: datetime,
    expires_at: datetime,
    broadcast_id: str | None = None,
    emergency: bool = False,
) -> str:
    """Order something of each of these gateways and return the order's id.

    Args:
        session: A writing transaction.
        kind: What is ordered.
        body: The message's own fields, as `wire.messages` names them.
        gateway_ids: Of whom.
        now: The present.
        expires_at: It is not sent, and not obeyed, after this.
        broadcast_id: The broadcast that it is about.
        emergency: Sent on the emergency topic, signed with the emergency key.
    """
    order_id = new_id()
    session.add(
        Order(
            id=order_id,
            kind=kind,
            body=msgspec.to_builtins(body),
            emergency=emergency,
            broadcast_id=broadcast_id,
            created_at=now,
            expires_at=expires_at,
        )
    )
    session.flush()
    insert_for_each(
        session,
        Outbox,
        {"order_id": order_id, "attempts": 0, "next_attempt_at": now, "expires_at": expires_at},
        name="gateway_id",
        source=col(Gateway.id),
        keys=gateway_ids,
    )
    return order_id


def confirm(session: Session, pairs: Sequence[tuple[str, str]]) -> None:
    """Take confirmed orders out: (order id, gateway id) pairs; one that is gone already is no error."""
    by_order: dict[str, list[str]] = {}
    for order_id, gateway_id in pairs:
        by_order.setdefault(order_id, []).append(gateway_id)
    for order_id, gateway_ids in by_order.items():
        for chunk in chunks(gateway_ids):
            session.execute(
                sa.delete(Outbox)
                .where(col(Outbox.order_id) == order_id, col(Outbox.gateway_id).in_(chunk))
                .execution_options(synchronize_session=False)
            )
