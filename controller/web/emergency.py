"""The page for warning everyone now, and what every other page shows of what goes on."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from sqlmodel import col, func, select

from controller.areas.models import Area
from controller.areas.service import get_area
from controller.cap.supervising import alerts_behind
from controller.deps import ClockDep, ServicesDep, SessionDep
from controller.emergencies.ending import stop_everything
from controller.emergencies.models import Emergency, EmergencyState
from controller.emergencies.roll_call import RollCall, roll_call
from controller.emergencies.service import emergencies_of
from controller.events import Change, announce
from controller.people.access import PERMISSIONS, Permission
from controller.people.models import Person
from controller.people.second_person import WIDE, takes_two
from controller.warnings.catalogue import PreparedSound, all_sounds
from controller.warnings.pack import PackedWarning, find_packed, is_role, read_pack
from controller.web.places import Node, Places, tree
from controller.web.plain_form import SenderDep
from controller.web.rendering import HOME, reader_of, render
from controller.web.visit import Visit, VisitDep
from wire.types import Mode

router = APIRouter(include_in_schema=False)

ENDED_SHOWN = 4
ENDED_FOR = timedelta(days=2)
INTERVALS_MIN = (5, 10, 15, 30, 60, 120)
WARNERS_SHOWN = 5
OTHER = "other"
LASTS_H = (1, 2, 6, 12, 24, 72)
SIRENS = ("siren_storm", "siren_flood", "siren_extreme")


@dataclass(frozen=True, slots=True)
class Line:
    """One emergency as the page shows it."""

    emergency: Emergency
    audience: list[str]
    by: str
    roll_call: RollCall
    can_be_ended: bool
    """Its whole area is within the person's own."""
    proposed_by: str = ""
    """Who asked for a second person's approval."""
    is_own_draft: bool = False
    """Whoever looks has proposed it: someone else approves it."""


