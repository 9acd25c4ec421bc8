"""Forms of ours that need no script: their token comes as a field."""

import secrets
from typing import Annotated

from fastapi import Depends, Form, Request

from controller.deps import COOKIE, ClockDep, SessionDep
from controller.errors import CsrfMismatch
from controller.people.access import Actor
from controller.people.service import who_is


def sender(
    request: Request,
    session: SessionDep,
    clock: ClockDep,
    csrf_token: Annotated[str, Form(max_length=100)] = "",
) -> Actor:
    """Return who sent a form of one of our own pages.

    Raises:
        NotLoggedIn: No valid cookie.
        CsrfMismatch: The field ``csrf_token`` is missing, or another log-in's.
    """
    address = request.client.host if request.client else ""
    actor, opened = who_is(session, request.cookies.get(COOKIE), now=clock.now(), address=address)
    if not secrets.compare_digest(csrf_token.encode(), opened.csrf_token.encode()):
        raise CsrfMismatch
    return actor


SenderDep = Annotated[Actor, Depends(sender, scope="function")]
