"""What routes are given: a transaction, the clock, who is asking."""

import secrets
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlmodel import Session

from controller.clock import Clock
from controller.db import writing
from controller.errors import CsrfMismatch
from controller.events import announced
from controller.people.access import Actor
from controller.people.models import LogIn
from controller.people.service import SEEN_EVERY, who_is
from controller.people.step_up import require_step_up
from controller.services import Services

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
COOKIE = "loacast"
CSRF_HEADER = "X-CSRF-Token"


def services(request: Request) -> Services:
    """Return what the composition root built."""
    found: Services = request.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services)]


def clock(svc: ServicesDep) -> Clock:
    """Return the clock."""
    return svc.clock


ClockDep = Annotated[Clock, Depends(clock)]


def session(request: Request, svc: ServicesDep) -> Iterator[Session]:
    """One request, one transaction: committed here, and nowhere else.

    With FastAPI's default scope the client would get its 202 even when the commit then fails.
    """
    with Session(svc.engine) as opened, opened.begin():
        if request.method not in SAFE:
            writing(opened)
        yield opened
    if request.method not in SAFE:
        svc.wake()
        svc.events.publish(*announced(opened))


SessionDep = Annotated[Session, Depends(session, scope="function")]


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def logged_in(request: Request, opened: SessionDep, now_of: ClockDep) -> tuple[Actor, LogIn]:
    """Return who asks, and check that an unsafe request comes from our own pages.

    Raises:
        NotLoggedIn: No valid cookie.
        CsrfMismatch: The header (or form field ``csrf_token``, checked by the page's route) is missing.
    """
    now = now_of.now()
    actor, found = who_is(opened, request.cookies.get(COOKIE), now=now, address=_address(request))
    if request.method not in SAFE:
        given = request.headers.get(CSRF_HEADER, "")
        if not secrets.compare_digest(given.encode(), found.csrf_token.encode()):
            raise CsrfMismatch
        if now - found.seen_at > SEEN_EVERY:
            found.seen_at = now
    return actor, found


LoggedInDep = Annotated[tuple[Actor, LogIn], Depends(logged_in, scope="function")]


def actor(found: LoggedInDep) -> Actor:
    """Return who asks."""
    return found[0]


ActorDep = Annotated[Actor, Depends(actor, scope="function")]


def stepped_up(found: LoggedInDep, now_of: ClockDep) -> Actor:
    """Return who asks, who has lately proved again who they are.

    Raises:
        StepUpNeeded: They have not.
    """
    who, opened = found
    require_step_up(opened, now_of.now())
    return who


SteppedUpDep = Annotated[Actor, Depends(stepped_up, scope="function")]
"""For what is dangerous."""
