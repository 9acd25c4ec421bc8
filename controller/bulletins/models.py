"""Bulletins as stored."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from controller.columns import words
from wire.types import Priority


class Source(StrEnum):
    """Where a bulletin's sound came from."""

    UPLOAD = "upload"
    SPEECH = "speech"
    LIVE = "live"
    """Spoken live, and kept."""


class Bulletin(SQLModel, table=True):
    """A piece of content: what is said, in which language, about what."""

    id: str = Field(primary_key=True, max_length=36)
    area_id: int = Field(foreign_key="area.id", index=True)
    """Whose it is; people of this area and above see it."""
    title: str = Field(max_length=160)
    text: str = Field(default="", max_length=8000)
    language: str = Field(default="vi", max_length=8)
    """BCP 47: ``vi``, ``km``."""
    category: str = Field(default="notice", max_length=24)
    """Lĩnh vực; see `controller.bulletins.categories`."""
    priority: Priority = Field(default=Priority.NORMAL, sa_type=words(Priority))
    source: Source = Field(sa_type=words(Source))
    clip_sha256: str = Field(foreign_key="clip.sha256", max_length=64)
    prepared: bool = False
    """A prepared warning: every gateway of the area keeps its clip, and a tiny order starts it."""
    warning_key: str | None = Field(default=None, index=True, max_length=60)
    """Names a prepared warning, the same for all its languages."""
    hazard: str | None = Field(default=None, max_length=40)
    level: int | None = Field(default=None, ge=1, le=5)
    """Level of risk, 1 to 5 (Decision 18/2021/QĐ-TTg, Article 4)."""
    author_id: int | None = Field(default=None, foreign_key="person.id")
    created_at: datetime
