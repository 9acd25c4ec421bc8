"""When each gateway gets its beat: once a minute, each at its own moment, so that ten thousand spread out."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col

from controller.broadcasts.delivery import DeliveryState
from controller.broadcasts.models import Delivery
from controller.gateways.models import Gateway, GatewayState
from controller.outbox.models import Order, Outbox

EVERY = timedelta(seconds=60)
SLICE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class DueBeat:
    """What one gateway is to be told."""

    gateway_id: str
    plan_version: int
    open_orders: tuple[str, ...]
    resync: bool
    """Ask for its state and its waiting reports as well."""


class Beats:
    """The time-table of beats, in memory: after a restart everyone is simply asked first."""

    def __init__(self, jitter: random.Random) -> None:
        self._jitter = jitter
        self._at: dict[str, datetime] = {}
        self._ask: set[str] = set()
        self._ask_all = True
        self.next_at: datetime | None = None
        """When `due` has something to do."""

    def ask_everyone(self) -> None:
        """Resync every gateway with its next beat, which comes within two seconds."""
        self._ask_all = True
        self.next_at = None

    def greet(self, gateway_ids: Iterable[str], now: datetime) -> None:
        """Have these told the time within a second: who has come back may have woken up in 1970."""
        for gateway_id in gateway_ids:
            if gateway_id in self._at:  # else it is new, and asked first
                self._at[gateway_id] = now

    def call(self, gateway_ids: Iterable[str], now: datetime) -> None:
        """Have these told at once: someone is about to speak there."""
        self.greet(gateway_ids, now)
        self.next_at = None

    def due(self, engine: Engine, now: datetime) -> list[DueBeat]:
        """Return the beats to send now."""
        if self.next_at is not None and now < self.next_at:
            return []
        with Session(engine) as session:
            rows = session.execute(
                sa.select(col(GatewayState.gateway_id), col(GatewayState.plan_version))
                .join(Gateway, col(Gateway.id) == col(GatewayState.gateway_id))
                .where(col(Gateway.enabled))
            )
            versions = {gateway_id: version for gateway_id, version in rows}  # noqa: C416 - rows are no pairs
            self._schedule(versions, now)
            ready = [gateway_id for gateway_id, at in self._at.items() if at <= now]
            open_orders = _open_orders(session, ready)
        beats = [
            DueBeat(each, versions[each], open_orders.get(each, ()), each in self._ask) for each in ready
        ]
        for each in ready:
            self._at[each] = now + EVERY * self._jitter.uniform(0.8, 1.2)
        self._ask.difference_update(ready)
        self.next_at = now + SLICE
        return beats

    def _schedule(self, versions: dict[str, int], now: datetime) -> None:
        for gone in self._at.keys() - versions.keys():
            del self._at[gone]
        fresh = versions.keys() if self._ask_all else versions.keys() - self._at.keys()
        for gateway_id in fresh:
            self._at[gateway_id] = now + timedelta(seconds=self._jitter.uniform(0.0, 2.0))
        self._ask.update(fresh)
        self._ask_all = False


def _open_orders(session: Session, gateway_ids: list[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    if not gateway_ids:
        return found
    rows = session.execute(
        sa.select(col(Outbox.gateway_id), col(Order.broadcast_id))
        .join(Order, col(Order.id) == col(Outbox.order_id))
        .join(
            Delivery,
            (col(Delivery.broadcast_id) == col(Order.broadcast_id))
            & (col(Delivery.gateway_id) == col(Outbox.gateway_id)),
        )
        .where(col(Delivery.state).in_((DeliveryState.PLANNED, DeliveryState.SENT)))
    )
    wanted = set(gateway_ids)
    for gateway_id, broadcast_id in rows:
        if gateway_id in wanted and broadcast_id is not None:
            found[gateway_id] = (*found.get(gateway_id, ()), broadcast_id)
    return found
