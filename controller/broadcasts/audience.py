"""From chosen areas and gateways to the gateways that will be addressed, one by one."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.areas.service import get_area, smallest_common
from controller.errors import NobodyToPlayIt, UnknownGateway
from controller.gateways.models import Gateway
from controller.people.access import Actor, Permission


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is meant: whole areas with all below them, and single gateways."""

    area_ids: tuple[int, ...] = ()
    gateway_ids: tuple[str, ...] = ()

    def stored(self) -> dict[str, Any]:
        """Return the form that rows keep."""
        return {"areas": list(self.area_ids), "gateways": list(self.gateway_ids)}

    @classmethod
    def load(cls, stored: dict[str, Any]) -> "Audience":
        """Read what `stored` wrote."""
        return cls(tuple(stored["areas"]), tuple(stored["gateways"]))


@dataclass(frozen=True, slots=True)
class Resolved:
    """An audience as gateways, and the smallest area that holds it."""

    gateway_ids: tuple[str, ...]
    area_id: int


def resolve(session: Session, audience: Audience, today: date) -> tuple[str, ...]:
    """Return the ids of the enabled gateways that an audience means today, sorted."""
    found: set[str] = set()
    for area_id in audience.area_ids:
        area = session.get(Area, area_id)
        if area is None or (area.valid_to is not None and area.valid_to < today):
            continue
        found.update(
            session.exec(
                select(Gateway.id)
                .join(Area, col(Area.id) == col(Gateway.area_id))
                .where(col(Area.path).startswith(area.path), Gateway.enabled)
            )
        )
    if audience.gateway_ids:
        found.update(
            session.exec(select(Gateway.id).where(col(Gateway.id).in_(audience.gateway_ids), Gateway.enabled))
        )
    return tuple(sorted(found))


def choose(
    session: Session,
    actor: Actor,
    audience: Audience,
    today: date,
    permission: Permission = Permission.COMPOSE,
) -> Resolved:
    """Check that an audience is the actor's to address, and resolve it.

    Raises:
        NobodyToPlayIt: It holds no enabled gateway.
        Problem: As `area_of` does.
    """
    area_id = area_of(session, actor, audience, today, permission)
    gateway_ids = resolve(session, audience, today)
    if not gateway_ids:
        raise NobodyToPlayIt(field="audience")
    return Resolved(gateway_ids, area_id)


def area_of(session: Session, actor: Actor, audience: Audience, today: date, permission: Permission) -> int:
    """Check that an audience is the actor's to address, and return the smallest area that holds it.

    Raises:
        UnknownArea: An area does not exist today.
        UnknownGateway: A gateway does not exist.
        ForeignArea: Some of it is not the actor's.
        NobodyToPlayIt: It names neither areas nor gateways.
    """
    areas = [get_area(session, area_id, today) for area_id in audience.area_ids]
    for gateway_id in audience.gateway_ids:
        gateway = session.get(Gateway, gateway_id)
        area = session.get(Area, gateway.area_id) if gateway else None
        if area is None:
            raise UnknownGateway(field="audience", gateway_id=gateway_id)
        areas.append(area)
    if not areas:
        raise NobodyToPlayIt(field="audience")
    actor.require(permission, *(area.path for area in areas))
    owner = smallest_common(areas).strip("/").rsplit("/", 1)[-1]
    return int(owner) if owner else actor.area_id
