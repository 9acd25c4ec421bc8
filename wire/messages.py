"""What the controller and a gateway say to each other, wire version 1.

Pure data: no I/O, no clock. A reader skips fields that it does not know, so adding an optional field is
not a new version; taking one away or changing its meaning is. Every message fits in `MAX_BYTES`.
"""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from wire.items import RESUME_LIMIT_MS, ClipRef, Item, LiveSource
from wire.reports import VERSION, ControllerState, Health, Report, Reports, State
from wire.types import DurationMs, GainDb, GatewayId, Instant, MinuteOfDay, Percent, Seq, Uuid

__all__ = [
    "MAX_BYTES",
    "MAX_LIVE_AHEAD",
    "MAX_PLAN_BYTES",
    "RESUME_LIMIT_MS",
    "VERSION",
    "Beat",
    "Cancel",
    "ClipRef",
    "Config",
    "ControllerState",
    "DailySpan",
    "Down",
    "Health",
    "Item",
    "LiveSource",
    "Order",
    "Plan",
    "Play",
    "Receipt",
    "Report",
    "Reports",
    "Resync",
    "State",
    "Stop",
    "ToGateway",
    "Volume",
    "VolumeCap",
    "WireError",
    "decode_controller_state",
    "decode_health",
    "decode_reports",
    "decode_state",
    "decode_to_gateway",
    "encode",
]

MAX_BYTES = 128 * 1024
"""Largest message either side sends or reads, the envelope included; the broker refuses more."""

MAX_LIVE_AHEAD = 8
"""Phones that are armed for one gateway at once, as far as it is told of them."""

MAX_PLAN_BYTES = 92 * 1024
"""Largest plan before signing: base64 makes four bytes of three and the envelope adds some 150."""


class WireError(ValueError):
    """The other side sent what this protocol does not allow. Decoding raises this and nothing else."""


