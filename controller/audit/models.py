"""The audit trail as stored: rows are added, never changed."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class AuditRow(SQLModel, table=True):
    """Who did what to what, when and from where, written in the same transaction as the deed."""

    __tablename__ = "audit"

    id: int = Field(default=None, primary_key=True)
    at: datetime = Field(index=True)
    person_id: int | None = Field(default=None, foreign_key="person.id", index=True)
    """None: the controller itself, or its command line."""
    action: str = Field(max_length=40, index=True)
    subject: str = Field(default="", max_length=80)
    area_id: int | None = Field(default=None, foreign_key="area.id", index=True)
    address: str = Field(default="", max_length=60)
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)
    n: int | None = Field(default=None, unique=True)
    """Its number in the chain, from 1 without a gap; None in rows from before there was one."""
    previous: str = Field(default="", max_length=64)
    """`chained` of row `n - 1`."""
    chained: str = Field(default="", max_length=64)
    """SHA-256 over all of this row and `previous`; see `controller.audit.chain`."""
