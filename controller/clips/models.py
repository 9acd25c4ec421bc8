"""Clips as stored: facts about bytes that live in the content-addressed store."""

from datetime import datetime

from sqlmodel import Field, SQLModel


class Clip(SQLModel, table=True):
    """Prepared audio, immutable, named by the SHA-256 of its bytes."""

    sha256: str = Field(primary_key=True, max_length=64)
    size_bytes: int
    duration_ms: int
    loudness_lufs: float
    true_peak_dbtp: float
    prepared_at: datetime
    prepared_by: int | None = Field(default=None, foreign_key="person.id")
