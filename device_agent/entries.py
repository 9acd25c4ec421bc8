"""One item on its way through this gateway: its stages, and every step that is allowed between them.

All that moves an entry from one stage to another is in `TRANSITIONS`; the diagram in the documentation is
drawn from it. Pure.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from device_agent.instants import milliseconds
from wire.lateness import decide_lateness
from wire.messages import Item
from wire.types import Event, LatenessPolicy, Priority

TOLERANCE_MS = 1_000
"""Lateness that is nobody's fault; the same as in `wire.lateness`."""


class Stage(StrEnum):
    """Where an item stands."""

    WAITING = "waiting"
    """At least one of its clips is not on disk yet."""
    READY = "ready"
    """Everything is there; its time has not come, or something else is sounding."""
    STARTING = "starting"
    """In the journal as begun and with the player; no sample has been heard of."""
    PLAYING = "playing"
    """The first sample was handed to the sound device."""
    ENDING = "ending"
    """Told to fade out (stopped or pre-empted); the player has not said how far it came."""
    PAUSED = "paused"
    """Pre-empted after its first sample; it comes back when nothing higher sounds any more."""
    DONE = "done"
    """Its one terminal report is in the journal. Only the id is kept, so that it never begins again."""


class Trigger(StrEnum):
    """What moves an item on."""

    CLIPS_COMPLETE = "clips complete"
    CLIP_LOST = "clip lost"
    ITS_TIME = "its time"
    FIRST_SAMPLE = "first sample"
    CUT = "cut"
    """Stopped, cancelled before the first sample, or pre-empted."""
    SPARED = "spared"
    """What was to pre-empt it could not be played."""
    YIELDED = "yielded"
    """Pre-empted before its first sample: it may try again within its limit."""
    INTERRUPTED = "interrupted"
    """Pre-empted in the middle, and to come back."""
    ENDED = "ended"
    """The player is through with it, whichever way."""
    WITHDRAWN = "withdrawn"
    """Cancelled, stopped, or gone from the plan before it began."""
    GIVEN_UP = "given up"
    """Its late limit has passed."""
    FORBIDDEN = "forbidden"
    """The gateway's own guards do not let it sound."""
    RESTARTED = "restarted"
    """The agent began anew, after a power cut or a crash."""


TRANSITIONS: Mapping[Stage, Mapping[Trigger, Stage]] = {
    Stage.WAITING: {
        Trigger.CLIPS_COMPLETE: Stage.READY,
        Trigger.WITHDRAWN: Stage.DONE,
        Trigger.GIVEN_UP: Stage.DONE,
        Trigger.RESTARTED: Stage.WAITING,
    },
    Stage.READY: {
        Trigger.CLIP_LOST: Stage.WAITING,
        Trigger.ITS_TIME: Stage.STARTING,
        Trigger.WITHDRAWN: Stage.DONE,
        Trigger.GIVEN_UP: Stage.DONE,
        Trigger.FORBIDDEN: Stage.DONE,
        Trigger.RESTARTED: Stage.WAITING,
    },
    Stage.STARTING: {
        Trigger.FIRST_SAMPLE: Stage.PLAYING,
        Trigger.CUT: Stage.ENDING,
        Trigger.ENDED: Stage.DONE,
        Trigger.RESTARTED: Stage.DONE,
    },
    Stage.PLAYING: {
        Trigger.CUT: Stage.ENDING,
        Trigger.ENDED: Stage.DONE,
        Trigger.RESTARTED: Stage.DONE,
    },
    Stage.ENDING: {
        Trigger.FIRST_SAMPLE: Stage.ENDING,
        Trigger.CUT: Stage.ENDING,
        Trigger.SPARED: Stage.PLAYING,
        Trigger.YIELDED: Stage.READY,
        Trigger.INTERRUPTED: Stage.PAUSED,
        Trigger.ENDED: Stage.DONE,
        Trigger.RESTARTED: Stage.DONE,
    },
    Stage.PAUSED: {
        Trigger.ITS_TIME: Stage.STARTING,
        Trigger.WITHDRAWN: Stage.DONE,
        Trigger.GIVEN_UP: Stage.DONE,
        Trigger.FORBIDDEN: Stage.DONE,
        Trigger.RESTARTED: Stage.DONE,
    },
    Stage.DONE: {},
}
"""Once a sample was handed over only `PAUSED` leads to another start: at the place where it was cut off, or
from the beginning where the order says so."""

UNBEGUN = frozenset({Stage.WAITING, Stage.READY})
BEGUN = frozenset({Stage.STARTING, Stage.PLAYING, Stage.ENDING})


