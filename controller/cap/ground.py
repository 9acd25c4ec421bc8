"""What a feed may address, out of the database: areas by their codes, and where gateways stand."""

from collections.abc import Iterable
from datetime import date

from sqlmodel import Session, col, select

from controller.areas.models import Area, AreaSuccession
from controller.cap.geo import Ground, PlacedGateway
from controller.cap.shapes import Place
from controller.gateways.models import Gateway

_GENERATIONS = 8
"""An area that took over from one that took over …: more than any history has."""


def ground_for(
    session: Session, codes: Iterable[str], *, area_path: str, systems: Iterable[str], today: date
) -> Ground:
    """Return all that placing an alert needs to know.

    Args:
        session: Only read from.
        codes: Those that it names.
        area_path: Of the area beyond which nothing is addressed.
        systems: Names of the systems of codes that are ours.
        today: Whose areas count.
    """
    rows = session.exec(
        select(Gateway, Area.path)
        .join(Area, col(Area.id) == col(Gateway.area_id))
        .where(col(Area.path).startswith(area_path), Gateway.enabled)
        .order_by(col(Gateway.id))
    )
    gateways = tuple(
        PlacedGateway(gateway.id, path, _place(gateway.latitude, gateway.longitude)) for gateway, path in rows
    )
    paths = {code: _paths_of(session, code, today) for code in sorted(set(codes))}
    return Ground(area_path, paths, gateways, frozenset(systems))


def area_id_of(path: str) -> int:
    """Return the id of the area at the end of a path. Pure."""
    return int(path.strip("/").rsplit("/", 1)[-1])


def _paths_of(session: Session, code: str, today: date) -> tuple[str, ...]:
    """Return the area of a code today, or those that took over from the ones that had it."""
    found = list(session.exec(select(Area).where(Area.code == code)))
    current = [area for area in found if _is_there(area, today)]
    for _ in range(_GENERATIONS):
        if current or not found:
            break
        found = list(
            session.exec(
                select(Area)
                .join(AreaSuccession, col(AreaSuccession.new_id) == col(Area.id))
                .where(col(AreaSuccession.old_id).in_([area.id for area in found]))
            )
        )
        current = [area for area in found if _is_there(area, today)]
    return tuple(sorted({area.path for area in current}))


def _is_there(area: Area, today: date) -> bool:
    return area.valid_from <= today and (area.valid_to is None or today <= area.valid_to)


def _place(latitude: float | None, longitude: float | None) -> Place | None:
    return None if latitude is None or longitude is None else Place(latitude, longitude)
