"""What the controller and a gateway say to each other, wire version 1.

Pure data: no I/O, no clock. A reader skips fields that it does not know, so adding an optional field is
not a new version; taking one away or changing its meaning is. Every message fits in `MAX_BYTES`.
"""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from wire.types import (
    AfterPreemption,
    DiskState,
    DurationMs,
    Event,
    GainDb,
    GatewayId,
    Instant,
    LatenessPolicy,
    MinuteOfDay,
    Mode,
    Percent,
    Priority,
    SelfTest,
    Seq,
    Sha256,
    Sound,
    Uuid,
)

VERSION = 1
MAX_BYTES = 128 * 1024
"""Largest message either side sends or reads, the envelope included; the broker refuses more."""

MAX_PLAN_BYTES = 92 * 1024
"""Largest plan before signing: base64 makes four bytes of three and the envelope adds some 150."""


RESUME_LIMIT_MS = 30 * 60_000
"""How long what was cut off waits to come back, unless its order says otherwise."""


class WireError(ValueError):
    """The other side sent what this protocol does not allow. Decoding raises this and nothing else."""


class ClipRef(Struct, frozen=True, kw_only=True):
    """A clip that an item needs: fetch it from ``/media/<sha256>`` and trust it by its hash only."""

    sha256: Sha256
    size_bytes: Annotated[int, Meta(gt=0, le=1 << 31)]
    duration_ms: DurationMs


class LiveSource(Struct, frozen=True, kw_only=True):
    """Someone speaking now: packets on ``live/<session>``, see `wire.live`."""

    session: Uuid
    public: Annotated[bytes, Meta(min_length=32, max_length=32)]
    """Raw Ed25519 public key of this session alone, base64 in JSON."""
    longest_ms: Annotated[int, Meta(gt=0, le=3_600_000)]
    """Hard limit: the gateway falls silent after this, whoever speaks on."""


class Item(Struct, frozen=True, kw_only=True):
    """One broadcast as one gateway is to play it: clips, or a voice that speaks now."""

    broadcast_id: Uuid
    start_at: Instant
    clips: Annotated[tuple[ClipRef, ...], Meta(max_length=64)] = ()
    """Played one after the other without a gap."""
    live: LiveSource | None = None
    """Instead of clips. It is never resumed: who spoke has gone on meanwhile."""
    repeat: Annotated[int, Meta(ge=1, le=20)] = 1
    gap_ms: DurationMs = 0
    """Silence between two repeats."""
    priority: Priority = Priority.NORMAL
    mode: Mode = Mode.ACTUAL
    gain_db: GainDb = 0.0
    lateness: LatenessPolicy = LatenessPolicy.PLAY_FROM_START
    late_limit_ms: DurationMs = 120_000
    """Not started more than this after `start_at`; the gateway reports ``missed`` instead."""
    after_preemption: AfterPreemption = AfterPreemption.RESUME
    resume_limit_ms: DurationMs = RESUME_LIMIT_MS
    """Comes back no later than this after it was cut off; else it ends as ``preempted``."""
    supersedes: Annotated[tuple[Uuid, ...], Meta(max_length=64)] = ()
    """Broadcasts of the same or a lower priority that this one takes the place of: what sounds of them ends
    when this begins, what has not begun never does."""

    def __post_init__(self) -> None:
        """Refuse an item with no sound or with two; msgspec makes a `ValidationError` of it."""
        if bool(self.clips) == (self.live is not None):
            raise ValueError("an item has either clips or a live source")

    @property
    def duration_ms(self) -> int:
        """From the first sample to the last, with the gaps; of a live item the longest that it may be."""
        if self.live is not None:
            return self.live.longest_ms
        once = sum(clip.duration_ms for clip in self.clips)
        return once * self.repeat + self.gap_ms * (self.repeat - 1)


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


ToGateway = Plan | Play | Stop | Cancel | Volume | Config | Receipt | Resync | Beat


