"""How problems look on the wire: one shape for every error of the API, after RFC 9457."""

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from controller.errors import InternalFault, InvalidInput, NotFound, Problem
from controller.web.i18n import DEFAULT_LANGUAGE, language_of, sentence

_CODES = {404: "not_found", 405: "method_not_allowed", 413: "upload_too_large"}


class ProblemOut(BaseModel):
    """An error: a code for programs, a sentence for people."""

    code: str
    """Stable: never renamed, never reused."""
    message: str
    """In the language of the request."""
    field: str | None = None
    params: dict[str, Any] = {}


def problem_out(problem: Problem, language: str = DEFAULT_LANGUAGE) -> ProblemOut:
    """Return a problem as the API shows it."""
    params = {
        key: value for key, value in problem.params.items() if isinstance(value, str | int | float | list)
    }
    return ProblemOut(
        code=problem.code,
        message=sentence(f"error.{problem.code}", language, **problem.params),
        field=problem.field,
        params=params,
    )


def _answer(request: Request, problem: Problem) -> JSONResponse:
    out = problem_out(problem, language_of(request))
    headers = {"Retry-After": str(problem.params["seconds"])} if problem.code == "too_many_tries" else None
    return JSONResponse(out.model_dump(), status_code=problem.status, headers=headers)


def install(app: FastAPI) -> None:
    """Have every error of an app answered in this one shape."""

    @app.exception_handler(Problem)
    def _problem(request: Request, problem: Problem) -> JSONResponse:
        return _answer(request, problem)

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [
            f"{'.'.join(str(part) for part in each['loc'][1:])}: {each['msg']}" for each in error.errors()
        ]
        locations = [tuple(each["loc"]) for each in error.errors()]
        field = str(locations[0][-1]) if locations and len(locations[0]) > 1 else None
        return _answer(request, InvalidInput(field=field, faults=faults))

    @app.exception_handler(Exception)
    def _fault(request: Request, _error: Exception) -> Response:
        # The server logs the traceback; whoever asked gets a sentence and nothing that helps an attacker.
        return _answer(request, InternalFault())

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> JSONResponse:
        problem = NotFound()
        problem.status = error.status_code
        problem.code = _CODES.get(error.status_code, "bad_request")
        return _answer(request, problem)
