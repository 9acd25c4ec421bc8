"""The small types that messages are made of. Units are in the names.

Instants are aware UTC datetimes named ``*_at`` (``iat``, ``nbf`` and ``exp`` keep the names RFC 7519 gave
them), durations are integers named ``*_ms``, levels are floats named ``*_db``.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

GATEWAY_ID_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}$(?!\n)"
"""The last part keeps out a newline at the end, which ``$`` alone lets through."""

GatewayId = Annotated[str, Meta(pattern=GATEWAY_ID_PATTERN)]
"""Gateway id, MQTT user name and MQTT client id at once. No ``/``, ``+``, ``#`` or ``$`` can be in it."""

UUID_PATTERN = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$(?!\n)"
Uuid = Annotated[str, Meta(pattern=UUID_PATTERN)]
"""A UUID in its canonical lower-case text form (RFC 9562); ours are version 7, so they sort by time."""

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
"""Name of a clip: the SHA-256 of its bytes."""

Instant = Annotated[datetime, Meta(tz=True)]
DurationMs = Annotated[int, Meta(ge=0, le=7 * 24 * 3600 * 1000)]
GainDb = Annotated[float, Meta(ge=-60.0, le=0.0)]
Seq = Annotated[int, Meta(ge=0)]
Percent = Annotated[int, Meta(ge=0, le=100)]
MinuteOfDay = Annotated[int, Meta(ge=0, le=1439)]
"""Minutes since local midnight."""


class Priority(StrEnum):
    """The three levels of Circular 39/2020/TT-BTTTT, lowest first."""

    NORMAL = "normal"
    """thông thường: played in the commune's own time-table."""
    PRIORITY = "priority"
    """ưu tiên: goes before what is normal."""
    EMERGENCY = "emergency"
    """khẩn cấp: sounds at once, whatever else does, quiet hours included."""

    @property
    def rank(self) -> int:
        """Position in the order of the circular; a higher one pre-empts a lower one."""
        return _RANKS[self]


_RANKS = {Priority.NORMAL: 0, Priority.PRIORITY: 1, Priority.EMERGENCY: 2}


class Mode(StrEnum):
    """Whether a broadcast is meant. CAP 1.2 calls these Actual, Test and Exercise."""

    ACTUAL = "actual"
    TEST = "test"
    DRILL = "drill"


class LatenessPolicy(StrEnum):
    """What to do with an item whose start has passed (power cut, late plan)."""

    PLAY_FROM_START = "play_from_start"
    SKIP = "skip"
    JOIN = "join"
    """Start in the middle, where it would be by now: right for a relay, wrong for an announcement."""


class AfterPreemption(StrEnum):
    """What becomes of an item that something of higher priority has cut off."""

    RESUME = "resume"
    """It comes back where it was cut off: right for news."""
    RESTART = "restart"
    """It comes back from its beginning: right for a short notice that is of no use in halves."""
    DROP = "drop"
    """It is over: right for a relay, which has gone on meanwhile."""


class Event(StrEnum):
    """What a gateway reports: progress up to `RESUMED`, faults of its own, and ends of deliveries."""

    PLAN_STORED = "plan_stored"
    RECEIVED = "received"
    READY = "ready"
    PLAYING = "playing"
    PAUSED = "paused"
    """Cut off by something of higher priority, and to come back after it."""
    RESUMED = "resumed"
    PLAYED = "played"
    PARTIAL = "partial"
    FAILED = "failed"
    REJECTED = "rejected"
    PREEMPTED = "preempted"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    MISSED = "missed"
    FAULT = "fault"
    """Something is wrong with the gateway itself from now on: a `Fault`."""
    FAULT_OVER = "fault_over"
    """What that reason was said of is over."""


class Sound(StrEnum):
    """What a probe at the gateway says of an item that was played. See ``docs/evidence.md``."""

    CONFIRMED = "confirmed"
    """The probe heard it, and it was this item and no other."""
    NOT_CONFIRMED = "not_confirmed"
    """The probe listened all the time and did not hear it."""
    NOT_VERIFIABLE = "not_verifiable"
    """No probe, or nothing that it could have told for certain."""


class Fault(StrEnum):
    """What is wrong with a gateway itself; the `Report.reason` of ``fault`` and ``fault_over``."""

    SOUND_WHILE_IDLE = "sound_while_idle"
    """The probe hears something although nothing is played."""
    SELF_TEST = "self_test"
    """The nightly self-test failed; over when one passes."""


class ClockVoucher(StrEnum):
    """Who vouches for a gateway's clock since its box was switched on; a beat counts most."""

    BEAT = "beat"
    """A signed beat of the controller, since the agent's start."""
    NTP = "ntp"
    """The kernel, or systemd-timesyncd, says that it follows another clock."""
    RTC = "rtc"
    """A clock with a battery, which agrees with it."""
    SAME_BOOT = "same_boot"
    """One of those, before the agent was started again; the box was on all the while."""
    NOBODY = "nobody"
    """It may be behind by as long as the box was off: what is routine waits."""


class DiskState(StrEnum):
    """What a gateway's disk said when it was last asked to keep something."""

    WRITABLE = "writable"
    """It kept it."""
    FULL = "full"
    READ_ONLY = "read_only"
    FAILING = "failing"
    """Any other refusal: mostly a card at the end of its life."""


class Power(StrEnum):
    """What feeds a gateway."""

    MAINS = "mains"
    BATTERY = "battery"


class SelfTest(StrEnum):
    """How the gateway's nightly test of its own sound came out."""

    HEARD = "heard"
    """The probe heard the test sound."""
    DEVICE_ONLY = "device_only"
    """The device takes samples; there is no probe to hear what it makes of them."""
    NOT_HEARD = "not_heard"
    """The device took the test sound, and the probe did not hear it."""
    NO_DEVICE = "no_device"
    """The sound device, or the probe that there should be, does not work."""


class Rejection(StrEnum):
    """Why a gateway refused a message. Each one is a security event on the controller."""

    TOO_BIG = "too_big"
    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    WRONG_AUDIENCE = "wrong_audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    OLD_EPOCH = "old_epoch"
    REPLAYED = "replayed"
