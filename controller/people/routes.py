"""Log-in over HTTP, and proving again who one is."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlmodel import Session

from controller.db import writing
from controller.deps import COOKIE, ActorDep, ClockDep, LoggedInDep, ServicesDep, SessionDep, logged_in
from controller.errors import WrongCode, WrongPassword
from controller.people import service, step_up
from controller.people.models import LogIn, Person
from controller.people.step_up import StepUpMethod
from controller.services import Services

router = APIRouter(prefix="/api/v1", tags=["people"])


class CredentialsIn(BaseModel):
    """What a person types."""

    username: Annotated[str, Field(max_length=40)]
    password: Annotated[str, Field(max_length=200)]


class MeOut(BaseModel):
    """Who is logged in, and the token that unsafe requests carry in ``X-CSRF-Token``."""

    name: str
    role: str
    area_id: int
    csrf_token: str


def open_log_in(svc: Services, request: Request, username: str, password: str) -> tuple[str, LogIn]:
    """Check a password and open a log-in.

    Two transactions: a wrong password is counted even though the request then fails.

    Raises:
        WrongPassword: Name and password do not belong together.
        TooManyTries: Wrong too often just now.
    """
    now = svc.clock.now()
    with Session(svc.engine) as session, session.begin():
        writing(session)
        person_id = service.check_password(session, username, password, now=now)
    if person_id is None:
        raise WrongPassword
    with Session(svc.engine, expire_on_commit=False) as session, session.begin():
        writing(session)
        address = request.client.host if request.client else ""
        agent = request.headers.get("user-agent", "")
        return service.log_in(session, person_id, now=now, address=address, agent=agent)


def set_cookie(response: Response, svc: Services, token: str) -> None:
    """Hand the token to the browser, out of reach of scripts and of other sites' forms."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(service.LASTS.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=svc.settings.https,
    )


@router.post("/log-in", operation_id="log_in")
def log_in(wanted: CredentialsIn, request: Request, response: Response, svc: ServicesDep) -> MeOut:
    """Log in; the answer sets a cookie."""
    token, opened = open_log_in(svc, request, wanted.username, wanted.password)
    set_cookie(response, svc, token)
    with Session(svc.engine) as session:
        actor, _ = service.who_is(session, token, now=svc.clock.now(), address="")
    return MeOut(name=actor.name, role=actor.role.value, area_id=actor.area_id, csrf_token=opened.csrf_token)


@router.post("/log-out", status_code=204, operation_id="log_out")
def log_out(
    request: Request, response: Response, _actor: ActorDep, session: SessionDep, clock: ClockDep
) -> None:
    """Log out."""
    service.log_out(session, request.cookies[COOKIE], now=clock.now())
    response.delete_cookie(COOKIE)


@router.get("/me", operation_id="me")
def me(found: LoggedInDep) -> MeOut:
    """Who is logged in."""
    actor, opened = found
    return MeOut(name=actor.name, role=actor.role.value, area_id=actor.area_id, csrf_token=opened.csrf_token)


class StepUpIn(BaseModel):
    """A proof of who holds this phone."""

    method: StepUpMethod
    secret: Annotated[str, Field(max_length=200, description="The code, or the password.")]


class StepUpOut(BaseModel):
    """Until when this phone is believed; null: it must prove it before anything dangerous."""

    until: datetime | None
    methods: list[StepUpMethod]


@router.get("/step-up", operation_id="get_step_up")
def get_step_up(found: LoggedInDep, session: SessionDep, clock: ClockDep) -> StepUpOut:
    """Whether this phone has to prove again who holds it, and how it can."""
    _, opened = found
    person = session.get_one(Person, opened.person_id)
    return StepUpOut(
        until=step_up.stepped_up_until(opened, clock.now()), methods=list(step_up.methods_of(person))
    )


@router.post("/step-up", operation_id="step_up")
def take_step_up(wanted: StepUpIn, request: Request, svc: ServicesDep) -> StepUpOut:
    """Prove again who holds this phone; it is remembered for five minutes."""
    now = svc.clock.now()
    with Session(svc.engine) as session, session.begin():
        writing(session)
        actor, opened = logged_in(request, session, svc.clock)
        person = session.get_one(Person, opened.person_id)
        good = step_up.prove(session, person, wanted.method, wanted.secret, now=now)
        if good:
            until = step_up.note_step_up(session, opened, wanted.method, now=now, address=actor.address)
            return StepUpOut(until=until, methods=list(step_up.methods_of(person)))
    # Only now, after the commit: a wrong one must be counted.
    raise WrongCode(field="secret")
