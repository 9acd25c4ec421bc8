"""Feeds of alerts, and the alerts that came, as stored."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from controller.cap.alert import MsgType, Scope, Status
from controller.cap.deciding import State
from controller.columns import words


class FeedKind(StrEnum):
    """How alerts come."""

    HTTP = "http"
    """We ask for them: an Atom feed of alerts, or one alert."""
    MQTT = "mqtt"
    """They are published as WMO's CAP Composer does."""
    PUSH = "push"
    """They are posted to ``/api/v1/cap`` with the feed's own token."""


class CapFeed(SQLModel, table=True):
    """Someone whose alerts are taken, what they may do, and where."""

    __tablename__ = "cap_feed"

    id: int = Field(default=None, primary_key=True)
    name: str = Field(max_length=60, unique=True)
    kind: FeedKind = Field(sa_type=words(FeedKind))
    area_id: int = Field(foreign_key="area.id")
    """Nothing is said beyond it, whatever an alert asks for."""
    enabled: bool = True
    senders: list[str] = Field(sa_type=sa.JSON)
    """Whose alerts are taken."""
    certificate_pem: str | None = Field(default=None, max_length=20_000)
    """What signatures are checked against; a signed alert that fails is refused, an unsigned one waits."""
    url: str | None = Field(default=None, max_length=500)
    """Of the feed, or of another broker: ``mqtts://host:port``."""
    hosts: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    """Hosts besides that of `url` that its entries may point to."""
    private_allowed: bool = False
    """Whether those may have addresses of a private network."""
    archive_url: str | None = Field(default=None, max_length=500)
    """Where an alert that others refer to is, should it never have come; see `controller.cap.archive`."""
    mentioned: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    """What the last heartbeat that was certainly the sender's named, as it was written."""
    topic: str | None = Field(default=None, max_length=200)
    username: str | None = Field(default=None, max_length=120)
    password: str | None = Field(default=None, max_length=200)
    """Of another broker."""
    tls_ca: str | None = Field(default=None, max_length=500)
    """File of the authority that signed the other broker's certificate."""
    token_sha256: str | None = Field(default=None, max_length=64, unique=True)
    """SHA-256 is enough for 256 random bits."""
    auto_level: int | None = Field(default=None, ge=1, le=5)
    """From this level of risk on its alerts sound by themselves; None: a person approves each one."""
    drills: bool = False
    waits_for_onset: bool = True
    tolerant_times: bool = False
    allow_11: bool = False
    languages: list[str] = Field(sa_type=sa.JSON)
    """What is said, in this order, of what an alert has."""
    geocodes: list[str] = Field(sa_type=sa.JSON)
    """Names of the systems of codes that are ours."""
    repeat_minutes: int | None = Field(default=None, ge=1, le=24 * 60)
    interval_s: int | None = Field(default=None, ge=5, le=86_400)
    """How often something is to be heard of it; None: it need not be."""
    created_at: datetime
    succeeded_at: datetime | None = None
    """When it was last asked with success, or last heard of."""
    problem: str = Field(default="", max_length=200)
    """What went wrong last; empty after a success."""
    silent_since: datetime | None = None
    """Since when it is overdue by three intervals: staff are told."""


class CapAlert(SQLModel, table=True):
    """One alert that came, and how it stands. The bytes are kept as they were."""

    __tablename__ = "cap_alert"
    __table_args__ = (sa.UniqueConstraint("sender", "identifier", "sent_at"),)

    id: int = Field(default=None, primary_key=True)
    sender: str = Field(max_length=200)
    identifier: str = Field(max_length=200)
    sent_at: datetime
    feed_id: int | None = Field(default=None, foreign_key="cap_feed.id", index=True)
    """None: a person brought it, or the feed is no more."""
    brought_by: int | None = Field(default=None, foreign_key="person.id")
    """Who brought it by hand."""
    area_id: int = Field(foreign_key="area.id")
    sha256: str = Field(max_length=64)
    raw: bytes
    msg_type: MsgType = Field(sa_type=words(MsgType))
    status: Status = Field(sa_type=words(Status, "capstatus"))
    scope: Scope = Field(sa_type=words(Scope, "capscope"))
    references: list[list[str]] = Field(default_factory=list, sa_type=sa.JSON)
    """Each a sender, an identifier and an instant, as the alert writes them."""
    title: str = Field(default="", max_length=160)
    level: int | None = None
    proven: bool = False
    """It is certainly the sender's."""
    contested_at: datetime | None = None
    """When the same name came with other content."""
    state: State = Field(sa_type=words(State, "capstate"))
    reason: str | None = Field(default=None, max_length=40)
    """A `controller.cap.deciding.Reason`."""
    obstacle: str | None = Field(default=None, max_length=40)
    """A `controller.cap.drafting.Obstacle`: why nothing has become of it though it holds."""
    unspoken: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    """Languages that it is to be said in and that no voice here speaks; their text is kept."""
    recordings: dict[str, str] = Field(default_factory=dict, sa_type=sa.JSON)
    """For each language that it brings a recording in: ``used``, or a `controller.cap.recordings.Unused`."""
    emergency_ids: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    """What became of it, one for each group of people that it tells something of their own."""
    received_at: datetime = Field(index=True)
    effective_at: datetime | None = None
    starts_at: datetime | None = None
    expires_at: datetime
    version: str = Field(default="1.2", max_length=4)
