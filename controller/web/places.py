"""Names of places: the areas that a person sees, and where in them a gateway stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from controller.areas.models import Area, AreaKind
from controller.areas.service import subtree
from controller.gateways.models import Gateway, GatewayState
from controller.gateways.routes import states_of
from controller.gateways.service import gateways_in


@dataclass(frozen=True, slots=True)
class Node:
    """An area with all below it, as the audience's tree shows it."""

    area: Area
    children: list["Node"]
    gateways: list[Gateway]

    @property
    def size(self) -> int:
        """How many gateways it holds, all below included."""
        return len(self.gateways) + sum(child.size for child in self.children)


class Places:
    """The areas at, below and above a person's own, ended ones included: history keeps its names."""

    def __init__(self, session: Session, path: str) -> None:
        above = [int(part) for part in path.strip("/").split("/") if part]
        rows = session.exec(
            select(Area).where(col(Area.path).startswith(path) | col(Area.id).in_(above))
        ).all()
        self._areas = {area.id: area for area in rows}

    def name(self, area_id: int) -> str:
        """Return an area's name; empty for one that is none of the person's business."""
        area = self._areas.get(area_id)
        return area.name if area else ""

    def get(self, area_id: int) -> Area | None:
        """Return an area."""
        return self._areas.get(area_id)

    def commune_of(self, area_id: int) -> Area | None:
        """Return the commune that an area lies in, else the area itself."""
        area = self._areas.get(area_id)
        for part in area.path.strip("/").split("/") if area else ():
            found = self._areas.get(int(part))
            if found is not None and found.kind is AreaKind.COMMUNE:
                return found
        return area

    def audience(self, session: Session, stored: dict[str, Any]) -> list[str]:
        """Return the names of a stored audience's areas, then of its single gateways."""
        names = [self.name(area_id) for area_id in stored["areas"]]
        gateway_ids = stored["gateways"]
        if gateway_ids:
            found = session.exec(
                select(Gateway.name).where(col(Gateway.id).in_(gateway_ids[:50])).order_by(col(Gateway.id))
            )
            names.extend(found)
        return [name for name in names if name]


def tree(session: Session, path: str, today: date) -> tuple[list[Node], dict[str, GatewayState]]:
    """Return a person's areas of today as a tree with its enabled gateways, and how those are."""
    nodes: dict[int, Node] = {}
    roots: list[Node] = []
    for area in sorted(subtree(session, path, today), key=lambda area: area.path.count("/")):
        node = nodes[area.id] = Node(area, [], [])
        parent = nodes.get(area.parent_id) if area.parent_id is not None else None
        (parent.children if parent else roots).append(node)
    gateways = [gateway for gateway in gateways_in(session, path) if gateway.enabled]
    for gateway in gateways:
        if gateway.area_id in nodes:
            nodes[gateway.area_id].gateways.append(gateway)
    _sort(roots)
    return roots, states_of(session, [gateway.id for gateway in gateways])


def _sort(nodes: Iterable[Node]) -> None:
    for node in nodes:
        node.children.sort(key=lambda child: (child.area.name, child.area.code))
        _sort(node.children)
