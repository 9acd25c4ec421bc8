"""What the core wants done. Shells carry these out and decide nothing."""

from dataclasses import dataclass
from datetime import datetime

from wire.messages import ClipRef, Health, Item, LiveSource, Report, Reports, State


@dataclass(frozen=True, slots=True)
class Tell:
    """Put this into the journal as the next report; its number is given there."""

    report: Report


@dataclass(frozen=True, slots=True)
class PublishReports:
    """Send reports that the journal already holds; QoS 1."""

    reports: Reports


@dataclass(frozen=True, slots=True)
class PublishState:
    """Send the birth or a change of state; QoS 1, retained."""

    state: State


@dataclass(frozen=True, slots=True)
class PublishHealth:
    """Send what the core knows of health, completed with what the probes say; QoS 0."""

    health: Health


@dataclass(frozen=True, slots=True)
class Want:
    """A clip that some item needs."""

    sha256: str
    size_bytes: int
    needed_at: datetime
    """The earliest start of an item that plays it."""


@dataclass(frozen=True, slots=True)
class WantClips:
    """All clips needed from now on, nearest start first. It replaces every earlier wish."""

    wants: tuple[Want, ...]


@dataclass(frozen=True, slots=True)
class PinClips:
    """Hold these whether or not an item plays them: prepared warnings. It replaces every earlier wish."""

    clips: tuple[ClipRef, ...]


@dataclass(frozen=True, slots=True)
class ListenTo:
    """Take in the packets of these live sessions, and of no others."""

    sources: tuple[LiveSource, ...]


@dataclass(frozen=True, slots=True)
class Cue:
    """Open this item and decode its beginning: it starts in a moment. It may still be called off."""

    item: Item


@dataclass(frozen=True, slots=True)
class StartPlaying:
    """Let the first sample sound at `at`, or at once when that has passed. The journal knows already."""

    item: Item
    at: datetime
    offset_ms: int = 0
    preempts: tuple[str, ...] = ()
    """Fade these out so that they are silent by then; whatever else sounds is waited for."""


@dataclass(frozen=True, slots=True)
class StopPlaying:
    """Fade this out now, or forget it if it has not begun."""

    broadcast_id: str


@dataclass(frozen=True, slots=True)
class SetVolume:
    """How loud it may be; said at the start and whenever an order or the hour changes it."""

    percent: int
    """Of full scale amplitude, for everything but emergencies."""
    ceiling_db: float = 0.0
    """The horn's own limit, for emergencies too."""


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """Somebody set the wall clock forward by this (back if negative): what was started keeps its moment."""

    step_ms: int


PlayerEffect = ClockStepped | Cue | StartPlaying | StopPlaying | SetVolume
PublishEffect = PublishReports | PublishState | PublishHealth
Effect = PlayerEffect | PublishEffect | WantClips | PinClips | ListenTo
