"""What gateways and the controller say of themselves: reports, state, health.

Pure data; `wire.messages` says how it travels.
"""

from typing import Annotated

from msgspec import Meta, Struct

from wire.types import (
    ClockVoucher,
    DiskState,
    DurationMs,
    Event,
    Instant,
    Percent,
    SelfTest,
    Seq,
    Sound,
    Uuid,
)

VERSION = 1


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
    clock_vouched_by: ClockVoucher | None = None
    """Who vouches for the clock since the box was switched on; nothing routine sounds while nobody does."""
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
