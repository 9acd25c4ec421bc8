"""The controller's secrets: signing keys, epoch and its password at the broker; made at the first start."""

import base64
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from wire.envelope import PublicKey, Scope, SigningKey


class _StoredKey(Struct):
    kid: str
    scope: Scope
    private: str


class _Stored(Struct):
    epoch: int
    broker_password: str
    keys: list[_StoredKey]


@dataclass(frozen=True, slots=True)
class Keyring:
    """What the controller proves its orders with."""

    epoch: int
    broker_password: str
    keys: tuple[SigningKey, ...]

    def key(self, scope: Scope) -> SigningKey:
        """Return the key that signs for a scope."""
        return next(key for key in self.keys if key.scope is scope)

    @property
    def public(self) -> tuple[PublicKey, ...]:
        """What gateways are given when they are enrolled."""
        return tuple(key.public for key in self.keys)


def open_keyring(directory: Path) -> Keyring:
    """Load ``keys.json``, or make it when there is none. Readable by its owner only."""
    path = directory / "keys.json"
    if not path.exists():
        write_secret(path, _encoded(_fresh()))
    stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
    keys = tuple(
        SigningKey(key.kid, key.scope, Ed25519PrivateKey.from_private_bytes(base64.b64decode(key.private)))
        for key in stored.keys
    )
    return Keyring(stored.epoch, stored.broker_password, keys)


def raise_epoch(directory: Path) -> int:
    """Start a new epoch, after the database was restored from a backup; returns it.

    Gateways refuse anything of an earlier epoch from then on, so numbers that the restored database gives
    out a second time cannot be taken for replays.
    """
    path = directory / "keys.json"
    open_keyring(directory)
    stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
    stored.epoch += 1
    write_secret(path, _encoded(stored))
    return stored.epoch


def write_secret(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _fresh() -> _Stored:
    keys = [
        _StoredKey(
            f"{scope.value}-1",
            scope,
            base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode(),
        )
        for scope in Scope
    ]
    return _Stored(epoch=1, broker_password=secrets.token_urlsafe(32), keys=keys)


def _encoded(stored: _Stored) -> bytes:
    return msgspec.json.format(msgspec.json.encode(stored), indent=2)