class Report(Struct, frozen=True, kw_only=True):
    """One thing that happened on a gateway, kept in its journal until receipted."""

    n: Annotated[int, Meta(ge=1)]
    """Number in the gateway's journal; no number is used twice or left out."""
    at: Instant
    event: Event
    broadcast_ids: tuple[Uuid, ...] = ()
    orders: tuple[Uuid, ...] = ()
    """The `Order.order_id` of each order confirmed by a ``received``."""
    reason: Annotated[str, Meta(max_length=200)] | None = None
    """A stable word: a `Rejection`, or why something failed, was missed or is partial."""
    started_at: Instant | None = None
    """When the first sample left for the sound device."""
    played_ms: DurationMs | None = None
    """Really written to the device, gaps included."""
    expected_ms: DurationMs | None = None
    underruns: Annotated[int, Meta(ge=0)] | None = None
    peak_db: float | None = None
    """Highest sample written, dBFS; evidence that it was not silence."""
    rms_db: float | None = None
    """Root mean square of all that was written, dBFS; None if it was cut off and went on."""
    sound: Sound | None = None
    """What a probe at the gateway says of it, in the report that ends an item which began."""
    sound_confidence: Annotated[float, Meta(ge=0.0, le=1.0)] | None = None
    """Share of what could be judged that the probe recognised; None if nothing could be."""
    by: Uuid | None = None
    """The broadcast that pre-empted this one."""
    plan_version: Seq | None = None
    detail: Annotated[str, Meta(max_length=500)] | None = None


class Reports(Struct, frozen=True, kw_only=True):
    """Reports in the order of their numbers, from one journal."""

    v: int = VERSION
    journal: Uuid
    """Made once with the gateway's journal: a new disk starts at 1 again under a new name."""
    boot: Uuid
    oldest: Annotated[int, Meta(ge=1)]
    """Lowest number still waiting for a receipt. A controller restored from a backup learns from it that
    what came before was receipted once and will not come again."""
    reports: Annotated[tuple[Report, ...], Meta(min_length=1, max_length=200)]


class State(Struct, frozen=True, kw_only=True):
    """Birth and, with `online` false, last will of a gateway. Retained."""

    v: int = VERSION
    online: bool
    boot: Uuid
    at: Instant | None = None
    """None in a will: it was written long before it is sent."""
    agent_version: str | None = None
    plan_version: Seq = 0
    config_version: Seq = 0
    clock_offset_ms: int | None = None
    playing: Uuid | None = None
    volume_percent: Percent | None = None


class Health(Struct, frozen=True, kw_only=True):
    """How a gateway is, each minute. None means that this box cannot tell, never that all is well."""

    v: int = VERSION
    at: Instant
    boot: Uuid
    uptime_s: int | None = None
    temperature_c: float | None = None
    load_1m: float | None = None
    memory_free_bytes: int | None = None
    memory_own_bytes: int | None = None
    """Resident memory of the agent."""
    disk_free_bytes: int | None = None
    disk: DiskState | None = None
    """Whether it keeps what the gateway must not forget; if not, the gateway goes on from memory (ADR 7)."""
    signal_percent: Percent | None = None
    signal_by: str | None = None
    """What has the signal: ``modem`` or ``wifi``."""
    signal_age_s: int | None = None
    """How long ago the modem or the radio was asked; it may take its time."""
    clock_offset_ms: int | None = None
    clock_synchronised: bool | None = None
    """Whether the box's own clock follows some other one, such as an NTP server."""
    clock_error_ms: int | None = None
    """By how much its kernel thinks that the clock may be wrong at most."""
    volume_percent: Percent | None = None
    power: str | None = None
    """What feeds the box: ``mains`` or ``battery``."""
    battery_percent: Percent | None = None
    under_voltage: bool | None = None
    """The board says that its supply is too weak now."""
    under_voltage_before: bool | None = None
    """It was, at some time since the board was switched on."""
    amplifier: str | None = None
    """``on`` or ``off``."""
    output_peak_db: float | None = None
    underruns: int | None = None
    plan_version: Seq = 0
    clips_missing: int = 0
    clips_damaged: int = 0
    """Found damaged on the disk since the start; each was thrown away and fetched again."""
    reports_waiting: int = 0
    reports_unsaved: int = 0
    """In memory only, because the disk refuses; said once it takes them, lost if the power goes before."""
    self_test: SelfTest | None = None
    """How the last nightly self-test came out, at `self_test_at`; None if there was none."""
    self_test_at: Instant | None = None
    idle_noise_db: float | None = None
    """Level of the probe while nothing is played, dBFS."""
    unreadable: Annotated[tuple[str, ...], Meta(max_length=32)] = ()
    """What is there, or may be, and could not be read: fields above that are None for this reason."""
    last_error: Annotated[str, Meta(max_length=300)] | None = None
    last_error_at: Instant | None = None


class ControllerState(Struct, frozen=True, kw_only=True):
    """Birth and last will of the controller. Retained."""

    v: int = VERSION
    online: bool
    at: Instant | None = None


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
