"""Areas over HTTP."""

from datetime import date

from fastapi import APIRouter
from pydantic import BaseModel

from controller.areas.models import Area, AreaKind
from controller.areas.service import old_codes, subtree
from controller.deps import ActorDep, ClockDep, ServicesDep, SessionDep
from controller.people.access import Permission

router = APIRouter(prefix="/api/v1/areas", tags=["areas"])


class AreaOut(BaseModel):
    """One area."""

    id: int
    code: str
    kind: AreaKind
    name: str
    parent_id: int | None
    valid_from: date
    took_over_from: list[str]
    """Official codes of the areas that ended in it."""


@router.get("", operation_id="list_areas")
def list_areas(svc: ServicesDep, actor: ActorDep, session: SessionDep, clock: ClockDep) -> list[AreaOut]:
    """The person's own area and all below it, parents first, as they are today."""
    actor.require(Permission.READ)
    areas = subtree(session, actor.area_path, svc.today(clock.now()))
    old = old_codes(session, [area.id for area in areas if area.id is not None])
    return [_out(area, old.get(area.id or 0, [])) for area in areas]


def _out(area: Area, old: list[Area]) -> AreaOut:
    assert area.id is not None  # noqa: S101 - it came from the database
    return AreaOut(
        id=area.id,
        code=area.code,
        kind=area.kind,
        name=area.name,
        parent_id=area.parent_id,
        valid_from=area.valid_from,
        took_over_from=[each.code for each in old],
    )
