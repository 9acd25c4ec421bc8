"""People and their log-ins as stored."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from controller.columns import words


class Role(StrEnum):
    """What a person may do, within one area and all below it."""

    ADMIN = "admin"
    OFFICER = "officer"
    LEADER = "leader"
    MONITOR = "monitor"


class Person(SQLModel, table=True):
    """Someone who logs in."""

    id: int = Field(default=None, primary_key=True)
    username: str = Field(max_length=40, unique=True)
    name: str = Field(max_length=80)
    role: Role = Field(sa_type=words(Role))
    area_id: int = Field(foreign_key="area.id")
    password_hash: str = Field(max_length=200)
    """Argon2id (RFC 9106), with its parameters."""
    totp_secret: str | None = Field(default=None, max_length=64)
    """Base32, of an authenticator app (RFC 6238); None: the password confirms instead."""
    totp_used: int | None = None
    """The last time step whose code was taken; no code is taken twice."""
    enabled: bool = True
    failures: int = 0
    """Wrong passwords in a row."""
    wait_until: datetime | None = None
    """No password is tried before this."""


class LogIn(SQLModel, table=True):
    """One browser or phone that is logged in."""

    token_sha256: str = Field(primary_key=True, max_length=64)
    person_id: int = Field(foreign_key="person.id", index=True)
    csrf_token: str = Field(max_length=64)
    started_at: datetime
    seen_at: datetime
    expires_at: datetime
    address: str = Field(default="", max_length=60)
    agent: str = Field(default="", max_length=200)
    stepped_up_at: datetime | None = None
    """When this phone last proved again who holds it."""
