"""Fleet: which gateways are there, which are not, commune by commune, worst first."""

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from sqlmodel import col, select

from controller.areas.models import Area
from controller.gateways.faults import open_faults
from controller.gateways.liveness import Contact, contact
from controller.gateways.models import Gateway, GatewayState, SecurityEvent
from controller.gateways.routes import states_of
from controller.gateways.service import gateways_in
from controller.web.emergency import open_lines
from controller.web.fleet_map import Chart, chart
from controller.web.places import Places
from controller.web.visit import Visit, VisitDep

router = APIRouter(include_in_schema=False)

ALL_ROWS_BELOW = 300
"""From so many gateways on, a commune's rows and marks are shown when it is chosen."""
EVENTS_SHOWN = 30
FAULTS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Member:
    """One gateway of the fleet."""

    gateway: Gateway
    state: GatewayState
    contact: Contact
    area: str

    @property
    def plan_confirmed(self) -> bool:
        """Whether what it is to play is on its disk, as far as it has said."""
        return self.state.plan_built >= self.state.plan_wanted and (
            self.state.plan_confirmed >= self.state.plan_version > 0
        )


@dataclass(frozen=True, slots=True)
class Commune:
    """A commune's gateways."""

    area: Area
    members: list[Member]

    @property
    def counts(self) -> Counter[Contact]:
        """How many are how."""
        return Counter(member.contact for member in self.members)

    @property
    def badness(self) -> tuple[float, int, str]:
        """Sorts the worst first: the share that is not there, then how many."""
        away = len(self.members) - self.counts[Contact.ONLINE]
        return (-away / len(self.members), -away, self.area.name)


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark on the map: a gateway, or a whole commune."""

    id: str
    x: float
    y: float
    name: str
    href: str
    contact: Contact
    count: int = 1


Chosen = Annotated[int | None, Query(alias="xa")]
Ids = Annotated[str, Query(max_length=8000)]


@router.get("/cum-loa")
def fleet(visit: VisitDep, commune: Chosen = None) -> HTMLResponse:
    """The registry of the person's area, or of one commune in it."""
    places = Places(visit.session, visit.actor.area_path)
    emergencies = open_lines(visit, places)
    return visit.render("fleet.html", here="fleet", emergencies=emergencies, **_board(visit, places, commune))


@router.get("/parts/fleet")
def fleet_part(visit: VisitDep, commune: Chosen = None, ids: Ids = "") -> HTMLResponse:
    """All of it, or with `ids` only the figures and those gateways."""
    wanted = frozenset(ids.split(",")) if ids else None
    template = "parts/fleet_change.html" if wanted else "parts/fleet.html"
    places = Places(visit.session, visit.actor.area_path)
    return visit.render(template, wanted=wanted, **_board(visit, places, commune))


def _board(visit: Visit, places: Places, chosen: int | None) -> dict[str, Any]:
    members = _members(visit, places)
    communes: dict[int, Commune] = {}
    for member in members:
        area = places.commune_of(member.gateway.area_id)
        if area is not None:
            communes.setdefault(area.id, Commune(area, [])).members.append(member)
    few = len(members) < ALL_ROWS_BELOW
    shown = [each for each in communes.values() if few or each.area.id == chosen]
    marks, drawing = _marks(shown or list(communes.values()), whole_communes=not shown)
    counts = Counter(member.contact for member in members)
    return {
        "area": places.get(visit.actor.area_id),
        "total": len(members),
        "counts": counts,
        "confirmed": sum(member.plan_confirmed for member in members),
        "communes": sorted(communes.values(), key=lambda commune: commune.badness),
        "open_ids": {each.area.id for each in shown},
        "marks": marks,
        "drawing": drawing,
        "contacts": list(Contact),
        "chosen": chosen,
        "faults": open_faults(visit.session, visit.actor.area_path)[:FAULTS_SHOWN],
        "events": _events(visit),
    }


def _members(visit: Visit, places: Places) -> list[Member]:
    gateways = [each for each in gateways_in(visit.session, visit.actor.area_path) if each.enabled]
    states = states_of(visit.session, [gateway.id for gateway in gateways])
    return [
        Member(gateway, states[gateway.id], contact(states[gateway.id]), places.name(gateway.area_id))
        for gateway in gateways
    ]


def _marks(communes: list[Commune], *, whole_communes: bool) -> tuple[list[Mark], Chart | None]:
    placed = [
        (commune, member)
        for commune in communes
        for member in commune.members
        if member.gateway.latitude is not None and member.gateway.longitude is not None
    ]
    if whole_communes:
        return _commune_marks(communes, placed)
    drawing = chart([(m.gateway.latitude or 0.0, m.gateway.longitude or 0.0) for _, m in placed])
    marks = [
        Mark(
            f"mark-{member.gateway.id}",
            *point,
            member.gateway.name,
            f"/cum-loa/{member.gateway.id}",
            member.contact,
        )
        for (_, member), point in zip(placed, drawing.points if drawing else (), strict=True)
    ]
    return marks, drawing


def _commune_marks(
    communes: list[Commune], placed: list[tuple[Commune, Member]]
) -> tuple[list[Mark], Chart | None]:
    centres = {}
    for commune in communes:
        own = [member.gateway for each, member in placed if each is commune]
        if own:
            centres[commune.area.id] = (
                sum(gateway.latitude or 0.0 for gateway in own) / len(own),
                sum(gateway.longitude or 0.0 for gateway in own) / len(own),
            )
    drawing = chart(list(centres.values()))
    shown = [commune for commune in communes if commune.area.id in centres]
    marks = [
        Mark(
            f"mark-{commune.area.id}",
            *point,
            commune.area.name,
            f"/cum-loa?xa={commune.area.id}",
            Contact.ONLINE
            if commune.counts[Contact.ONLINE] == len(commune.members)
            else max(commune.counts, key=lambda each: (each is not Contact.ONLINE, commune.counts[each])),
            len(commune.members),
        )
        for commune, point in zip(shown, drawing.points if drawing else (), strict=True)
    ]
    return marks, drawing


def _events(visit: Visit) -> list[tuple[SecurityEvent, Gateway]]:
    rows = visit.session.exec(
        select(SecurityEvent, Gateway)
        .join(Gateway, col(Gateway.id) == col(SecurityEvent.gateway_id))
        .join(Area, col(Area.id) == col(Gateway.area_id))
        .where(col(Area.path).startswith(visit.actor.area_path))
        .order_by(col(SecurityEvent.id).desc())
        .limit(EVENTS_SHOWN)
    )
    return [(event, gateway) for event, gateway in rows]
