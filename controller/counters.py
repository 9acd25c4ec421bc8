"""Numbers that are given once and never again, over restarts and however many write at the same time."""

import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, select


class Counter(SQLModel, table=True):
    """Numbers that must never be given twice, reserved in blocks."""

    name: str = Field(primary_key=True, max_length=40)
    value: int


def reserve(session: Session, name: str, count: int) -> int:
    """Take `count` numbers that nobody else will ever get; returns the first. Starts at 1.

    Whoever wants numbers of the same name meanwhile waits for the end of this transaction.
    """
    # Two that come first at the same time: the second waits here, and finds the row of the first.
    session.execute(_MAKE, {"name": name})
    counter = session.exec(
        select(Counter)
        .where(Counter.name == name)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    first = counter.value + 1
    counter.value += count
    session.flush()
    return first


_MAKE = sa.text("INSERT INTO counter (name, value) VALUES (:name, 0) ON CONFLICT DO NOTHING")
