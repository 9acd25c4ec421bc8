"""Signed envelopes: Ed25519 (RFC 8032) over the raw payload bytes, so no canonical JSON is needed.

An envelope is ``{"payload": base64, "kid": …, "sig": base64}``. What is inside is parsed only after the
signature was found good.
"""

import base64
import binascii
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta, Struct

from wire.messages import MAX_BYTES, WireError
from wire.types import Rejection


class Scope(StrEnum):
    """What a key may sign; an emergency topic takes an emergency key only, and the other way round."""

    ROUTINE = "routine"
    EMERGENCY = "emergency"


class Envelope(Struct, frozen=True):
    """The JSON on every ``down/`` topic."""

    payload: Annotated[str, Meta(max_length=MAX_BYTES)]
    kid: Annotated[str, Meta(max_length=64)]
    sig: Annotated[str, Meta(max_length=128)]


class PublicKey(Struct, frozen=True):
    """A key as a gateway knows it: raw Ed25519 public key in base64, and what it may sign."""

    kid: str
    scope: Scope
    public: str


class Rejected(WireError):
    """A message that must not be acted on."""

    def __init__(self, rejection: Rejection, detail: str = "") -> None:
        super().__init__(f"{rejection.value}: {detail}" if detail else rejection.value)
        self.rejection = rejection


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its name and scope."""

    kid: str
    scope: Scope
    private: Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        """The half that gateways hold."""
        raw = self.private.public_key().public_bytes_raw()
        return PublicKey(self.kid, self.scope, base64.b64encode(raw).decode())


def seal(payload: bytes, key: SigningKey) -> bytes:
    """Sign a payload and return the envelope's JSON.

    Raises:
        WireError: The envelope would be larger than `MAX_BYTES`.
    """
    signature = base64.b64encode(key.private.sign(payload))
    # Base64 and key ids need no escaping, and this runs ten thousand times for one press of a button.
    sealed = b'{"payload":"%b","kid":"%b","sig":"%b"}' % (
        base64.b64encode(payload),
        key.kid.encode(),
        signature,
    )
    if len(sealed) > MAX_BYTES:
        raise WireError(f"an envelope of {len(sealed)} bytes is over {MAX_BYTES}")
    return sealed


class Verifier:
    """The keys that a gateway trusts."""

    def __init__(self, keys: tuple[PublicKey, ...]) -> None:
        self._keys: dict[str, tuple[Scope, Ed25519PublicKey]] = {}
        for key in keys:
            try:
                public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.public, validate=True))
            except ValueError as error:
                raise WireError(f"key {key.kid!r} is no Ed25519 public key") from error
            self._keys[key.kid] = (key.scope, public)

    def open(self, data: bytes, scope: Scope) -> bytes:
        """Return the payload of an envelope signed by a key of this scope.

        Raises:
            Rejected: Too big, no envelope, an unknown key or one of another scope, or a bad signature;
                checked in this order.
        """
        if len(data) > MAX_BYTES:
            raise Rejected(Rejection.TOO_BIG, f"{len(data)} bytes")
        try:
            envelope = _decoder.decode(data)
            payload = base64.b64decode(envelope.payload, validate=True)
            signature = base64.b64decode(envelope.sig, validate=True)
        except (msgspec.MsgspecError, binascii.Error, ValueError, RecursionError) as error:
            raise Rejected(Rejection.MALFORMED, str(error)[:100]) from error
        held, public = self._keys.get(envelope.kid, (None, None))
        if public is None or held is not scope:
            raise Rejected(Rejection.UNKNOWN_KEY, envelope.kid)
        try:
            public.verify(signature, payload)
        except InvalidSignature as error:
            raise Rejected(Rejection.BAD_SIGNATURE) from error
        return payload


_decoder = msgspec.json.Decoder(Envelope)
