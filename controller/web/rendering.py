"""Templates, and what every one of them can use."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from controller.deps import services
from controller.web.i18n import DEFAULT_LANGUAGE, LANGUAGES, catalogue, language_of
from controller.web.outcome import SOUND_SHAPE, TONE
from controller.web.reader import Reader

HOME = Path(__file__).parent
_FOR_SCRIPTS = "js."

environment = Environment(
    loader=FileSystemLoader(HOME / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def reader_of(request: Request) -> Reader:
    """Return who a page is written for."""
    return Reader(language_of(request), ZoneInfo(services(request).settings.zone))


def words_for_scripts(language: str) -> dict[str, str]:
    """Return the sentences that scripts show, by their key without its first part."""
    return {
        key.removeprefix(_FOR_SCRIPTS): text
        for key, text in catalogue(language).items()
        if key.startswith(_FOR_SCRIPTS)
    }


def render(
    request: Request, template: str, *, status: int = 200, reader: Reader | None = None, **values: Any
) -> HTMLResponse:
    """Return a page, or a part of one."""
    svc = services(request)
    reader = reader or reader_of(request)
    html = environment.get_template(template).render(
        t=reader.t,
        count=reader.count,
        reader=reader,
        languages=LANGUAGES,
        default_language=DEFAULT_LANGUAGE,
        path=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        server=svc.started,
        zone=svc.settings.zone,
        words=words_for_scripts(reader.language),
        tones=TONE,
        sound_shapes=SOUND_SHAPE,
        **values,
    )
    return HTMLResponse(html, status_code=status)
