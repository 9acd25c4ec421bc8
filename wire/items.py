"""What is to be played: an item of a plan or an order, and where its sound comes from.

Pure data; `wire.messages` says how it travels.
"""

from typing import Annotated

from msgspec import Meta, Struct

from wire.types import (
    AfterPreemption,
    DurationMs,
    GainDb,
    Instant,
    LatenessPolicy,
    Mode,
    Priority,
    Sha256,
    Uuid,
)

RESUME_LIMIT_MS = 30 * 60_000
"""How long what was cut off waits to come back, unless its order says otherwise."""


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
