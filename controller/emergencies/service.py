"""Ordering emergencies and finding them. Nothing is sent here; the dispatcher does, after the commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.areas.owning import owned
from controller.areas.service import paths_above
from controller.audit.service import record
from controller.broadcasts.audience import Audience, choose
from controller.broadcasts.models import Broadcast, Delivery
from controller.broadcasts.service import refuse_against_rules
from controller.columns import new_id
from controller.emergencies.models import Emergency, EmergencySource, EmergencyState
from controller.emergencies.sounding import announced, duration_of, sound, sound_live
from controller.emergencies.superseding import supersede
from controller.errors import InvalidInput, NotADraft, NotOverYet, OwnDraft
from controller.gateways.models import Gateway
from controller.gateways.rules import HouseRules
from controller.people.access import Actor, Permission
from controller.people.second_person import require_second_person, takes_two
from wire.messages import ClipRef, LiveSource
from wire.types import Mode

_GATEWAY_AREA = aliased(Area)

LASTS = timedelta(hours=2)
"""An emergency that says nothing of its end is over after this."""
LONGEST = timedelta(days=3)
SHORTEST_INTERVAL_MS = 60_000


@dataclass(frozen=True, slots=True)
class NewEmergency:
    """What someone wants everyone to be told now."""

    title: str
    source: EmergencySource
    audience: Audience
    id: str | None = None
    """Chosen by whoever asks, so that asking twice orders once; None makes one."""
    clips: tuple[ClipRef, ...] = ()
    """What is said, in order and without a gap; a siren or an attention signal first, if any."""
    live: LiveSource | None = None
    """Or someone speaks now. In a test or a drill the voice begins after the announcement of it."""
    mode: Mode = Mode.ACTUAL
    text: str = ""
    bulletin_id: str | None = None
    warning_key: str | None = None
    hazard: str | None = None
    level: int | None = None
    gain_db: float = 0.0
    every_ms: int | None = None
    until_at: datetime | None = None
    supersedes: tuple[str, ...] = ()
    """Emergencies that it takes the place of."""
    draft: bool = False
    """Wait for one approval; nothing sounds."""
    proposed_by: int | None = None
    """The person behind a draft that somebody else's name is on: who brought an alert by hand."""
    alone_because: str = ""
    """Why nobody else is asked, where that is needed: see `controller.people.second_person`."""


def order(
    session: Session, actor: Actor, new: NewEmergency, *, now: datetime, rules: HouseRules
) -> Emergency:
    """Order an emergency of every gateway of its audience, or keep it as a draft.

    Quiet hours do not hold for one that is real; that it broke them is recorded. A test or a drill keeps to
    them, and says in the sound itself what it is.

    Args:
        session: A writing transaction.
        actor: Who orders it; has proved lately who they are.
        new: What, to whom and how.
        now: The present.
        rules: The quiet hours and lengths of the house.

    Raises:
        NotAllowed: The role does not warn.
        NotFound: One that it supersedes does not exist.
        InQuietHours: A test or a drill would sound within them.
        NothingPrepared: A test or a drill cannot be announced as one.
        InvalidInput: Its end or its interval makes no sense.
        SecondPersonNeeded: It is for more than one commune, no draft, and nobody says why alone.
        Problem: As `controller.broadcasts.audience.choose` does.
    """
    resolved = choose(session, actor, new.audience, rules.today(now), Permission.WARN)
    area = session.get_one(Area, resolved.area_id)
    if not new.draft:
        require_second_person(area, new.mode, new.alone_because)
    until_at = _until(new, now)
    clips = new.clips if new.live is not None else announced(session, area.path, new.mode, new.clips)
    duration_ms = new.live.longest_ms if new.live is not None else duration_of(clips)
    if new.mode is not Mode.ACTUAL:
        refuse_against_rules(now, duration_ms, rules)
    older = [get_emergency(session, actor, each, Permission.WARN) for each in dict.fromkeys(new.supersedes)]
    emergency = Emergency(
        id=new.id or new_id(),
        area_id=resolved.area_id,
        title=new.title,
        text=new.text,
        mode=new.mode,
        source=new.source,
        state=EmergencyState.DRAFT if new.draft else EmergencyState.ACTIVE,
        hazard=new.hazard,
        level=new.level,
        warning_key=new.warning_key,
        bulletin_id=new.bulletin_id,
        audience=new.audience.stored(),
        clips=msgspec.to_builtins(list(clips)),
        gain_db=new.gain_db,
        every_ms=new.every_ms,
        until_at=until_at,
        created_at=now,
        ordered_by=None if new.draft else actor.person_id,
        proposed_by=(new.proposed_by or actor.person_id) if new.draft else None,
        alone_because="" if new.draft else new.alone_because,
        in_quiet_hours=not new.draft and rules.quiet.touched_by(now, duration_ms) is not None,
    )
    session.add(emergency)
    session.flush()
    if not new.draft:
        _begin(session, actor, emergency, resolved.gateway_ids, older=older, live=new.live, now=now)
    action = "draft_emergency" if new.draft else "order_emergency"
    audit(session, actor, action, emergency, now, gateways=len(resolved.gateway_ids))
    return emergency


