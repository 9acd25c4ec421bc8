"""A controller's pen for tests: builds messages to one gateway and signs them."""

import random
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from device_agent.ids import new_id
from wire.credential import GatewayCredential
from wire.envelope import Scope, SigningKey, seal
from wire.messages import (
    Beat,
    Cancel,
    ClipRef,
    Config,
    Down,
    Item,
    Plan,
    Play,
    Receipt,
    Resync,
    Stop,
    Volume,
    encode,
)
from wire.types import LatenessPolicy, Priority

NOON = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
GATEWAY = "31672-001"

ROUTINE = SigningKey("routine-1", Scope.ROUTINE, Ed25519PrivateKey.from_private_bytes(b"r" * 32))
EMERGENCY = SigningKey("emergency-1", Scope.EMERGENCY, Ed25519PrivateKey.from_private_bytes(b"e" * 32))
STRANGER = SigningKey("routine-1", Scope.ROUTINE, Ed25519PrivateKey.from_private_bytes(b"x" * 32))

_ids = random.Random(7)


def an_id() -> str:
    return new_id(NOON, _ids)


def a_credential(gateway_id: str = GATEWAY, **changes: object) -> GatewayCredential:
    fields: dict[str, object] = {
        "gateway_id": gateway_id,
        "secret": "s" * 43,
        "broker_host": "127.0.0.1",
        "broker_port": 1883,
        "controller_url": "http://127.0.0.1:8000",
        "keys": (ROUTINE.public, EMERGENCY.public),
    }
    return GatewayCredential(**(fields | changes))  # type: ignore[arg-type]


def a_clip(name: str = "a", duration_ms: int = 4_000) -> ClipRef:
    return ClipRef(sha256=(name * 64)[:64], size_bytes=1_000, duration_ms=duration_ms)


def an_item(start_at: datetime = NOON, *, priority: str = "normal", **changes: object) -> Item:
    fields: dict[str, object] = {
        "broadcast_id": an_id(),
        "start_at": start_at,
        "clips": (a_clip(),),
        "priority": Priority(priority),
        "lateness": LatenessPolicy.PLAY_FROM_START,
    }
    return Item(**(fields | changes))  # type: ignore[arg-type]


class Pen:
    """Numbers, dates and signs what one controller says to one gateway."""

    def __init__(self, gateway_id: str = GATEWAY, *, epoch: int = 1) -> None:
        self.gateway_id = gateway_id
        self.epoch = epoch
        self._seq = 0
        self._version = 0

    def head(self, now: datetime, **changes: object) -> dict[str, object]:
        self._seq += 1
        head: dict[str, object] = {
            "id": an_id(),
            "aud": self.gateway_id,
            "epoch": self.epoch,
            "seq": self._seq,
            "iat": now,
            "nbf": now,
            "exp": now + timedelta(days=8),
        }
        return head | changes

    def plan(self, now: datetime, *items: Item, **changes: object) -> Plan:
        self._version += 1
        head = self.head(now, version=self._version, until_at=now + timedelta(days=7), items=items)
        return Plan(**(head | changes))  # type: ignore[arg-type]

    def play(self, now: datetime, item: Item, **changes: object) -> Play:
        return Play(**self.head(now, order_id=an_id(), item=item, **changes))  # type: ignore[arg-type]

    def stop(self, now: datetime, broadcast_id: str | None = None, **changes: object) -> Stop:
        head = self.head(now, order_id=an_id(), broadcast_id=broadcast_id, **changes)
        return Stop(**head)  # type: ignore[arg-type]

    def cancel(self, now: datetime, *broadcast_ids: str, **changes: object) -> Cancel:
        head = self.head(now, order_id=an_id(), broadcast_ids=broadcast_ids, **changes)
        return Cancel(**head)  # type: ignore[arg-type]

    def volume(self, now: datetime, percent: int, **changes: object) -> Volume:
        return Volume(**self.head(now, order_id=an_id(), percent=percent, **changes))  # type: ignore[arg-type]

    def config(self, now: datetime, version: int = 1, **changes: object) -> Config:
        head = self.head(now, order_id=an_id(), version=version, **changes)
        return Config(**head)  # type: ignore[arg-type]

    def receipt(self, now: datetime, journal: str, up_to: int) -> Receipt:
        return Receipt(**self.head(now, journal=journal, up_to=up_to))  # type: ignore[arg-type]

    def resync(self, now: datetime) -> Resync:
        return Resync(**self.head(now))  # type: ignore[arg-type]

    def beat(self, now: datetime, plan_version: int = 0, **changes: object) -> Beat:
        head = self.head(now, plan_version=plan_version, exp=now + timedelta(seconds=60))
        return Beat(**(head | changes))  # type: ignore[arg-type]


def signed(message: Down, key: SigningKey = ROUTINE) -> bytes:
    return seal(encode(message), key)


def again(message: Down, pen: Pen, now: datetime) -> Down:
    """Return the same order in a new transmission, as a controller resends it."""
    head = pen.head(now)
    return msgspec.structs.replace(message, id=head["id"], seq=head["seq"])
