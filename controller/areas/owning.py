"""Finding what belongs to someone: a row whose area lies within the actor's own."""

from typing import Protocol, TypeVar

from sqlmodel import Session

from controller.areas.models import Area
from controller.errors import NotFound
from controller.people.access import Actor


class OfAnArea(Protocol):
    """A row that belongs to an area."""

    area_id: int


Row = TypeVar("Row", bound=OfAnArea)


def owned(session: Session, actor: Actor, table: type[Row], key: object) -> Row:
    """Return the row of this key.

    Raises:
        NotFound: There is none, or it is someone else's; which of the two is not said.
    """
    row = session.get(table, key)
    area = session.get(Area, row.area_id) if row is not None else None
    if row is None or area is None or not area.path.startswith(actor.area_path):
        raise NotFound
    return row
