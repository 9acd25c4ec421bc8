"""Gateways as stored: what they are (`Gateway`), how they are (`GatewayState`), what befell them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from controller.columns import words


class GatewayKind(StrEnum):
    """What hangs on the gateway."""

    IP_SPEAKER = "ip_speaker"
    IP_TO_FM = "ip_to_fm"
    IP_TO_WIRED_AMP = "ip_to_wired_amp"
    SIREN = "siren"


class Gateway(SQLModel, table=True):
    """One box at one cluster of loudspeakers."""

    id: str = Field(primary_key=True, max_length=63)
    """Device code, MQTT user name and client id."""
    area_id: int = Field(foreign_key="area.id", index=True)
    name: str = Field(max_length=120)
    kind: GatewayKind = Field(sa_type=words(GatewayKind))
    latitude: float | None = None
    longitude: float | None = None
    speakers: str = Field(default="", max_length=60)
    """As people write it: ``2×30 W``."""
    keeper_name: str = Field(default="", max_length=80)
    keeper_phone: str = Field(default="", max_length=30)
    secret_sha256: str = Field(max_length=64)
    """SHA-256 is enough for 256 random bits; the secret itself is on the gateway only."""
    enrolled_at: datetime
    enabled: bool = True
    volume_percent: int = Field(default=80, ge=0, le=100)
    """Wanted; `GatewayState.volume_percent` is what the gateway says it has."""
    note: str = Field(default="", max_length=300)
    start_offset_ms: int = Field(default=0, ge=0, le=60_000)
    """Planned broadcasts start so much later here: neighbouring horns must not drown each other."""
    ceiling_db: float = Field(default=0.0, le=0.0)
    """The horn's own limit, for emergencies too."""
    volume_caps: list[dict[str, int]] = Field(default_factory=list, sa_type=sa.JSON)
    """Minutes of the day and the loudest they allow, as `wire.messages.VolumeCap`."""


class GatewayConfig(SQLModel, table=True):
    """The newest signed configuration that was ordered of a gateway."""

    gateway_id: str = Field(foreign_key="gateway.id", primary_key=True, max_length=63)
    version: int
    body: dict[str, Any] = Field(sa_type=sa.JSON)
    """As `wire.messages.Config`, without its version."""
    ordered_at: datetime


class GatewayState(SQLModel, table=True):
    """The newest that is known of a gateway. None means never heard."""

    gateway_id: str = Field(foreign_key="gateway.id", primary_key=True, max_length=63)
    online: bool | None = None
    changed_at: datetime | None = None
    """When `online` last changed."""
    heard_at: datetime | None = None
    """Last live message; what the broker had retained does not count."""
    boot: str | None = None
    journal: str | None = None
    reports_up_to: int = 0
    """Every report of `journal` up to this number is committed."""
    agent_version: str | None = None
    clock_offset_ms: int | None = None
    volume_percent: int | None = None
    playing_id: str | None = None
    last_played_at: datetime | None = None
    last_played_id: str | None = None
    health: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON)
    health_at: datetime | None = None
    plan_wanted: int = 0
    """Rises whenever what the gateway should play changes."""
    plan_built: int = 0
    """The `plan_wanted` that the newest signed plan was built from."""
    plan_version: int = 0
    plan_sent_at: datetime | None = None
    plan_attempts: int = 0
    config_version: int = 0
    """The configuration that it says it holds."""
    plan_confirmed: int = 0
    """Newest plan version that the gateway says is on its disk."""


class Connectivity(SQLModel, table=True):
    """A gateway went or came back; uptime is computed from these rows and nothing else."""

    id: int = Field(default=None, primary_key=True)
    gateway_id: str = Field(foreign_key="gateway.id", index=True, max_length=63)
    at: datetime = Field(index=True)
    online: bool


class GatewayFault(SQLModel, table=True):
    """Something was wrong with a gateway itself, from when it said so until it said that it is over."""

    id: int = Field(default=None, primary_key=True)
    gateway_id: str = Field(foreign_key="gateway.id", index=True, max_length=63)
    reason: str = Field(max_length=40)
    """A `wire.types.Fault`, or what a newer agent calls it."""
    detail: str = Field(default="", max_length=500)
    began_at: datetime
    """By the gateway's clock."""
    arrived_at: datetime
    ended_at: datetime | None = Field(default=None, index=True)
    """By the gateway's clock; None: it has not said that it is over."""


class SecurityEvent(SQLModel, table=True):
    """A gateway refused a message. Each is shown to staff until someone has seen it."""

    __table_args__ = (sa.UniqueConstraint("gateway_id", "journal", "n"),)

    id: int = Field(default=None, primary_key=True)
    gateway_id: str = Field(foreign_key="gateway.id", index=True, max_length=63)
    at: datetime
    """By the gateway's clock."""
    arrived_at: datetime = Field(index=True)
    reason: str = Field(max_length=40)
    detail: str = Field(default="", max_length=500)
    journal: str = Field(max_length=36)
    n: int
    seen_at: datetime | None = None
    seen_by: int | None = Field(default=None, foreign_key="person.id")