def approve(
    session: Session,
    actor: Actor,
    emergency_id: str,
    *,
    now: datetime,
    rules: HouseRules,
    supersedes: Sequence[str] = (),
) -> Emergency:
    """Let a draft sound.

    Raises:
        NotADraft: It is none, or its time is over.
        OwnDraft: The actor has proposed it, and it is for more than one commune.
        Problem: As `order` does.
    """
    emergency = get_emergency(session, actor, emergency_id, Permission.WARN)
    if emergency.state is not EmergencyState.DRAFT or emergency.until_at <= now:
        raise NotADraft
    area = session.get_one(Area, emergency.area_id)
    if takes_two(area, emergency.mode) and actor.person_id and actor.person_id == emergency.proposed_by:
        raise OwnDraft
    audience = Audience.load(emergency.audience)
    resolved = choose(session, actor, audience, rules.today(now), Permission.WARN)
    clips = msgspec.convert(tuple(emergency.clips), tuple[ClipRef, ...])
    if emergency.mode is not Mode.ACTUAL:
        refuse_against_rules(now, duration_of(clips), rules)
    emergency.state, emergency.ordered_by = EmergencyState.ACTIVE, actor.person_id
    emergency.in_quiet_hours = rules.quiet.touched_by(now, duration_of(clips)) is not None
    older = [get_emergency(session, actor, each, Permission.WARN) for each in dict.fromkeys(supersedes)]
    _begin(session, actor, emergency, resolved.gateway_ids, older=older, live=None, now=now)
    audit(session, actor, "approve_emergency", emergency, now, gateways=len(resolved.gateway_ids))
    return emergency


def review(session: Session, actor: Actor, emergency_id: str, note: str, *, now: datetime) -> Emergency:
    """Write down what was learnt from an emergency that is over.

    Raises:
        NotOverYet: It is not.
    """
    emergency = get_emergency(session, actor, emergency_id, Permission.WARN)
    if emergency.state is not EmergencyState.ENDED:
        raise NotOverYet
    emergency.review, emergency.reviewed_at, emergency.reviewed_by = note, now, actor.person_id
    audit(session, actor, "review_emergency", emergency, now, note=note)
    return emergency


def get_emergency(
    session: Session, actor: Actor, emergency_id: str, permission: Permission = Permission.READ
) -> Emergency:
    """Return an emergency whose area is the actor's.

    Raises:
        NotFound: There is none, or it is someone else's; which of the two is not said.
        NotAllowed: The role does not do this.
    """
    actor.require(permission)
    return owned(session, actor, Emergency, emergency_id)


def emergencies_of(
    session: Session, area_path: str, *, open_only: bool = False, limit: int = 100
) -> list[Emergency]:
    """Return the emergencies at and below an area, and those from above that sound in it, newest first."""
    sounds_here = (
        select(Delivery.id)
        .join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
        .join(Gateway, col(Gateway.id) == col(Delivery.gateway_id))
        .join(_GATEWAY_AREA, col(_GATEWAY_AREA.id) == col(Gateway.area_id))
        .where(
            col(Broadcast.emergency_id) == col(Emergency.id), col(_GATEWAY_AREA.path).startswith(area_path)
        )
        .exists()
    )
    from_above = col(Area.path).in_(paths_above(area_path)) & sounds_here
    query = (
        select(Emergency)
        .join(Area, col(Area.id) == col(Emergency.area_id))
        .where(col(Area.path).startswith(area_path) | from_above)
        .order_by(col(Emergency.created_at).desc(), col(Emergency.id).desc())
        .limit(limit)
    )
    if open_only:
        query = query.where(Emergency.state != EmergencyState.ENDED)
    return list(session.exec(query))


def audit(
    session: Session, actor: Actor, action: str, emergency: Emergency, now: datetime, **detail: object
) -> None:
    """Record what someone did to an emergency, in the same transaction."""
    record(
        session,
        now,
        action,
        person_id=actor.person_id,
        subject=emergency.id,
        area_id=emergency.area_id,
        address=actor.address,
        detail={
            "title": emergency.title,
            "mode": emergency.mode.value,
            "level": emergency.level,
            "in_quiet_hours": emergency.in_quiet_hours,
            **({"alone_because": emergency.alone_because} if emergency.alone_because else {}),
            **detail,
        },
    )


def _begin(
    session: Session,
    actor: Actor,
    emergency: Emergency,
    gateway_ids: Sequence[str],
    *,
    older: Sequence[Emergency],
    live: LiveSource | None,
    now: datetime,
) -> None:
    replaced = [
        broadcast_id
        for each in older
        for broadcast_id in supersede(
            session, each, by=emergency.id, still=gateway_ids, person_id=actor.person_id, now=now
        )
    ]
    if live is not None:
        sound_live(session, emergency, live, gateway_ids, now=now, supersedes=replaced)
    else:
        sound(session, emergency, gateway_ids, start_at=now, now=now, supersedes=replaced)
    for each in older:
        audit(session, actor, "supersede_emergency", each, now, by=emergency.id)


def _until(new: NewEmergency, now: datetime) -> datetime:
    until_at = new.until_at or now + LASTS
    if not now < until_at <= now + LONGEST:
        raise InvalidInput(field="until_at")
    if new.every_ms is not None and (new.every_ms < SHORTEST_INTERVAL_MS or new.live is not None):
        raise InvalidInput(field="every_minutes")
    return until_at
