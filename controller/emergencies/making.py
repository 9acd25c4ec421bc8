"""From what a form asks for to an emergency that can be ordered."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from controller.areas.models import Area
from controller.broadcasts.audience import Audience, area_of
from controller.bulletins.models import Bulletin, Source
from controller.bulletins.service import NewBulletin, write
from controller.clips.models import Clip
from controller.emergencies.forms import SOURCES_BY_FORM, EmergencyIn
from controller.emergencies.models import EmergencySource
from controller.emergencies.service import NewEmergency
from controller.errors import InvalidInput
from controller.people.access import Actor, Permission
from controller.warnings.catalogue import PreparedSound, clip_ref, clips_if_prepared, sounds_of
from wire.messages import ClipRef
from wire.types import Priority

ATTENTION = "attention"
"""Sounds first where it is prepared: a signal before a voice that nobody expects (EN 50849: 4 to 10 s)."""
FILLED_LANGUAGE = "vi"
"""Blanks are filled in Vietnamese; who understands another language still hears the prepared words."""
TITLE_FROM_TEXT = 80


def wanted_emergency(
    session: Session, actor: Actor, form: EmergencyIn, *, now: datetime, zone: ZoneInfo
) -> NewEmergency:
    """Return the emergency that a form means; what was typed or recorded becomes a bulletin.

    Args:
        session: A writing transaction.
        actor: Who fills the form.
        form: As it came.
        now: The present.
        zone: In which today is today.

    Raises:
        InvalidInput: The form says too little for its source.
        NotFound: There is no such clip.
        NothingPrepared: There is no such warning or siren for the area.
        Problem: As `controller.broadcasts.audience.area_of` does.
    """
    if form.source not in SOURCES_BY_FORM:
        raise InvalidInput(field="source")
    audience = Audience(tuple(form.audience.areas), tuple(form.audience.gateways))
    area_id = area_of(session, actor, audience, now.astimezone(zone).date(), Permission.WARN)
    path = session.get_one(Area, area_id).path
    prepared = _prepared(session, path, form)
    bulletin = _bulletin(session, actor, form, prepared, now)
    said = _clips(session, form, prepared)
    return NewEmergency(
        title=bulletin.title,
        source=form.source,
        audience=audience,
        id=form.id,
        clips=(*_signal(session, path, form.siren), *said),
        mode=form.mode,
        text=bulletin.text,
        bulletin_id=bulletin.id,
        warning_key=form.key,
        hazard=form.hazard or (prepared.main.hazard if prepared else None),
        level=form.level or (prepared.main.level if prepared else None),
        every_ms=form.every_minutes * 60_000 if form.every_minutes else None,
        until_at=now + timedelta(minutes=form.lasts_minutes) if form.lasts_minutes else None,
        supersedes=tuple(form.supersedes),
        draft=form.draft,
        alone_because=form.alone_because.strip(),
    )


def _prepared(session: Session, path: str, form: EmergencyIn) -> PreparedSound | None:
    if form.source is not EmergencySource.WARNING:
        return None
    if form.key is None:
        raise InvalidInput(field="key")
    return sounds_of(session, path, form.key)


def _bulletin(
    session: Session, actor: Actor, form: EmergencyIn, prepared: PreparedSound | None, now: datetime
) -> Bulletin:
    if prepared is not None and form.clip_sha256 is None:
        return prepared.main
    if form.clip_sha256 is None:
        raise InvalidInput(field="clip_sha256")
    title = form.title or (prepared.main.title if prepared else form.text[:TITLE_FROM_TEXT])
    if not title.strip():
        raise InvalidInput(field="title")
    source = Source.UPLOAD if form.source is EmergencySource.RECORDING else Source.SPEECH
    new = NewBulletin(title, form.clip_sha256, source, form.text, priority=Priority.EMERGENCY)
    return write(session, actor, new, now=now, permission=Permission.WARN)


def _clips(session: Session, form: EmergencyIn, prepared: PreparedSound | None) -> tuple[ClipRef, ...]:
    if prepared is not None and form.clip_sha256 is None:
        return prepared.clips
    filled = clip_ref(session.get_one(Clip, form.clip_sha256))
    return (filled, *(prepared.others(FILLED_LANGUAGE) if prepared is not None else ()))


def _signal(session: Session, path: str, siren: str | None) -> tuple[ClipRef, ...]:
    if siren is not None:
        return sounds_of(session, path, siren).clips
    return clips_if_prepared(session, path, ATTENTION)
