"""Areas as stored."""

from datetime import date
from enum import StrEnum

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from controller.columns import words


class AreaKind(StrEnum):
    """Levels of the tree, top first. Their depth varies: districts ended on 30 June 2025."""

    PROVINCE = "province"
    DISTRICT = "district"
    COMMUNE = "commune"
    STATION = "station"
    """Địa bàn đài: what one of the stations of a merged commune served before, still run as one."""
    HAMLET = "hamlet"


class Area(SQLModel, table=True):
    """One node while it was valid. Code alone is no key: a new commune may carry an old town's code."""

    __table_args__ = (UniqueConstraint("code", "valid_from"),)

    id: int = Field(default=None, primary_key=True)
    code: str = Field(max_length=20, index=True)
    kind: AreaKind = Field(sa_type=words(AreaKind))
    name: str = Field(max_length=120)
    parent_id: int | None = Field(default=None, foreign_key="area.id", index=True)
    path: str = Field(max_length=200, index=True)
    """Ids from the root to this node, ``/1/4/9/``: a subtree is a prefix."""
    valid_from: date
    valid_to: date | None = None
    """Last day; None while the area exists."""


class AreaSuccession(SQLModel, table=True):
    """The area that took over from an ended one, so that old codes still find their way."""

    old_id: int = Field(foreign_key="area.id", primary_key=True)
    new_id: int = Field(foreign_key="area.id", primary_key=True)
