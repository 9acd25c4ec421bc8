"""Schedules as stored."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from controller.columns import words
from wire.types import AfterPreemption, LatenessPolicy, Mode, Priority


class Schedule(SQLModel, table=True):
    """When and where a bulletin is played: a recurrence, an audience, a lateness policy."""

    id: str = Field(primary_key=True, max_length=36)
    area_id: int = Field(foreign_key="area.id", index=True)
    """Whose it is: the smallest area that holds its whole audience when it was made."""
    bulletin_id: str = Field(foreign_key="bulletin.id", index=True, max_length=36)
    title: str = Field(max_length=160)
    recurrence: dict[str, Any] = Field(sa_type=sa.JSON)
    """As `controller.programme.recurrence` writes it: local start, rule, dates in and out, zone."""
    audience: dict[str, Any] = Field(sa_type=sa.JSON)
    """``{"areas": [id…], "gateways": [id…]}``; resolved to gateways anew for each broadcast."""
    priority: Priority = Field(default=Priority.NORMAL, sa_type=words(Priority))
    mode: Mode = Field(default=Mode.ACTUAL, sa_type=words(Mode))
    repeat: int = 1
    gap_ms: int = 0
    lateness: LatenessPolicy = Field(
        default=LatenessPolicy.PLAY_FROM_START,
        sa_type=words(LatenessPolicy),
    )
    late_limit_ms: int = 120_000
    after_preemption: AfterPreemption = Field(default=AfterPreemption.RESUME, sa_type=words(AfterPreemption))
    created_at: datetime
    created_by: int | None = Field(default=None, foreign_key="person.id")
    ended_at: datetime | None = None
    """Set when someone ended the series; what already sounded stays."""
    planned_until: datetime | None = None
    """Every occurrence before this instant has its broadcast."""