class Cut(Struct, frozen=True):
    """Why something that had begun was told to end."""

    event: Event
    reason: str | None = None
    by: str | None = None
    may_return: bool = False
    """Pre-empted by something that does not take its place."""


class Heard(Struct, frozen=True, kw_only=True):
    """All that was heard of an item, over every stretch of it; the fields of its terminal report."""

    played_ms: int
    underruns: int = 0
    peak_db: float | None = None


class Entry(Struct, frozen=True, kw_only=True):
    """One item as this gateway holds it; a row of the journal."""

    item: Item
    due_at: datetime
    """`Item.start_at`, with the gateway's own offset if it is planned; see `by_arrival`."""
    arrived: int
    """Rises with every new item: of two with one start and priority, the first come goes first."""
    in_plan: bool = False
    ordered: bool = False
    by_arrival: bool = False
    """An emergency that no clock can judge, or none any more: due when it came, however the clock is set."""
    stage: Stage = Stage.WAITING
    told_ready: bool = False
    started_at: datetime | None = None
    """When its first sample sounded, by the real time as far as it is known; for the record only."""
    offset_ms: int = 0
    """Where in the item it began, when it was joined in the middle."""
    resumed_ms: int | None = None
    """Where it goes on, or went on, after it was cut off; None while it sounds for the first time."""
    segment_at: datetime | None = None
    """When the player was asked to begin, or to go on."""
    paused_at: datetime | None = None
    played_ms: int = 0
    """Since `segment_at`."""
    heard_ms: int = 0
    """Up to the last pause."""
    underruns: int = 0
    """Before `segment_at`."""
    peak_db: float | None = None
    """Before `segment_at`."""
    cut: Cut | None = None

    @property
    def broadcast_id(self) -> str:
        """Name of the broadcast."""
        return self.item.broadcast_id

    @property
    def rank(self) -> int:
        """A higher one pre-empts a lower one."""
        return self.item.priority.rank

    @property
    def is_emergency(self) -> bool:
        """Whether it ignores volume, and a clock that cannot be trusted."""
        return self.item.priority is Priority.EMERGENCY

    @property
    def expected_ms(self) -> int:
        """What there is to play from where it begins to its end."""
        return self.item.duration_ms - self.offset_ms

    @property
    def place_ms(self) -> int:
        """Where in the item this stretch of it begins."""
        return self.offset_ms if self.resumed_ms is None else self.resumed_ms

    @property
    def is_unheard(self) -> bool:
        """Whether no sample of its present stretch was heard of."""
        return self.started_at is None or self.paused_at is not None

    def heard(self, played_ms: int, underruns: int = 0, peak_db: float | None = None) -> Heard:
        """Return all that was heard of it, when this is what was heard of its present stretch."""
        peaks = [peak for peak in (self.peak_db, peak_db) if peak is not None]
        return Heard(
            # One that began anew after a pause was still heard as far as it came before.
            played_ms=max(self.heard_ms, self.place_ms - self.offset_ms + played_ms),
            underruns=self.underruns + underruns,
            peak_db=max(peaks, default=None),
        )

    @property
    def ends_at(self) -> datetime:
        """When it ends if nothing comes between."""
        return (self.segment_at or self.due_at) + milliseconds(self.item.duration_ms - self.place_ms)

    @property
    def give_up_at(self) -> datetime:
        """The first instant at which `wire.lateness`, or its order for after a pre-emption, lets it be."""
        if self.paused_at is not None:
            return self.paused_at + milliseconds(self.item.resume_limit_ms + 1)
        limit_ms = self.item.late_limit_ms
        if self.item.lateness is LatenessPolicy.SKIP:
            limit_ms = 0
        elif self.item.lateness is LatenessPolicy.JOIN:
            limit_ms = min(limit_ms, self.item.duration_ms - 1)
        return self.due_at + milliseconds(max(limit_ms, TOLERANCE_MS) + 1)

    def moved(self, trigger: Trigger) -> "Entry":
        """Return the entry one stage on.

        Raises:
            KeyError: There is no such step; a mistake of ours, never of the other side.
        """
        return replace(self, stage=TRANSITIONS[self.stage][trigger])

    def decide(self, now: datetime) -> object:
        """Ask `wire.lateness` what is to become of it at `now`: `Wait`, `Play` or `Skip`."""
        return decide_lateness(
            start_at=self.due_at,
            now=now,
            duration_ms=self.item.duration_ms,
            policy=self.item.lateness,
            limit_ms=self.item.late_limit_ms,
            tolerance_ms=TOLERANCE_MS,
        )
