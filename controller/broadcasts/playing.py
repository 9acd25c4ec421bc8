"""How something is to be played: as the form says it, as a row keeps it, as gateways know it. Pure."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from controller.broadcasts.audience import Audience
from controller.broadcasts.models import Broadcast
from controller.bulletins.models import Bulletin
from controller.clips.models import Clip
from controller.columns import new_id
from wire.messages import ClipRef, Item, LiveSource
from wire.types import AfterPreemption, LatenessPolicy, Mode, Priority


@dataclass(frozen=True, slots=True)
class Playing:
    """How something is to be played, the same for every occurrence."""

    bulletin: Bulletin
    clip: Clip
    title: str
    audience: Audience
    priority: Priority = Priority.NORMAL
    mode: Mode = Mode.ACTUAL
    repeat: int = 1
    gap_ms: int = 0
    lateness: LatenessPolicy = LatenessPolicy.PLAY_FROM_START
    late_limit_ms: int = 120_000
    after_preemption: AfterPreemption = AfterPreemption.RESUME

    @property
    def duration_ms(self) -> int:
        """All repeats and the gaps between them."""
        return self.clip.duration_ms * self.repeat + self.gap_ms * (self.repeat - 1)


def broadcast_of(
    playing: Playing, area_id: int, start_at: datetime, *, now: datetime, late_limit_ms: int
) -> Broadcast:
    """Return a new row of one occurrence; the caller adds whose it is."""
    return Broadcast(
        id=new_id(),
        area_id=area_id,
        bulletin_id=playing.bulletin.id,
        title=playing.title,
        start_at=start_at,
        duration_ms=playing.duration_ms,
        clip_sha256=playing.clip.sha256,
        clip_size_bytes=playing.clip.size_bytes,
        clip_duration_ms=playing.clip.duration_ms,
        repeat=playing.repeat,
        gap_ms=playing.gap_ms,
        priority=playing.priority,
        mode=playing.mode,
        lateness=playing.lateness,
        late_limit_ms=late_limit_ms,
        after_preemption=playing.after_preemption,
        audience=playing.audience.stored(),
        created_at=now,
    )


def item_of(broadcast: Broadcast) -> Item:
    """Return a broadcast as gateways know it."""
    return Item(
        broadcast_id=broadcast.id,
        start_at=broadcast.start_at,
        clips=clips_of(broadcast),
        live=msgspec.convert(broadcast.live, LiveSource) if broadcast.live else None,
        repeat=broadcast.repeat,
        gap_ms=broadcast.gap_ms,
        priority=broadcast.priority,
        mode=broadcast.mode,
        gain_db=broadcast.gain_db,
        lateness=broadcast.lateness,
        late_limit_ms=broadcast.late_limit_ms,
        after_preemption=broadcast.after_preemption,
        supersedes=tuple(broadcast.supersedes),
    )


def clips_of(broadcast: Broadcast) -> tuple[ClipRef, ...]:
    """Return what a broadcast plays without a gap; nothing of a live voice."""
    if broadcast.live is not None or broadcast.clip_sha256 is None:
        return ()
    if broadcast.clips:
        return msgspec.convert(tuple(broadcast.clips), tuple[ClipRef, ...])
    clip = {
        "sha256": broadcast.clip_sha256,
        "size_bytes": broadcast.clip_size_bytes,
        "duration_ms": broadcast.clip_duration_ms,
    }
    return (msgspec.convert(clip, ClipRef),)
