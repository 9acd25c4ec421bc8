"""Problems as pages. The API and the parts of pages that scripts fetch keep their JSON."""

from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from controller.errors import InternalFault, InvalidInput, NotFound, NotLoggedIn, Problem
from controller.problems import problem_out
from controller.web.i18n import language_of
from controller.web.rendering import render

LOG_IN = "/dang-nhap"
_FOR_PROGRAMS = ("/api/", "/media/", "/events", "/parts/", "/static/")
_NOT_FOUND = 404

Handler = Callable[[Request, Any], Response | Awaitable[Response]]


def install(app: FastAPI) -> None:
    """Answer faults of page requests with pages; call it after `controller.problems.install`."""
    for kind in (Problem, RequestValidationError, HTTPException, Exception):
        for_programs = cast("Callable[[Request, Any], Response]", app.exception_handlers[kind])
        app.add_exception_handler(kind, _handler(for_programs))


def _handler(for_programs: Callable[[Request, Any], Response]) -> Handler:
    def answer(request: Request, error: Any) -> Response:
        if request.url.path.startswith(_FOR_PROGRAMS):
            return for_programs(request, error)
        return _page(request, error)

    return answer


def _page(request: Request, error: Exception) -> Response:
    if isinstance(error, NotLoggedIn):
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        back = "" if request.method != "GET" or wanted == "/" else f"?next={quote(wanted, safe='')}"
        return RedirectResponse(f"{LOG_IN}{back}", status_code=303)
    problem = _problem(error)
    message = problem_out(problem, language_of(request)).message
    return render(request, "problem.html", status=problem.status, message=message)


def _problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return InvalidInput()
    if isinstance(error, HTTPException):
        problem = NotFound() if error.status_code == _NOT_FOUND else Problem()
        problem.status = error.status_code
        return problem
    return InternalFault()