class Down(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What every message to a gateway carries, whatever its kind."""

    v: Annotated[int, Meta(ge=VERSION, le=VERSION)] = VERSION
    id: Uuid
    """New for every transmission: the same id twice is a redelivery or a replay, never a new order."""
    aud: GatewayId
    """The one gateway that may act on it; no topic decides who speaks."""
    epoch: Seq
    """Rises when the controller was restored from a backup; a lower one than seen is refused."""
    seq: Seq
    """Rises with every transmission in its stream (plan, order, emergency, beat)."""
    iat: Instant
    nbf: Instant
    exp: Instant
    boot: Uuid | None = None
    """The gateway's current boot nonce. An emergency carries it and so needs no clock to be fresh."""


class Plan(Down, frozen=True, kw_only=True, tag="plan"):
    """Everything one gateway will play until `until_at`. It replaces every earlier plan. Retained."""

    version: Annotated[int, Meta(ge=1)]
    until_at: Instant
    items: tuple[Item, ...]


class Order(Down, frozen=True, kw_only=True):
    """What must reach the gateway: sent again, under a new `id`, until it is confirmed or expired.

    The gateway confirms each order once with a report ``received`` that names it in `Report.orders`, after
    it is safely in its journal. The same order under a new `id` is already done: nothing happens again.
    """

    order_id: Uuid
    """The same in every transmission of one order."""


class Play(Order, frozen=True, kw_only=True, tag="play"):
    """Play one item now, or as soon as its `start_at` comes."""

    item: Item


class Stop(Order, frozen=True, kw_only=True, tag="stop"):
    """Silence one broadcast and never start it; without `broadcast_id`, silence what is due or sounding."""

    broadcast_id: Uuid | None = None


class Cancel(Order, frozen=True, kw_only=True, tag="cancel"):
    """Never start these. One that has not arrived yet leaves a tombstone, so that order does not matter."""

    broadcast_ids: Annotated[tuple[Uuid, ...], Meta(min_length=1, max_length=1000)]
    sounding: bool = False
    """Silence those that have begun meanwhile as well."""


class Volume(Order, frozen=True, kw_only=True, tag="volume"):
    """Set the loudness of everything but emergencies, in percent of full scale amplitude; 0 is mute."""

    percent: Percent


class DailySpan(Struct, frozen=True, kw_only=True):
    """The same minutes of every local day; one that ends before it starts crosses midnight."""

    from_minute: MinuteOfDay
    to_minute: MinuteOfDay
    """Exclusive. The same as `from_minute`: the whole day."""


class VolumeCap(DailySpan, frozen=True, kw_only=True):
    """Never louder than this in these minutes, emergencies excepted."""

    percent: Percent


class Config(Order, frozen=True, kw_only=True, tag="config"):
    """What a gateway keeps to whoever orders what. It replaces every earlier one of a lower `version`."""

    version: Annotated[int, Meta(ge=1)]
    zone: Annotated[str, Meta(max_length=64)] = "Asia/Ho_Chi_Minh"
    """Of the time zone database; the local day of all that follows."""
    quiet: Annotated[tuple[DailySpan, ...], Meta(max_length=16)] = ()
    """Nothing but an emergency sounds in these minutes, not even its end."""
    longest_ms: DurationMs | None = None
    """Nothing but an emergency is longer than this."""
    volume_caps: Annotated[tuple[VolumeCap, ...], Meta(max_length=48)] = ()
    ceiling_db: GainDb = 0.0
    """The horn's own limit, for emergencies too: full scale is never louder than this."""
    start_offset_ms: Annotated[int, Meta(ge=0, le=60_000)] = 0
    """Planned items start so much later here than at the neighbours, against the echo of far horns
    (Japan's staggered broadcast, 時差放送); emergencies do not wait."""
    pinned: Annotated[tuple[ClipRef, ...], Meta(max_length=256)] = ()
    """Prepared warnings: fetched before they are needed and never evicted."""


class Receipt(Down, frozen=True, kw_only=True, tag="receipt"):
    """The controller has committed every report of `journal` up to and including `up_to`; they may go."""

    journal: Uuid
    up_to: Seq


class Resync(Down, frozen=True, kw_only=True, tag="resync"):
    """Say again what is not receipted, and your state."""


class Beat(Down, frozen=True, kw_only=True, tag="beat"):
    """The controller's signed time (`iat`) and what it believes; each minute with jitter, QoS 0."""

    plan_version: Seq
    open_orders: tuple[Uuid, ...] = ()
    """Broadcasts ordered and not yet confirmed; a gateway that does not know one asks for it."""
    live_ahead: Annotated[tuple[LiveSource, ...], Meta(max_length=MAX_LIVE_AHEAD)] = ()
    """Whoever may speak here in a moment: a phone is armed. Their packets are let in until the next beat says
    otherwise; none of them sounds before a signed order names the same session with the same key."""


ToGateway = Plan | Play | Stop | Cancel | Volume | Config | Receipt | Resync | Beat


_encoder = msgspec.json.Encoder()
_to_gateway: msgspec.json.Decoder[ToGateway] = msgspec.json.Decoder(ToGateway)
_reports = msgspec.json.Decoder(Reports)
_state = msgspec.json.Decoder(State)
_health = msgspec.json.Decoder(Health)
_controller_state = msgspec.json.Decoder(ControllerState)


def encode(message: Struct) -> bytes:
    """Return the JSON of a message, unsigned.

    Raises:
        WireError: It is larger than `MAX_BYTES`.
    """
    payload = _encoder.encode(message)
    if len(payload) > MAX_BYTES:
        raise WireError(f"{type(message).__name__} of {len(payload)} bytes is over {MAX_BYTES}")
    return payload


_T = TypeVar("_T")


def _decode(decoder: msgspec.json.Decoder[_T], payload: bytes) -> _T:
    if len(payload) > MAX_BYTES:
        raise WireError(f"{len(payload)} bytes are over {MAX_BYTES}")
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise WireError(str(error)) from error


def decode_to_gateway(payload: bytes) -> ToGateway:
    """Parse the payload of an envelope; raises `WireError`, and nothing else."""
    return _decode(_to_gateway, payload)


def decode_reports(payload: bytes) -> Reports:
    """Parse what came on ``up/report``; raises `WireError`, and nothing else."""
    return _decode(_reports, payload)


def decode_state(payload: bytes) -> State:
    """Parse what came on ``up/state``; raises `WireError`, and nothing else."""
    return _decode(_state, payload)


def decode_health(payload: bytes) -> Health:
    """Parse what came on ``up/health``; raises `WireError`, and nothing else."""
    return _decode(_health, payload)


def decode_controller_state(payload: bytes) -> ControllerState:
    """Parse what came on ``controller/state``; raises `WireError`, and nothing else."""
    return _decode(_controller_state, payload)
