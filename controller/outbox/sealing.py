"""From what is ordered to the signed envelope that one gateway gets."""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy.engine import Engine
from sqlmodel import Session

from controller.columns import new_id
from controller.counters import reserve
from controller.db import writing
from controller.keyring import Keyring
from controller.outbox.models import Order, OrderKind
from wire import messages
from wire.envelope import Scope, seal
from wire.messages import (
    Beat,
    Cancel,
    Config,
    Item,
    LiveSource,
    Plan,
    Play,
    Receipt,
    Resync,
    Stop,
    Volume,
    encode,
)

CLOCK_SLACK = timedelta(seconds=60)
"""Valid from a minute before it was signed: a gateway's clock is trusted within 30 s."""

_BLOCK = 20_000


class Sequence:
    """Numbers that only ever rise, also over restarts: reserved in blocks, so most cost no transaction."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._lock = threading.Lock()
        self._next = self._end = 0

    def take(self) -> int:
        """Return the next number."""
        with self._lock:
            if self._next >= self._end:
                with Session(self._engine) as session, session.begin():
                    writing(session)
                    self._next = reserve(session, self._name, _BLOCK)
                self._end = self._next + _BLOCK
            self._next += 1
            return self._next - 1


class Sealer:
    """Makes signed messages; every call gives a new id and a new number, also for the same order."""

    def __init__(self, keyring: Keyring, sequence: Sequence) -> None:
        self._keyring = keyring
        self._sequence = sequence
        self._routine = keyring.key(Scope.ROUTINE)
        self._emergency = keyring.key(Scope.EMERGENCY)

    def plan(
        self,
        gateway_id: str,
        version: int,
        items: tuple[Item, ...],
        until_at: datetime,
        *,
        now: datetime,
        exp: datetime,
    ) -> bytes:
        """Return a sealed plan."""
        header = self._header(gateway_id, now, exp)
        return seal(encode(Plan(version=version, until_at=until_at, items=items, **header)), self._routine)

    def order(
        self, order: Order, body: Mapping[str, Any], gateway_id: str, boot: str | None, *, now: datetime
    ) -> bytes:
        """Return a sealed order, signed with the emergency key if it is one.

        Args:
            order: What is ordered.
            body: Its body as wire types; see `read_body`.
            gateway_id: To whom.
            boot: The gateway's boot nonce as last heard.
            now: The present.
        """
        header = self._header(gateway_id, now, order.expires_at)
        if order.emergency:
            header["boot"] = boot
        message = _ORDERS[order.kind](order_id=order.id, **header, **body)
        return seal(encode(message), self._emergency if order.emergency else self._routine)

    def receipt(self, gateway_id: str, journal: str, up_to: int, *, now: datetime) -> bytes:
        """Return a sealed receipt."""
        header = self._header(gateway_id, now, now + timedelta(hours=1))
        return seal(encode(Receipt(journal=journal, up_to=up_to, **header)), self._routine)

    def resync(self, gateway_id: str, *, now: datetime) -> bytes:
        """Return a sealed request to say everything again."""
        header = self._header(gateway_id, now, now + timedelta(minutes=5))
        return seal(encode(Resync(**header)), self._routine)

    def beat(
        self,
        gateway_id: str,
        plan_version: int,
        open_orders: tuple[str, ...],
        live_ahead: tuple[LiveSource, ...] = (),
        *,
        now: datetime,
    ) -> bytes:
        """Return a sealed beat."""
        header = self._header(gateway_id, now, now + timedelta(seconds=60))
        beat = Beat(plan_version=plan_version, open_orders=open_orders, live_ahead=live_ahead, **header)
        return seal(encode(beat), self._routine)

    def _header(self, gateway_id: str, now: datetime, exp: datetime) -> dict[str, Any]:
        return {
            "id": new_id(),
            "aud": gateway_id,
            "epoch": self._keyring.epoch,
            "seq": self._sequence.take(),
            "iat": now,
            "nbf": now - CLOCK_SLACK,
            "exp": exp,
        }


_ORDERS: Mapping[OrderKind, type[messages.Order]] = {
    OrderKind.PLAY: Play,
    OrderKind.STOP: Stop,
    OrderKind.CANCEL: Cancel,
    OrderKind.VOLUME: Volume,
    OrderKind.CONFIG: Config,
}


def read_body(order: Order) -> dict[str, Any]:
    """Return an order's stored body as the types that `wire.messages` wants."""
    types = {field.name: field.type for field in msgspec.structs.fields(_ORDERS[order.kind])}
    return {name: msgspec.convert(value, types[name], strict=False) for name, value in order.body.items()}
