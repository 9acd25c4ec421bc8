"""Many rows in few statements, without the ORM's work for each of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

T = TypeVar("T")


def chunks(values: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces that fit into one ``IN``."""
    return (values[first : first + size] for first in range(0, len(values), size))


def insert_for_each(
    session: Session,
    table: type[SQLModel],
    common: Mapping[str, Any],
    *,
    name: str,
    source: Any,
    keys: Sequence[str],
) -> None:
    """Insert one row for each of many keys; all else is the same in every row, so it is bound only once.

    Args:
        session: A writing transaction.
        table: Where to insert; defaults of the model do not apply.
        common: The columns that are the same in every row.
        name: The column that differs.
        source: The column that it refers to.
        keys: Its values; one that `source` does not hold gets no row.
    """
    target = sa.inspect(table).local_table
    constants = [sa.literal(value, target.c[column].type) for column, value in common.items()]
    for chunk in chunks(keys):
        chosen = sa.select(*constants, source).where(source.in_(chunk))
        session.connection().execute(sa.insert(target).from_select([*common, name], chosen))


def update_rows(
    session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]], *, key: str = "id"
) -> None:
    """Update rows by their key; one that is gone by now is no error.

    Rows with the same columns share a statement. The ORM's own bulk update insists that each row is still
    there; an outbox row may have been confirmed, and deleted, while it was on its way.
    """
    target = sa.inspect(table).local_table
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        values = dict(row)
        which = values.pop(key)
        alike.setdefault(tuple(values), []).append({**values, "which": which})
    for columns, same in alike.items():
        statement = sa.update(target).where(target.c[key] == sa.bindparam("which"))
        bound: dict[str, Any] = {column: sa.bindparam(column) for column in columns}
        session.connection().execute(statement.values(bound), same)
