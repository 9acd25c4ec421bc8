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
    ENDED = "ended"
    """The player is through with it, whichever way."""
    WITHDRAWN = "withdrawn"
    """Cancelled, stopped, or gone from the plan before it began."""
    GIVEN_UP = "given up"
    """Its late limit has passed."""
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
        Trigger.ENDED: Stage.DONE,
        Trigger.RESTARTED: Stage.DONE,
    },
    Stage.DONE: {},
}
"""No stage leads back from `STARTING` or later to a second start once a sample was handed over."""

UNBEGUN = frozenset({Stage.WAITING, Stage.READY})
BEGUN = frozenset({Stage.STARTING, Stage.PLAYING, Stage.ENDING})


class Cut(Struct, frozen=True):
    """Why something that had begun was told to end."""

    event: Event
    reason: str | None = None
    by: str | None = None


class Entry(Struct, frozen=True, kw_only=True):
    """One item as this gateway holds it; a row of the journal."""

    item: Item
    due_at: datetime
    """`Item.start_at`; for an emergency that came while the clock could not be trusted, its arrival."""
    arrived: int
    """Rises with every new item: of two with one start and priority, the first come goes first."""
    in_plan: bool = False
    ordered: bool = False
    stage: Stage = Stage.WAITING
    told_ready: bool = False
    started_at: datetime | None = None
    offset_ms: int = 0
    """Where in the item it began, when it was joined in the middle."""
    played_ms: int = 0
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
    def ends_at(self) -> datetime:
        """When it ends if nothing comes between."""
        return (self.started_at or self.due_at) + milliseconds(self.expected_ms)

    @property
    def give_up_at(self) -> datetime:
        """The first instant at which `wire.lateness` no longer lets it start."""
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
