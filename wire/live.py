"""Live voice: numbered, signed packets of Opus on ``live/{session}``.

A session is opened by a signed order, `wire.messages.LiveSource` in its item, which names the session and the
public half of a key made for it alone; every packet is signed with the other half, so a gateway plays nothing
that did not come from whoever the order spoke for. Binary, for fifty of them a second go to every gateway:

======  =============================================================
bytes   what
======  =============================================================
2       ``L1``
16      session, the bytes of its UUID
4       number of the first frame, big-endian, from 0
1       1: nothing comes after this packet; 0: more will
1       how many frames, 0 to 50
2 + n   for each frame its length, big-endian, and its Opus data (RFC 6716), 20 ms mono
64      Ed25519 signature (RFC 8032) of all before it
======  =============================================================
"""

import struct
import uuid
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from wire.messages import LiveSource, WireError

FRAME_MS = 20
MAX_FRAMES = 50
"""In one packet: a second. More than one or two is the beginning said again, whole, to those who join late;
in one packet, for whoever subscribes between two would miss the first of them."""
MAX_FRAME_BYTES = 1275
"""Largest Opus frame, RFC 6716 §3.2.1."""

_MAGIC = b"L1"
_HEAD = struct.Struct(">2s16sIBB")
_LENGTH = struct.Struct(">H")
_SIGNATURE_BYTES = 64
_LAST_NUMBER = 2**32 - 1


@dataclass(frozen=True, slots=True)
class LivePacket:
    """Frames that follow each other."""

    first: int
    """Number of the first frame; the next one's is one more."""
    frames: tuple[bytes, ...]
    is_last: bool = False


def seal_live(session: str, packet: LivePacket, key: Ed25519PrivateKey) -> bytes:
    """Return a packet as it travels.

    Raises:
        WireError: Too many frames, a frame that is no Opus frame by its size, or a number out of range.
    """
    if len(packet.frames) > MAX_FRAMES or not 0 <= packet.first <= _LAST_NUMBER - MAX_FRAMES:
        raise WireError(f"{len(packet.frames)} frames from {packet.first} on")
    head = _HEAD.pack(_MAGIC, uuid.UUID(session).bytes, packet.first, int(packet.is_last), len(packet.frames))
    parts = [head]
    for frame in packet.frames:
        if not 0 < len(frame) <= MAX_FRAME_BYTES:
            raise WireError(f"a frame of {len(frame)} bytes")
        parts += [_LENGTH.pack(len(frame)), frame]
    body = b"".join(parts)
    return body + key.sign(body)


class LiveVerifier:
    """Opens the packets of one session.

    Raises:
        WireError: The source's key is no Ed25519 public key.
    """

    def __init__(self, source: LiveSource) -> None:
        self._session = uuid.UUID(source.session).bytes
        try:
            self._public = Ed25519PublicKey.from_public_bytes(source.public)
        except ValueError as error:
            raise WireError("a session's key is no Ed25519 public key") from error

    def open(self, data: bytes) -> LivePacket:
        """Return what a packet holds.

        Raises:
            WireError: It is of another session, not signed by this one's key, or no packet at all.
        """
        body, signature = data[:-_SIGNATURE_BYTES], data[-_SIGNATURE_BYTES:]
        if len(body) < _HEAD.size:
            raise WireError(f"{len(data)} bytes are no live packet")
        magic, session, first, last, count = _HEAD.unpack_from(body)
        if magic != _MAGIC or session != self._session or last > 1 or count > MAX_FRAMES:
            raise WireError("a live packet of another session or version")
        try:
            self._public.verify(signature, body)
        except InvalidSignature as error:
            raise WireError("a live packet with a bad signature") from error
        return LivePacket(first, _frames(body, count), is_last=bool(last))


def _frames(body: bytes, count: int) -> tuple[bytes, ...]:
    frames, at = [], _HEAD.size
    for _ in range(count):
        length = int.from_bytes(body[at : at + 2], "big")
        frame = body[at + 2 : at + 2 + length]
        if not 0 < length <= MAX_FRAME_BYTES or len(frame) < length:
            raise WireError("a live packet is cut off")
        frames.append(frame)
        at += 2 + length
    if at != len(body):
        raise WireError("a live packet has bytes left over")
    return tuple(frames)
