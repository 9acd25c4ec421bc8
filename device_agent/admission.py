"""Which messages may be acted on. Sans-I/O; the order of the checks is that of wire.md, first failure wins.

Promise 1 of the architecture hangs on this file: nothing sounds that was not ordered by someone entitled
to. What it lets through is new, signed by a key that may sign it, meant for this gateway and in time.
"""

import base64
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from device_agent.clock_trust import MAX_AWAY, MAX_OFFSET, Moment
from device_agent.freshness import Freshness, HeldPlan
from wire.envelope import Envelope, Rejected, Scope, Verifier
from wire.messages import Beat, Down, Plan, Play, ToGateway, WireError, decode_to_gateway
from wire.types import Priority, Rejection

QUIET_AFTER_CONNECTING = timedelta(seconds=30)
"""A broker that was killed sends again what it had already passed on; that is no attack."""

_BY_THE_CLOCK = frozenset({Rejection.EXPIRED, Rejection.NOT_YET_VALID})

_KINDS: dict[str, tuple[type[Down], ...]] = {"plan": (Plan,), "beat": (Beat,)}


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it came."""

    channel: str
    data: bytes
    retained: bool = False
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class Admitted:
    """To be acted on, once `freshness` is on disk."""

    message: ToGateway
    payload: bytes
    freshness: Freshness


@dataclass(frozen=True, slots=True)
class Ignored:
    """Seen before, or overtaken by a newer one: no harm and nothing to do."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A security event: not acted on, and reported."""

    rejection: Rejection
    detail: str


@dataclass(frozen=True, slots=True)
class Gate:
    """What a gateway checks against that does not change while it runs."""

    gateway_id: str
    boot: str
    verifier: Verifier


def admit(
    gate: Gate,
    freshness: Freshness,
    letter: Letter,
    moment: Moment,
    *,
    floor_at: datetime | None = None,
    connected_at: datetime | None = None,
) -> Admitted | Ignored | Refused:
    """Decide on one message.

    Args:
        gate: Who we are and whom we trust.
        freshness: What was accepted before.
        letter: The message.
        moment: The present and whether the clock that told it is trusted.
        floor_at: An instant that has certainly passed.
        connected_at: When the present connection began.
    """
    scope = Scope.EMERGENCY if letter.channel == "emergency" else Scope.ROUTINE
    try:
        payload = gate.verifier.open(letter.data, scope)
        message = _decoded(letter.channel, payload)
        _check_addressee(gate, message)
        _check_time(gate, letter.channel, message, moment, floor_at)
        _check_epoch(freshness, message)
    except Rejected as error:
        if error.rejection in _BY_THE_CLOCK and _clock_is_astray(message, moment):
            return Ignored()
        return Refused(error.rejection, f"{letter.channel} {readable_id(letter.data)}".strip())
    quiet = letter.redelivered or (
        connected_at is not None and moment.now - connected_at <= QUIET_AFTER_CONNECTING
    )
    return _fresh(freshness, letter, message, payload, quiet=quiet)


def _clock_is_astray(message: ToGateway, moment: Moment) -> bool:
    """Whether it is rather our clock that is out of time: no beat has confirmed it, and it is months away.

    The message is not acted on, for nobody can tell its age; but a box that woke up in 1970 is not attacked
    by everyone who speaks to it. The first beat, seconds later, puts that right.
    """
    return not moment.confirmed and abs(moment.now - message.iat) > MAX_AWAY


def readable_id(data: bytes) -> str:
    """Return the id inside an envelope for the record, or nothing; its sender may be anyone."""
    try:
        payload = base64.b64decode(msgspec.json.decode(data, type=Envelope).payload, validate=True)
        found = msgspec.json.decode(payload, type=_JustAnId).id
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    return found if _UUID.fullmatch(found) else ""


def _decoded(channel: str, payload: bytes) -> ToGateway:
    try:
        message = decode_to_gateway(payload)
    except WireError as error:
        raise Rejected(Rejection.MALFORMED, str(error)) from error
    if channel in _KINDS:
        right_kind = isinstance(message, _KINDS[channel])
    else:
        right_kind = not isinstance(message, Plan | Beat)
    if not right_kind:
        raise Rejected(Rejection.MALFORMED, f"{type(message).__name__} on {channel}")
    if channel != "emergency" and _holds_emergency(message):
        raise Rejected(Rejection.UNKNOWN_KEY, "an emergency under a routine key")
    return message


def _holds_emergency(message: ToGateway) -> bool:
    if isinstance(message, Plan):
        return any(item.priority is Priority.EMERGENCY for item in message.items)
    return isinstance(message, Play) and message.item.priority is Priority.EMERGENCY


def _check_addressee(gate: Gate, message: ToGateway) -> None:
    if message.aud != gate.gateway_id:
        raise Rejected(Rejection.WRONG_AUDIENCE, message.aud)


def _check_epoch(freshness: Freshness, message: ToGateway) -> None:
    if message.epoch < freshness.epoch:
        raise Rejected(Rejection.OLD_EPOCH, str(message.epoch))


def _check_time(
    gate: Gate, channel: str, message: ToGateway, moment: Moment, floor_at: datetime | None
) -> None:
    if channel == "emergency" and message.boot == gate.boot:
        return
    # A beat is what tells us that our clock is wrong, so our clock cannot judge it.
    # One that nobody vouches for is right or behind: what it calls over is over, and it can say no more.
    if (moment.trusted or moment.unvouched) and channel != "beat":
        if message.exp <= moment.now:
            raise Rejected(Rejection.EXPIRED)
        if moment.trusted and message.nbf > moment.now + MAX_OFFSET:
            raise Rejected(Rejection.NOT_YET_VALID)
    elif floor_at is not None and message.exp <= floor_at:
        raise Rejected(Rejection.EXPIRED)


def _fresh(
    freshness: Freshness, letter: Letter, message: ToGateway, payload: bytes, *, quiet: bool
) -> Admitted | Ignored | Refused:
    now_in = freshness.in_epoch(message.epoch)
    match message:
        case Plan():
            held = freshness.plan
            if held is None or (message.epoch, message.version) > (held.epoch, held.version):
                plan = HeldPlan(message.id, message.epoch, message.version)
                return Admitted(message, payload, replace(now_in, plan=plan))
            # The broker keeps one plan for whoever subscribes; the beat mends it when that is an old one.
            harmless = letter.retained or message.id == held.message_id
        case Beat():
            if message.seq > now_in.beat_seq and not letter.retained:
                return Admitted(message, payload, replace(now_in, beat_seq=message.seq))
            harmless = True
        case _:
            if not now_in.window(letter.channel).knows(message.id, message.seq):
                accepted = now_in.with_accepted(letter.channel, message.id, message.seq)
                return Admitted(message, payload, accepted)
            harmless = False
    if harmless or quiet:
        return Ignored()
    return Refused(Rejection.REPLAYED, f"{letter.channel} {message.id}")


class _JustAnId(msgspec.Struct):
    id: str


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
