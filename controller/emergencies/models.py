"""Emergencies as stored."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from controller.columns import words
from wire.types import Mode


class EmergencySource(StrEnum):
    """Where its sound comes from."""

    WARNING = "warning"
    """A prepared warning, which gateways keep."""
    TEXT = "text"
    """Typed and spoken."""
    RECORDING = "recording"
    VOICE = "voice"
    """Someone speaks now."""
    CAP = "cap"
    """Text of an alert that came by the Common Alerting Protocol."""


class EmergencyState(StrEnum):
    """How far it is."""

    DRAFT = "draft"
    """Came from elsewhere, or is for more than one commune, and waits for one approval; nothing sounds."""
    ACTIVE = "active"
    ENDED = "ended"


class Ending(StrEnum):
    """How an emergency ended."""

    ALL_CLEAR = "all_clear"
    """Báo yên: the danger is over."""
    FALSE_ALARM = "false_alarm"
    """Báo động nhầm: there was none."""
    STOPPED = "stopped"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    FINISHED = "finished"
    """A test or a drill that has sounded, or a draft that was turned down."""


class Emergency(SQLModel, table=True):
    """One incident that people are told of now; its sounds are broadcasts with its id.

    It may repeat until a newer one replaces it, someone ends it, or its time is over: storm bulletins are
    repeated every two hours, day and night (domain rule of Decision 18/2021/QĐ-TTg).
    """

    __table_args__ = (sa.Index("ix_emergency_open", "state", "until_at"),)

    id: str = Field(primary_key=True, max_length=36)
    area_id: int = Field(foreign_key="area.id", index=True)
    title: str = Field(max_length=160)
    text: str = Field(default="", max_length=8000)
    """What is said, as far as it is known in writing."""
    mode: Mode = Field(default=Mode.ACTUAL, sa_type=words(Mode))
    source: EmergencySource = Field(sa_type=words(EmergencySource))
    state: EmergencyState = Field(default=EmergencyState.ACTIVE, sa_type=words(EmergencyState))
    hazard: str | None = Field(default=None, max_length=40)
    level: int | None = Field(default=None, ge=1, le=5)
    """Level of risk, 1 to 5 (Decision 18/2021/QĐ-TTg, Article 4)."""
    warning_key: str | None = Field(default=None, max_length=60)
    bulletin_id: str | None = Field(default=None, foreign_key="bulletin.id", max_length=36)
    audience: dict[str, Any] = Field(sa_type=sa.JSON)
    clips: list[dict[str, Any]] = Field(default_factory=list, sa_type=sa.JSON)
    """What every repeat plays, as `wire.messages.ClipRef`, without a gap."""
    gain_db: float = 0.0
    every_ms: int | None = None
    """From the start of one repeat to that of the next; None sounds once."""
    ordered_until_at: datetime | None = None
    """Start of the last repeat that gateways were told of."""
    until_at: datetime
    """Nothing of it begins after this."""
    created_at: datetime
    ordered_by: int | None = Field(default=None, foreign_key="person.id")
    """None: a policy for alerts from elsewhere."""
    proposed_by: int | None = Field(default=None, foreign_key="person.id")
    """Who asked for a second person's approval; someone else gives it."""
    alone_because: str = Field(default="", max_length=300)
    """Why one person alone warned more than one commune."""
    in_quiet_hours: bool = False
    """It broke the quiet hours, which do not hold for it."""
    superseded_by: str | None = Field(default=None, max_length=36)
    ended_at: datetime | None = None
    ended_by: int | None = Field(default=None, foreign_key="person.id")
    ending: Ending | None = Field(default=None, sa_type=words(Ending))
    reviewed_at: datetime | None = None
    reviewed_by: int | None = Field(default=None, foreign_key="person.id")
    review: str = Field(default="", max_length=2000)
    """What was learnt from it, written afterwards."""
