"""What a gateway will play: from its open deliveries to the items of a plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from controller.broadcasts.delivery import GRACE, OPEN, Route
from controller.broadcasts.models import Broadcast, Delivery
from controller.broadcasts.playing import item_of
from wire.messages import MAX_PLAN_BYTES, Item, encode


@dataclass(frozen=True, slots=True)
class PlanContent:
    """Items in the order of their start, and until when they are complete."""

    items: tuple[Item, ...]
    until_at: datetime


def read_items(session: Session, gateway_ids: Sequence[str], now: datetime) -> dict[str, list[Item]]:
    """Return for each gateway the items that may still sound, by their start; one query for all."""
    rows = session.exec(
        select(Delivery.gateway_id, Broadcast)
        .join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
        .where(
            col(Delivery.gateway_id).in_(gateway_ids),
            Delivery.route == Route.PLAN,
            col(Delivery.state).in_(OPEN),
            Delivery.deadline_at > now + GRACE,
            col(Broadcast.cancelled_at).is_(None),
            col(Broadcast.stopped_at).is_(None),
        )
        .order_by(col(Broadcast.start_at), col(Broadcast.id))
    )
    items: dict[str, Item] = {}
    found: dict[str, list[Item]] = {gateway_id: [] for gateway_id in gateway_ids}
    for gateway_id, broadcast in rows:
        item = items.get(broadcast.id)
        if item is None:
            item = items[broadcast.id] = item_of(broadcast)
        found[gateway_id].append(item)
    return found


def fit(items: Sequence[Item], *, now: datetime, horizon: timedelta) -> PlanContent:
    """Keep what fits into one message and say truly until when it is complete. Pure.

    Args:
        items: By their start.
        now: The plan's time.
        horizon: How far ahead deliveries were made.
    """
    size = 1024
    for index, item in enumerate(items):
        size += len(encode(item)) + 1
        if size > MAX_PLAN_BYTES:
            return PlanContent(tuple(items[:index]), item.start_at)
    return PlanContent(tuple(items), now + horizon)
