"""Drills as stored."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from controller.columns import words


class DrillState(StrEnum):
    """How far a drill is."""

    SCHEDULED = "scheduled"
    SOUNDING = "sounding"
    """Ordered; what gateways report is being counted."""
    SCORED = "scored"
    CANCELLED = "cancelled"
    MISSED = "missed"
    """The controller was down at its time; nothing was ordered, and nothing will be."""
    REFUSED = "refused"
    """At its time it was not allowed any more; `Drill.reason` says why."""


class Drill(SQLModel, table=True):
    """One rehearsal of a prepared warning."""

    __table_args__ = (sa.Index("ix_drill_due", "state", "start_at"),)

    id: str = Field(primary_key=True, max_length=36)
    area_id: int = Field(foreign_key="area.id", index=True)
    """The smallest area that holds its audience."""
    title: str = Field(max_length=160)
    """Of the warning, as it was when the drill was scheduled."""
    warning_key: str = Field(max_length=60)
    audience: dict[str, Any] = Field(sa_type=sa.JSON)
    start_at: datetime
    gain_db: float
    state: DrillState = Field(default=DrillState.SCHEDULED, sa_type=words(DrillState))
    reason: str | None = Field(default=None, max_length=60)
    """Code of the problem that refused it."""
    created_at: datetime
    created_by: int | None = Field(default=None, foreign_key="person.id")
    cancelled_at: datetime | None = None
    cancelled_by: int | None = Field(default=None, foreign_key="person.id")
    emergency_id: str | None = Field(default=None, foreign_key="emergency.id", max_length=36)
    """What was ordered."""
    scored_at: datetime | None = None
    score: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON)
    """As `controller.drills.scoring.Score`; kept, for rows of deliveries do not stay for ever."""
