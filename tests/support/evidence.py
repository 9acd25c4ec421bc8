"""What a finished run has left behind: the controller's database, the gateways' journals, what sounded.

Plain values: `support.gathering` reads them, `support.checker` judges them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from support.listening import Samples
from support.recording import Recording

from controller.audit.chain import Break
from controller.broadcasts.delivery import DeliveryState
from wire.types import LatenessPolicy, Priority


@dataclass(frozen=True, slots=True)
class Ending:
    """A terminal state that a delivery was given."""

    at: datetime
    old: DeliveryState
    new: DeliveryState
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One delivery: what was ordered of one gateway, and what the record says became of it."""

    broadcast_id: str
    gateway_id: str
    title: str
    start_at: datetime
    duration_ms: int
    late_limit_ms: int
    deadline_at: datetime
    sound: str
    """Name of its sound in `Evidence.sounds`."""
    state: DeliveryState
    repeat: int = 1
    lateness: LatenessPolicy = LatenessPolicy.PLAY_FROM_START
    priority: Priority = Priority.NORMAL
    reason: str | None = None
    received_at: datetime | None = None
    started_at: datetime | None = None
    played_ms: int | None = None
    expected_ms: int | None = None
    underruns: int = 0
    endings: tuple[Ending, ...] = ()
    may_restart: bool = False
    """Comes back from its beginning after something of higher priority; then it is heard twice in part."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What one gateway's journal holds."""

    journal_id: str
    held: frozenset[str]
    """Broadcasts that have not ended there."""
    ended: frozenset[str]
    last_n: int
    """Highest report number ever given."""
    waiting: tuple[int, ...] = ()
    """Numbers of the reports that are not receipted."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What the controller has of one gateway's reports."""

    journal_id: str | None
    up_to: int


@dataclass(frozen=True, slots=True)
class Promise:
    """Something that the controller has answered 2xx to, as the one who asked remembers it."""

    broadcast_id: str
    gateway_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Deed:
    """A row of the audit trail."""

    id: int
    at: datetime
    action: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that `checker.violations` judges."""

    told: tuple[Told, ...]
    sounds: Mapping[str, Samples]
    """By name, as the gateway decodes them, 48 kHz mono."""
    recordings: Mapping[str, Recording]
    """By gateway, in true time."""
    kept: Mapping[str, Kept] = field(default_factory=dict)
    committed: Mapping[str, Committed] = field(default_factory=dict)
    promises: tuple[Promise, ...] = ()
    deeds: tuple[Deed, ...] | None = None
    """None where there is no controller to keep an audit trail."""
    must_be_audited: frozenset[str] = frozenset()
    """Subjects (schedules, broadcasts) that a person has made."""
    breaks: tuple[Break, ...] = ()
    """Where the chain through the audit trail does not hold."""
    checked_at: datetime
    healed_at: datetime | None = None
    """When the last fault ended; None while one lasts, and then nothing is asked of who is cut off."""


def promise(api_deliveries: Mapping[str, object], broadcast_id: str) -> Promise:
    """Remember what was answered: the gateways that the broadcast was said to go to."""
    return Promise(broadcast_id, frozenset(api_deliveries))
