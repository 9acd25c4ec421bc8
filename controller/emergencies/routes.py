"""Emergencies over HTTP."""

from zoneinfo import ZoneInfo

from fastapi import APIRouter
from pydantic import BaseModel

from controller.areas.service import get_area
from controller.deps import ActorDep, ClockDep, ServicesDep, SessionDep, SteppedUpDep
from controller.emergencies import ending, service
from controller.emergencies.forms import (
    ApproveIn,
    EmergencyIn,
    EmergencyOut,
    EndedOut,
    EndIn,
    ReviewIn,
    RollCallOut,
    emergency_out,
    roll_call_out,
)
from controller.emergencies.making import wanted_emergency
from controller.emergencies.models import Emergency, Ending
from controller.emergencies.roll_call import roll_call
from controller.errors import InvalidInput
from controller.events import Change, announce
from controller.people.access import Permission

router = APIRouter(prefix="/api/v1", tags=["emergencies"])

_BY_A_PERSON = frozenset({Ending.ALL_CLEAR, Ending.FALSE_ALARM, Ending.STOPPED})


class StoppedOut(BaseModel):
    """How many gateways were told."""

    gateways: int


@router.post("/emergencies", status_code=202, operation_id="order_emergency")
def order(
    wanted: EmergencyIn, svc: ServicesDep, actor: SteppedUpDep, session: SessionDep, clock: ClockDep
) -> EmergencyOut:
    """Tell everyone now. 202: ordered, not yet heard; follow ``/emergencies/{id}/roll-call``.

    The same ``id`` again is the same emergency, and nothing happens a second time.
    """
    now = clock.now()
    if wanted.id is not None and session.get(Emergency, wanted.id) is not None:
        return emergency_out(service.get_emergency(session, actor, wanted.id, Permission.WARN))
    new = wanted_emergency(session, actor, wanted, now=now, zone=ZoneInfo(svc.settings.zone))
    found = service.order(session, actor, new, now=now, rules=svc.settings.rules)
    announce(session, Change("emergency", found.id))
    return emergency_out(found)


@router.get("/emergencies", operation_id="list_emergencies")
def list_emergencies(
    actor: ActorDep,
    session: SessionDep,
    open: bool = False,  # noqa: A002, FBT001, FBT002 - the word of the interface
) -> list[EmergencyOut]:
    """The newest hundred emergencies of the person's area; ``open``: drafts and those that go on."""
    actor.require(Permission.READ)
    found = service.emergencies_of(session, actor.area_path, open_only=open)
    return [emergency_out(each) for each in found]


@router.get("/emergencies/{emergency_id}", operation_id="get_emergency")
def get_emergency(emergency_id: str, actor: ActorDep, session: SessionDep) -> EmergencyOut:
    """One emergency."""
    return emergency_out(service.get_emergency(session, actor, emergency_id))


@router.get("/emergencies/{emergency_id}/roll-call", operation_id="roll_call")
def get_roll_call(emergency_id: str, actor: ActorDep, session: SessionDep, clock: ClockDep) -> RollCallOut:
    """Who has heard its newest sound, by hamlet; after ten seconds the silent ones by name."""
    found = service.get_emergency(session, actor, emergency_id)
    now = clock.now()
    return roll_call_out(found.id, roll_call(session, found, now=now, within=actor.area_path), now)


@router.post("/emergencies/{emergency_id}/end", status_code=202, operation_id="end_emergency")
def end(emergency_id: str, wanted: EndIn, svc: ServicesDep, actor: ActorDep, session: SessionDep) -> EndedOut:
    """End it: silence, no more repeats, and the prepared words of its end where it was heard.

    Whoever began it need not prove again who they are to end it: it must never be hard to fall silent.
    """
    if wanted.ending not in _BY_A_PERSON:
        raise InvalidInput(field="ending")
    found, announced = ending.end(session, actor, emergency_id, wanted.ending, now=svc.clock.now())
    announce(session, Change("emergency", found.id))
    return EndedOut(**emergency_out(found).model_dump(), announced=announced)


@router.post("/emergencies/{emergency_id}/approve", status_code=202, operation_id="approve_emergency")
def approve(
    emergency_id: str, wanted: ApproveIn, svc: ServicesDep, actor: SteppedUpDep, session: SessionDep
) -> EmergencyOut:
    """Let a draft sound."""
    found = service.approve(
        session,
        actor,
        emergency_id,
        now=svc.clock.now(),
        rules=svc.settings.rules,
        supersedes=wanted.supersedes,
    )
    announce(session, Change("emergency", found.id))
    return emergency_out(found)


@router.post("/emergencies/{emergency_id}/review", operation_id="review_emergency")
def review(
    emergency_id: str, wanted: ReviewIn, svc: ServicesDep, actor: ActorDep, session: SessionDep
) -> EmergencyOut:
    """Write down what was learnt, once it is over."""
    found = service.review(session, actor, emergency_id, wanted.note, now=svc.clock.now())
    announce(session, Change("emergency", found.id))
    return emergency_out(found)


@router.post("/areas/{area_id}/stop", status_code=202, operation_id="stop_all")
def stop_all(
    area_id: int, svc: ServicesDep, actor: ActorDep, session: SessionDep, clock: ClockDep
) -> StoppedOut:
    """Silence all that is due, sounding or ordered in an area, emergencies included.

    What is planned for later stays.
    """
    now = clock.now()
    area = get_area(session, area_id, svc.today(now))
    told, ended = ending.stop_everything(session, actor, area, now=now)
    announce(session, *(Change("emergency", each) for each in ended))
    return StoppedOut(gateways=told)
