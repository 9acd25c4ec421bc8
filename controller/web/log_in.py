"""The door: logging in, logging out, and the language. Plain forms; no script is needed."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from controller.deps import COOKIE, ClockDep, ServicesDep, SessionDep
from controller.errors import CsrfMismatch, NotLoggedIn, TooManyTries, WrongPassword
from controller.people.routes import open_log_in, set_cookie
from controller.people.service import log_out, who_is
from controller.problems import problem_out
from controller.web import i18n
from controller.web.plain_form import SenderDep
from controller.web.problem_pages import LOG_IN
from controller.web.rendering import render

router = APIRouter(include_in_schema=False)

_OWN_SITES = {"same-origin", "none"}
_LANGUAGE_KEPT_S = 365 * 24 * 3600


def local_path(wanted: str) -> str:
    """Return a path of this site, or the first page for anything that could lead elsewhere. Pure."""
    parts = urlsplit(wanted)
    elsewhere = parts.scheme or parts.netloc or not wanted.startswith("/") or wanted.startswith("//")
    if elsewhere or "\\" in wanted or any(ord(character) < ord(" ") for character in wanted):
        return "/"
    return wanted


@router.get(LOG_IN)
def log_in_page(request: Request, session: SessionDep, clock: ClockDep) -> Response:
    """Show the form; someone who is logged in goes on."""
    wanted = local_path(request.query_params.get("next", "/"))
    try:
        who_is(session, request.cookies.get(COOKIE), now=clock.now(), address="")
    except NotLoggedIn:
        return _form(request, wanted)
    return RedirectResponse(wanted, status_code=303)


@router.post(LOG_IN)
def take_log_in(
    request: Request,
    svc: ServicesDep,
    *,
    username: Annotated[str, Form(max_length=40)] = "",
    password: Annotated[str, Form(max_length=200)] = "",
    wanted: Annotated[str, Form(alias="next", max_length=500)] = "/",
) -> Response:
    """Check the password and set the cookie; what is wrong is said beside the form."""
    _refuse_other_sites(request)
    try:
        token, _ = open_log_in(svc, request, username, password)
    except (WrongPassword, TooManyTries) as refused:
        return _form(request, local_path(wanted), username=username, refused=refused)
    response = RedirectResponse(local_path(wanted), status_code=303)
    set_cookie(response, svc, token)
    return response


@router.post("/dang-xuat")
def take_log_out(request: Request, _sender: SenderDep, session: SessionDep, clock: ClockDep) -> Response:
    """Log out."""
    log_out(session, request.cookies[COOKIE], now=clock.now())
    response = RedirectResponse(LOG_IN, status_code=303)
    response.delete_cookie(COOKIE)
    return response


@router.post("/ngon-ngu")
def take_language(
    svc: ServicesDep,
    language: Annotated[str, Form(max_length=8)],
    wanted: Annotated[str, Form(alias="next", max_length=500)] = "/",
) -> Response:
    """Change the reader's language."""
    response = RedirectResponse(local_path(wanted), status_code=303)
    if language in i18n.LANGUAGES:
        response.set_cookie(
            i18n.COOKIE, language, max_age=_LANGUAGE_KEPT_S, samesite="lax", secure=svc.settings.https
        )
    return response


def _form(
    request: Request, wanted: str, *, username: str = "", refused: WrongPassword | TooManyTries | None = None
) -> Response:
    message = problem_out(refused, i18n.language_of(request)).message if refused else None
    return render(
        request,
        "log_in.html",
        status=refused.status if refused else 200,
        next=wanted,
        username=username,
        message=message,
    )


def _refuse_other_sites(request: Request) -> None:
    """A form on another site must not log a person in as somebody else."""
    if request.headers.get("sec-fetch-site", "same-origin") not in _OWN_SITES:
        raise CsrfMismatch
