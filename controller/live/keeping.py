"""What was said, kept: a clip, a bulletin that names it, and how it ended. Blocking: for worker threads."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from sqlmodel import Session, col, select

from audio import ffmpeg
from audio.limits import Bounds
from audio.measure import measure
from controller.broadcasts.delivery import GRACE, OPEN
from controller.broadcasts.ending import forget, withdraw
from controller.broadcasts.models import Broadcast, Delivery
from controller.broadcasts.service import audit
from controller.bulletins.models import Bulletin, Source
from controller.clips.models import Clip
from controller.columns import new_id
from controller.db import writing
from controller.events import Change
from controller.live.effects import Reason
from controller.live.frames import Frame
from controller.live.ordering import Ordered
from controller.live.sound import write_clip
from controller.services import Services
from wire.types import Priority

QUIETEST_LUFS = -70.0
"""Where the meter's gate is; what says nothing louder is written down as this."""


def keep(svc: Services, ordered: Ordered, frames: Sequence[Frame], reason: Reason) -> str | None:
    """Store what was said and write down how it ended.

    Args:
        svc: Where.
        ordered: What was ordered.
        frames: All that was passed on, by number.
        reason: Why it ended.

    Returns:
        The clip; None when nothing was said.
    """
    now = svc.clock.now()
    clip = _stored(svc, ordered, frames, now) if frames else None
    with Session(svc.engine) as session, session.begin():
        writing(session)
        broadcast = session.get_one(Broadcast, ordered.broadcast_id)
        if clip is not None:
            if session.get(Clip, clip.sha256) is None:
                session.add(clip)
                session.flush()
            bulletin = _bulletin(broadcast, ordered, clip.sha256, now)
            session.add(bulletin)
            session.flush()
            broadcast.bulletin_id, broadcast.clip_sha256 = bulletin.id, clip.sha256
            broadcast.clip_size_bytes, broadcast.clip_duration_ms = clip.size_bytes, clip.duration_ms
        said_ms = clip.duration_ms if clip is not None else 0
        _end(session, broadcast, said_ms, reason, now)
        audit(
            session,
            ordered.actor,
            "speak_live",
            broadcast,
            now,
            reason=reason.value,
            said_ms=said_ms,
            clip=clip.sha256 if clip is not None else None,
        )
        sha256 = clip.sha256 if clip is not None else None
    svc.wake()
    svc.events.publish(Change("emergency", ordered.emergency_id), Change("broadcast", ordered.broadcast_id))
    return sha256


def _stored(svc: Services, ordered: Ordered, frames: Sequence[Frame], now: datetime) -> Clip:
    with TemporaryDirectory(dir=svc.uploads) as name:
        path = Path(name) / "said.opus"
        duration_ms = write_clip(frames, path)
        loudness = measure(ffmpeg.Input(path, "ogg"), bounds=Bounds())
        stored = svc.store.put(path)
    return Clip(
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
        duration_ms=duration_ms,
        loudness_lufs=max(QUIETEST_LUFS, loudness.integrated_lufs),
        true_peak_dbtp=loudness.true_peak_dbtp if math.isfinite(loudness.true_peak_dbtp) else QUIETEST_LUFS,
        prepared_at=now,
        prepared_by=ordered.actor.person_id,
    )


def _bulletin(broadcast: Broadcast, ordered: Ordered, sha256: str, now: datetime) -> Bulletin:
    return Bulletin(
        id=new_id(),
        area_id=broadcast.area_id,
        title=broadcast.title,
        priority=Priority.EMERGENCY,
        source=Source.LIVE,
        clip_sha256=sha256,
        author_id=ordered.actor.person_id,
        created_at=now,
    )


def _end(session: Session, broadcast: Broadcast, said_ms: int, reason: Reason, now: datetime) -> None:
    """Order it of nobody any more, and wait for words of those who heard it no longer than need be."""
    broadcast.duration_ms = said_ms
    broadcast.live = {**(broadcast.live or {}), "ended": reason.value, "ended_at": now.isoformat()}
    withdraw(session, [broadcast.id], now=now)
    still_open = col(Delivery.broadcast_id) == broadcast.id, col(Delivery.state).in_(OPEN)
    forget(session, [broadcast.id], session.exec(select(Delivery.gateway_id).where(*still_open)).all())
    session.execute(
        sa.update(Delivery)
        .where(*still_open)
        .values(deadline_at=now + GRACE + timedelta(seconds=20), expected_ms=said_ms)
    )
