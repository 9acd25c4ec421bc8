"""Many rows in one statement, without the ORM's work for each of them."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, SQLModel


def insert_rows(session: Session, table: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows. Every dict has the same keys; defaults of the model do not apply."""
    if rows:
        session.connection().execute(sa.insert(sa.inspect(table).local_table), list(rows))


def update_rows(session: Session, table: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
    """Update rows by their ``id``; one that is gone by now is no error. Every dict has the same keys.

    The ORM's own bulk update insists that each row is still there; an outbox row may have been confirmed, and
    deleted, while it was on its way.
    """
    if not rows:
        return
    target = sa.inspect(table).local_table
    values: dict[str, Any] = {key: sa.bindparam(key) for key in rows[0] if key != "id"}
    statement = sa.update(target).where(target.c.id == sa.bindparam("row_id")).values(values)
    renamed = [
        {**{key: value for key, value in row.items() if key != "id"}, "row_id": row["id"]} for row in rows
    ]
    session.connection().execute(statement, renamed)
