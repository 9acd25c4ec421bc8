"""Reading and growing the area tree."""

from collections.abc import Iterable
from datetime import date

from sqlmodel import Session, col, select

from controller.areas.models import Area, AreaKind, AreaSuccession
from controller.errors import UnknownArea


def add_area(
    session: Session,
    *,
    code: str,
    kind: AreaKind,
    name: str,
    parent: Area | None,
    valid_from: date,
    valid_to: date | None = None,
) -> Area:
    """Add a node below `parent`, None for a root."""
    area = Area(
        code=code,
        kind=kind,
        name=name,
        parent_id=parent.id if parent else None,
        path="",
        valid_from=valid_from,
        valid_to=valid_to,
    )
    session.add(area)
    session.flush()
    area.path = f"{parent.path if parent else '/'}{area.id}/"
    return area


def succeed(session: Session, old: Area, new: Area) -> None:
    """Note that `new` took over from `old`."""
    session.add(AreaSuccession(old_id=old.id, new_id=new.id))


def get_area(session: Session, area_id: int, today: date) -> Area:
    """Return an area that exists today.

    Raises:
        UnknownArea: There is none of this id, or it has ended.
    """
    area = session.get(Area, area_id)
    if area is None or area.valid_from > today or (area.valid_to is not None and area.valid_to < today):
        raise UnknownArea(area_id=area_id)
    return area


def subtree(session: Session, path: str, today: date) -> list[Area]:
    """Return the areas at and below a path that exist today, parents first."""
    return list(
        session.exec(
            select(Area)
            .where(
                col(Area.path).startswith(path),
                Area.valid_from <= today,
                col(Area.valid_to).is_(None) | (col(Area.valid_to) >= today),
            )
            .order_by(col(Area.path))
        )
    )


def find_by_code(session: Session, code: str, on: date) -> Area | None:
    """Return the area that bore this official code on a day, following no alias."""
    return session.exec(
        select(Area).where(
            Area.code == code,
            Area.valid_from <= on,
            col(Area.valid_to).is_(None) | (col(Area.valid_to) >= on),
        )
    ).first()


def old_codes(session: Session, area_ids: Iterable[int]) -> dict[int, list[Area]]:
    """Return for each area the ended areas that it took over from."""
    rows = session.exec(
        select(AreaSuccession, Area)
        .join(Area, col(Area.id) == col(AreaSuccession.old_id))
        .where(col(AreaSuccession.new_id).in_(list(area_ids)))
    )
    found: dict[int, list[Area]] = {}
    for succession, area in rows:
        found.setdefault(succession.new_id, []).append(area)
    return found


def paths_above(path: str) -> list[str]:
    """Return the paths of an area and of all above it, the highest first. Pure."""
    parts = path.strip("/").split("/")
    return ["/" + "".join(f"{part}/" for part in parts[: depth + 1]) for depth in range(len(parts))]


def smallest_common(areas: list[Area]) -> str:
    """Return the path of the smallest area that holds them all. Pure."""
    parts = [area.path.strip("/").split("/") for area in areas]
    common: list[str] = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    return "/" + "".join(f"{part}/" for part in common)
