"""Broadcasts, deliveries and their history as stored."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from controller.broadcasts.delivery import DeliveryState, Route
from controller.columns import words
from wire.types import AfterPreemption, LatenessPolicy, Mode, Priority, Sound


class Broadcast(SQLModel, table=True):
    """One occurrence of something to be played at one time to an audience."""

    __table_args__ = (sa.UniqueConstraint("schedule_id", "start_at"),)

    id: str = Field(primary_key=True, max_length=36)
    area_id: int = Field(foreign_key="area.id", index=True)
    bulletin_id: str | None = Field(default=None, foreign_key="bulletin.id", index=True, max_length=36)
    """None while someone speaks live; what was said becomes a bulletin afterwards."""
    schedule_id: str | None = Field(default=None, foreign_key="schedule.id", index=True, max_length=36)
    """None for "play now"."""
    title: str = Field(max_length=160)
    start_at: datetime = Field(index=True)
    duration_ms: int
    """All repeats and the gaps between them."""
    clip_sha256: str | None = Field(default=None, foreign_key="clip.sha256", max_length=64)
    """None for a live voice until what was said is stored."""
    clip_size_bytes: int | None = None
    clip_duration_ms: int | None = None
    clips: list[dict[str, Any]] = Field(default_factory=list, sa_type=sa.JSON)
    """All that is played, without a gap, as `wire.messages.ClipRef`; empty: the one clip above."""
    live: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON)
    """Someone speaks now instead: as `wire.messages.LiveSource`."""
    emergency_id: str | None = Field(default=None, foreign_key="emergency.id", index=True, max_length=36)
    supersedes: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    """Broadcasts that it takes the place of."""
    gain_db: float = 0.0
    repeat: int = 1
    gap_ms: int = 0
    priority: Priority = Field(default=Priority.NORMAL, sa_type=words(Priority))
    mode: Mode = Field(default=Mode.ACTUAL, sa_type=words(Mode))
    lateness: LatenessPolicy = Field(sa_type=words(LatenessPolicy))
    late_limit_ms: int
    after_preemption: AfterPreemption = Field(default=AfterPreemption.RESUME, sa_type=words(AfterPreemption))
    audience: dict[str, Any] = Field(sa_type=sa.JSON)
    created_at: datetime
    created_by: int | None = Field(default=None, foreign_key="person.id")
    cancelled_at: datetime | None = None
    cancelled_by: int | None = Field(default=None, foreign_key="person.id")
    stopped_at: datetime | None = None
    stopped_by: int | None = Field(default=None, foreign_key="person.id")


class Delivery(SQLModel, table=True):
    """One broadcast on its way to one gateway; ends in exactly one terminal state."""

    __table_args__ = (
        sa.UniqueConstraint("broadcast_id", "gateway_id"),
        sa.Index("ix_delivery_open", "state", "deadline_at"),
    )

    id: int = Field(default=None, primary_key=True)
    broadcast_id: str = Field(foreign_key="broadcast.id", max_length=36)
    gateway_id: str = Field(foreign_key="gateway.id", index=True, max_length=63)
    route: Route = Field(sa_type=words(Route))
    state: DeliveryState = Field(
        default=DeliveryState.PLANNED,
        sa_type=words(DeliveryState),
    )
    reason: str | None = Field(default=None, max_length=200)
    start_at: datetime
    """Copied from the broadcast: plans are read by gateway and time."""
    deadline_at: datetime
    """No word by then is `unknown`."""
    plan_version: int | None = None
    """First plan that held it, for the route by plan."""
    sent_at: datetime | None = None
    received_at: datetime | None = None
    ready_at: datetime | None = None
    started_at: datetime | None = None
    settled_at: datetime | None = None
    played_ms: int | None = None
    expected_ms: int | None = None
    underruns: int | None = None
    peak_db: float | None = None
    rms_db: float | None = None
    sound: Sound | None = Field(default=None, sa_type=words(Sound))
    """What a probe at the gateway says; None: the gateway has said nothing of it."""
    sound_confidence: float | None = None
    preempted_by: str | None = Field(default=None, max_length=36)


class DeliveryHistory(SQLModel, table=True):
    """Every terminal state that a delivery was given; more than one row means it was amended."""

    id: int = Field(default=None, primary_key=True)
    delivery_id: int = Field(foreign_key="delivery.id", index=True)
    at: datetime
    """When the controller learnt it."""
    old: DeliveryState = Field(sa_type=words(DeliveryState, "oldstate"))
    new: DeliveryState = Field(sa_type=words(DeliveryState, "newstate"))
    reason: str | None = Field(default=None, max_length=200)
