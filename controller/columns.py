"""Column types that several tables share."""

from enum import StrEnum

import sqlalchemy as sa
import uuid_utils


def words(enumeration: type[StrEnum], check: str | None = None) -> sa.Enum:
    """Return a column type that stores an enumeration's words (not its Python names) under a CHECK.

    Args:
        enumeration: Whose values are allowed.
        check: Name of the constraint, where a table has two columns of one enumeration.
    """
    return sa.Enum(
        enumeration,
        native_enum=False,
        create_constraint=True,
        length=24,
        name=check or enumeration.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


def new_id() -> str:
    """Return a UUIDv7 (RFC 9562): unique, and in the order of its making."""
    return str(uuid_utils.uuid7())