@dataclass(frozen=True, slots=True)
class Hazard:
    """The prepared warnings of one hazard, the lowest level of risk first."""

    name: str
    choices: list["Choice"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One prepared warning to choose."""

    sound: PreparedSound
    packed: PackedWarning | None
    clip_sha256: str


@router.get("/khan-cap")
def emergency(visit: VisitDep) -> HTMLResponse:
    """The page, disabled with the reason for those who may not warn."""
    sounds = all_sounds(visit.session, visit.actor.area_path)
    person = visit.session.get(Person, visit.actor.person_id)
    nodes, _ = tree(visit.session, visit.actor.area_path, visit.today)
    return visit.render(
        "emergency.html",
        here="emergency",
        username=person.username if person else "",
        own=nodes[0] if nodes else None,
        parts=_parts(nodes),
        # Whoever has more than a commune says which one is meant.
        own_is_near=bool(nodes) and nodes[0].area.kind not in WIDE,
        hazards=_hazards(sounds),
        sirens=[each for each in sounds if each.key in SIRENS],
        can_test={each.key for each in sounds},
        intervals=INTERVALS_MIN,
        lasts=LASTS_H,
        warners=_warners(visit) if not visit.may("warn") else [],
        **board(visit),
    )


@router.post("/khan-cap/dung-tat-ca")
def stop_all(svc: ServicesDep, sender: SenderDep, session: SessionDep, clock: ClockDep) -> RedirectResponse:
    """Silence one's own area, from a page whose scripts are not there yet: on a slow line, or never.

    Raises:
        NotAllowed: The role does not stop.
    """
    now = clock.now()
    _, ended = stop_everything(session, sender, get_area(session, sender.area_id, svc.today(now)), now=now)
    announce(session, *(Change("emergency", each) for each in ended))
    return RedirectResponse("/khan-cap", status_code=303)


@router.get("/parts/khan-cap")
def emergency_part(visit: VisitDep) -> HTMLResponse:
    """What of the page can change."""
    return visit.render("parts/emergency.html", **board(visit))


@router.get("/parts/khan-cap/ban-thu-san")
def emergency_warnings(visit: VisitDep) -> HTMLResponse:
    """What prepared warnings say, and their blanks: most of the page, fetched once the rest can be used.

    Raises:
        NotAllowed: The role does not warn.
    """
    visit.actor.require(Permission.WARN)
    sounds = all_sounds(visit.session, visit.actor.area_path)
    return visit.render("parts/emergency_warnings.html", hazards=_hazards(sounds))


@router.get("/parts/khan-cap/dai")
def emergency_strip(visit: VisitDep) -> HTMLResponse:
    """What goes on, for the top of other pages."""
    places = Places(visit.session, visit.actor.area_path)
    return visit.render("parts/emergency_strip.html", emergencies=open_lines(visit, places))


@router.get("/ngoai-tuyen")
def offline(request: Request) -> HTMLResponse:
    """What a phone shows instead of any page while it has no network; kept by its service worker."""
    return render(request, "offline.html", reader=reader_of(request))


@router.get("/sw.js")
def service_worker() -> FileResponse:
    """The service worker: from here, so that all pages are within its scope."""
    return FileResponse(HOME / "static" / "sw.js", media_type="text/javascript")


def board(visit: Visit) -> dict[str, Any]:
    """Return what goes on, and what was over lately."""
    found = emergencies_of(visit.session, visit.actor.area_path, limit=30)
    places = Places(visit.session, visit.actor.area_path)
    lines = [_line(visit, places, each) for each in found if each.state is not EmergencyState.ENDED]
    ended = [each for each in found if each.ended_at is not None and visit.now - each.ended_at < ENDED_FOR]
    active = [line for line in lines if line.emergency.state is EmergencyState.ACTIVE]
    drafts = [line for line in lines if line.emergency.state is EmergencyState.DRAFT]
    real = [line for line in active if line.emergency.mode is Mode.ACTUAL]
    return {
        "loudest": next(iter(real or active), None),
        "open_lines": active,
        "drafts": drafts,
        "alerts": alerts_behind(visit.session, {line.emergency.id for line in drafts}),
        "ended": [_line(visit, places, each) for each in ended[:ENDED_SHOWN]],
    }


def open_lines(visit: Visit, places: Places) -> list[Line]:
    """Return the emergencies that go on, for other pages."""
    found = emergencies_of(visit.session, visit.actor.area_path, open_only=True, limit=10)
    return [_line(visit, places, each) for each in found]


def _line(visit: Visit, places: Places, emergency: Emergency) -> Line:
    by = _name(visit, emergency.ordered_by)
    area = places.get(emergency.area_id)
    return Line(
        emergency,
        places.audience(visit.session, emergency.audience),
        by,
        roll_call(visit.session, emergency, now=visit.now, within=visit.actor.area_path),
        can_be_ended=area is not None and area.path.startswith(visit.actor.area_path),
        proposed_by=_name(visit, emergency.proposed_by),
        is_own_draft=area is not None
        and takes_two(area, emergency.mode)
        and emergency.proposed_by == visit.actor.person_id,
    )


def _name(visit: Visit, person_id: int | None) -> str:
    person = visit.session.get(Person, person_id) if person_id is not None else None
    return person.name if person else ""


def _hazards(sounds: list[PreparedSound]) -> list[Hazard]:
    """Return what can be chosen by hazard, in the order of the built-in pack, the unknown behind."""
    found = {packed.hazard: Hazard(packed.hazard, []) for packed in read_pack() if packed.hazard}
    for sound in sounds:
        if not is_role(sound.key):
            packed = find_packed(sound.key)
            name = sound.main.hazard or (packed.hazard if packed else None) or OTHER
            choice = Choice(sound, packed, sound.main.clip_sha256)
            found.setdefault(name, Hazard(name, [])).choices.append(choice)
    return [hazard for hazard in found.values() if hazard.choices]


def _parts(nodes: list[Node]) -> list[Node]:
    """Return the areas to choose from below a person's own: the first level that has more than one."""
    while len(nodes) == 1 and nodes[0].children:
        nodes = nodes[0].children
    return [node for node in nodes if node.size]


def _warners(visit: Visit) -> list[str]:
    """Return who can warn here or in a part of it, for those who cannot; the widest reach first."""
    roles = [role for role, allowed in PERMISSIONS.items() if Permission.WARN in allowed]
    query = (
        select(Person.name)
        .join(Area, col(Area.id) == col(Person.area_id))
        .where(
            col(Person.role).in_(roles), col(Area.path).startswith(visit.actor.area_path), col(Person.enabled)
        )
        .order_by(func.length(Area.path), col(Person.name))
        .limit(WARNERS_SHOWN)
    )
    return list(visit.session.exec(query))
