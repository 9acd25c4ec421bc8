"""Numbers that are given once and never again, over restarts and however many write at the same time."""

from sqlmodel import Field, Session, SQLModel, select


class Counter(SQLModel, table=True):
    """Numbers that must never be given twice, reserved in blocks."""

    name: str = Field(primary_key=True, max_length=40)
    value: int


def reserve(session: Session, name: str, count: int) -> int:
    """Take `count` numbers that nobody else will ever get; returns the first. Starts at 1."""
    counter = session.exec(select(Counter).where(Counter.name == name).with_for_update()).first()
    if counter is None:
        counter = Counter(name=name, value=0)
        session.add(counter)
    first = counter.value + 1
    counter.value += count
    session.flush()
    return first
