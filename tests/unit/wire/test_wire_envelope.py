import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from wire.envelope import PublicKey, Rejected, Scope, SigningKey, Verifier, seal
from wire.messages import MAX_BYTES, WireError
from wire.types import Rejection

ROUTINE = SigningKey("routine-1", Scope.ROUTINE, Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))
EMERGENCY = SigningKey("emergency-1", Scope.EMERGENCY, Ed25519PrivateKey.from_private_bytes(b"\x02" * 32))
VERIFIER = Verifier((ROUTINE.public, EMERGENCY.public))


def refused(data: bytes, scope: Scope = Scope.ROUTINE) -> Rejection:
    with pytest.raises(Rejected) as caught:
        VERIFIER.open(data, scope)
    return caught.value.rejection


def test_what_was_sealed_is_opened() -> None:
    assert VERIFIER.open(seal(b"payload", ROUTINE), Scope.ROUTINE) == b"payload"


def test_the_signature_is_that_of_rfc_8032() -> None:
    # Test 2 of RFC 8032 §7.1, so that another implementation can be checked against ours.
    private = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    key = SigningKey("k", Scope.ROUTINE, Ed25519PrivateKey.from_private_bytes(private))
    signature = base64.b64decode(json.loads(seal(b"\x72", key))["sig"])
    assert signature.hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


def test_a_key_of_another_scope_is_unknown_here() -> None:
    assert refused(seal(b"x", ROUTINE), Scope.EMERGENCY) is Rejection.UNKNOWN_KEY
    assert refused(seal(b"x", EMERGENCY), Scope.ROUTINE) is Rejection.UNKNOWN_KEY


def test_a_stranger_with_a_known_key_id_is_refused() -> None:
    stranger = SigningKey("routine-1", Scope.ROUTINE, Ed25519PrivateKey.generate())
    assert refused(seal(b"x", stranger)) is Rejection.BAD_SIGNATURE


def test_too_big_is_refused_before_anything_is_read() -> None:
    assert refused(b"x" * (MAX_BYTES + 1)) is Rejection.TOO_BIG
    with pytest.raises(WireError):
        seal(b"x" * MAX_BYTES, ROUTINE)


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"{}", b'{"payload":1,"kid":"a","sig":"b"}', b"\xff\xfe"]
)
def test_what_is_no_envelope_is_malformed(data: bytes) -> None:
    assert refused(data) is Rejection.MALFORMED


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_gets_through(position: int, change: int) -> None:
    sealed = bytearray(seal(b'{"kind":"stop"}', ROUTINE))
    sealed[position % len(sealed)] ^= change
    try:
        payload = VERIFIER.open(bytes(sealed), Scope.ROUTINE)
    except Rejected:
        return
    assert payload == b'{"kind":"stop"}', "only a change that does not touch what was signed may pass"


def test_a_key_that_is_none_is_refused_when_it_is_given() -> None:
    with pytest.raises(WireError):
        Verifier((PublicKey("k", Scope.ROUTINE, "AAAA"),))
