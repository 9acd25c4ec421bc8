"""What someone asks to be played, as the API takes it, and what the service makes of it."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, model_validator
from sqlmodel import Session

from controller.broadcasts.audience import Audience
from controller.broadcasts.playing import Playing
from controller.bulletins.categories import Category
from controller.bulletins.models import Bulletin, Source
from controller.bulletins.service import NewBulletin, get_bulletin, write
from controller.clips.models import Clip
from controller.clock import Clock
from controller.errors import NotFound
from controller.people.access import Actor
from schedules.zones import DEFAULT_ZONE
from wire.types import AfterPreemption, LatenessPolicy, Mode, Priority


class BulletinIn(BaseModel):
    """A new bulletin, around a clip that was prepared before."""

    title: Annotated[str, Field(min_length=1, max_length=160)]
    clip_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    source: Source
    text: Annotated[str, Field(max_length=8000)] = ""
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = "vi"
    category: Category = Category.NOTICE


class AudienceIn(BaseModel):
    """Who is meant: whole areas with all below them, and single gateways."""

    areas: Annotated[list[int], Field(max_length=500)] = []
    gateways: Annotated[list[str], Field(max_length=2000)] = []


class PlayIn(BaseModel):
    """What is to be played, to whom and how."""

    bulletin_id: str | None = None
    bulletin: BulletinIn | None = None
    audience: AudienceIn
    priority: Priority = Priority.NORMAL
    mode: Mode = Mode.ACTUAL
    repeat: Annotated[int, Field(ge=1, le=10)] = 1
    after_preemption: Annotated[
        AfterPreemption,
        Field(description="What becomes of it when it is cut off by something higher."),
    ] = AfterPreemption.RESUME
    gap_ms: Annotated[int, Field(ge=0, le=600_000, description="Silence between repeats, ms.")] = 3000

    @model_validator(mode="after")
    def _one_bulletin(self) -> "PlayIn":
        if (self.bulletin is None) == (self.bulletin_id is None):
            raise ValueError("give either bulletin or bulletin_id")
        return self


class RecurrenceIn(BaseModel):
    """When: RFC 5545 on the wall clock of one zone. See ``docs/schedules.md`` for what is supported."""

    dtstart: Annotated[str, Field(max_length=40, examples=["2026-11-24T05:00:00"])]
    rrule: Annotated[str, Field(max_length=400, examples=["FREQ=WEEKLY;BYDAY=MO,WE"])] | None = None
    rdates: Annotated[list[str], Field(max_length=400)] = []
    exdates: Annotated[list[str], Field(max_length=400)] = []
    times: Annotated[list[str], Field(max_length=24, description="Times of day, HH:MM.")] = []
    first_date: str | None = None
    last_date: str | None = None
    zone: str = DEFAULT_ZONE


class ScheduleIn(PlayIn):
    """What is to be played, and when."""

    recurrence: RecurrenceIn
    lateness: LatenessPolicy = LatenessPolicy.PLAY_FROM_START
    late_limit_ms: Annotated[int, Field(ge=1000, le=3_600_000)] = 120_000


def playing_of(session: Session, actor: Actor, wanted: PlayIn, clock: Clock) -> Playing:
    """Return what is to be played; a new bulletin is written in the same transaction.

    Raises:
        NotFound: There is no such bulletin or clip.
    """
    bulletin = _bulletin(session, actor, wanted, clock)
    clip = session.get(Clip, bulletin.clip_sha256)
    if clip is None:
        raise NotFound(field="sound")
    extra: dict[str, Any] = {}
    if isinstance(wanted, ScheduleIn):
        extra = {"lateness": wanted.lateness, "late_limit_ms": wanted.late_limit_ms}
    return Playing(
        bulletin=bulletin,
        clip=clip,
        title=bulletin.title,
        audience=Audience(tuple(wanted.audience.areas), tuple(wanted.audience.gateways)),
        priority=wanted.priority,
        mode=wanted.mode,
        repeat=wanted.repeat,
        gap_ms=wanted.gap_ms,
        after_preemption=wanted.after_preemption,
        **extra,
    )


def _bulletin(session: Session, actor: Actor, wanted: PlayIn, clock: Clock) -> Bulletin:
    if wanted.bulletin is None:
        return get_bulletin(session, actor, wanted.bulletin_id or "")
    new = NewBulletin(**wanted.bulletin.model_dump(), priority=wanted.priority)
    return write(session, actor, new, now=clock.now())
