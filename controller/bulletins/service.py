"""Writing bulletins."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from controller.areas.owning import owned
from controller.audit.service import record
from controller.bulletins.categories import Category
from controller.bulletins.models import Bulletin, Source
from controller.clips.models import Clip
from controller.columns import new_id
from controller.errors import NotFound
from controller.gateways.config import configure
from controller.gateways.rules import HouseRules
from controller.people.access import Actor, Permission
from wire.types import Priority


@dataclass(frozen=True, slots=True)
class NewBulletin:
    """What someone wrote, with the clip that was made of it."""

    title: str
    clip_sha256: str
    source: Source
    text: str = ""
    language: str = "vi"
    category: Category = Category.NOTICE
    priority: Priority = Priority.NORMAL
    warning_key: str | None = None
    hazard: str | None = None
    level: int | None = None


def write(
    session: Session,
    actor: Actor,
    new: NewBulletin,
    *,
    now: datetime,
    permission: Permission = Permission.COMPOSE,
) -> Bulletin:
    """Add a bulletin of the actor's area.

    Raises:
        NotAllowed: The role does not write.
        NotFound: There is no such clip.
    """
    actor.require(permission)
    if session.get(Clip, new.clip_sha256) is None:
        raise NotFound(field="sound")
    bulletin = Bulletin(
        id=new_id(),
        area_id=actor.area_id,
        title=new.title,
        text=new.text,
        language=new.language,
        category=new.category.value,
        priority=new.priority,
        source=new.source,
        clip_sha256=new.clip_sha256,
        warning_key=new.warning_key,
        hazard=new.hazard,
        level=new.level,
        author_id=actor.person_id,
        created_at=now,
    )
    session.add(bulletin)
    session.flush()
    record(
        session,
        now,
        "write_bulletin",
        person_id=actor.person_id,
        subject=bulletin.id,
        area_id=bulletin.area_id,
        address=actor.address,
        detail={"title": bulletin.title, "clip": bulletin.clip_sha256},
    )
    return bulletin


def set_prepared(
    session: Session, actor: Actor, bulletin_id: str, *, prepared: bool, rules: HouseRules, now: datetime
) -> Bulletin:
    """Make a bulletin a prepared warning that every gateway of its area keeps, or an ordinary one again.

    Raises:
        NotFound: As `get_bulletin`.
        NotAllowed: The role does not write.
    """
    actor.require(Permission.COMPOSE)
    bulletin = get_bulletin(session, actor, bulletin_id)
    bulletin.prepared = prepared
    session.flush()
    configure(session, rules, now=now)
    record(
        session,
        now,
        "prepare_warning" if prepared else "release_warning",
        person_id=actor.person_id,
        subject=bulletin.id,
        area_id=bulletin.area_id,
        address=actor.address,
        detail={"title": bulletin.title, "clip": bulletin.clip_sha256},
    )
    return bulletin


def get_bulletin(session: Session, actor: Actor, bulletin_id: str) -> Bulletin:
    """Return a bulletin of the actor's area.

    Raises:
        NotFound: There is none, or it is someone else's.
    """
    actor.require(Permission.READ)
    return owned(session, actor, Bulletin, bulletin_id)
