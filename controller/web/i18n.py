"""Words and sentences in the reader's language, from ``locales/<language>.toml``; Vietnamese first.

Keys are dotted (``error.not_found``). A missing key is a bug that a test finds; nothing falls back in
silence. A language that counts one differently from many has the one under the same key with ``_one``.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from starlette.requests import HTTPConnection

LANGUAGES = ("vi", "en")
DEFAULT_LANGUAGE = "vi"
COOKIE = "loacast_language"
ONE = "_one"

_HOME = Path(__file__).parent / "locales"


@cache
def catalogue(language: str) -> dict[str, str]:
    """Return every sentence of a language by its dotted key."""
    return _flat(tomllib.loads((_HOME / f"{language}.toml").read_text(encoding="utf-8")))


def sentence(key: str, language: str, /, **params: object) -> str:
    """Return a sentence with its placeholders filled.

    Raises:
        KeyError: The catalogue lacks it.
    """
    return catalogue(language)[key].format(**params)


def counted(key: str, language: str, count: int, /, **params: object) -> str:
    """Return a sentence about so many things; ``{count}`` in it is the number.

    Raises:
        KeyError: The catalogue lacks it.
    """
    words = catalogue(language)
    form = words.get(f"{key}{ONE}", words[key]) if count == 1 else words[key]
    return form.format(count=count, **params)


def language_of(request: HTTPConnection) -> str:
    """Return the reader's language: their choice, else what the browser asks for, else Vietnamese."""
    chosen = request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    for part in request.headers.get("accept-language", "").split(","):
        language = part.split(";")[0].strip().lower().split("-")[0]
        if language in LANGUAGES:
            return language
    return DEFAULT_LANGUAGE


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = str(value)
    return flat
