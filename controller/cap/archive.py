"""Where an archive has the alert that another one refers to: an address made of the reference. Pure.

There is no standard for it. Canada's NAAD has a folder for each day with files named by ``sent`` and
``identifier``, in which ``-`` and ``:`` are ``_`` and ``+`` is ``p`` (NAAD System LMD User Guide R10.0, and
the archive look-up of OpenBroadcaster's obplayer); the weather service of the United States has each alert
at its identifier (``https://api.weather.gov/alerts/urn:oid:….cap``, as its Atom feed links them). No feed
of alerts is known to link its older pages as RFC 5005 would have it, so those are not looked for.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from controller.cap.alert import Key
from controller.cap.reading import read_reference

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_FLAT = str.maketrans({"-": "_", ":": "_", "+": "p"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """An alert that another one refers to, and that never came."""

    key: Key
    sent: str
    """As it is written where it is referred to."""


PLACEHOLDERS = ("sender", "identifier", "sent", "date", "flat_identifier", "flat_sent")


def wanted(reference: str) -> Wanted:
    """Return what a reference names.

    Raises:
        CapRefused: It is none.
    """
    return Wanted(read_reference(reference, tolerant=True), reference.rsplit(",", 1)[-1])


def check_template(template: str) -> None:
    """Pass when addresses can be made of a template.

    Raises:
        ValueError: It has another placeholder, none that names the alert, or one in its host.
    """
    parts = urlsplit(template)
    names = set(_PLACEHOLDER.findall(template))
    if "{" in _PLACEHOLDER.sub("", template) or "}" in _PLACEHOLDER.sub("", template):
        raise ValueError("a brace is left over")
    if unknown := names.difference(PLACEHOLDERS):
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(PLACEHOLDERS)}")
    if not names & {"identifier", "flat_identifier"}:
        raise ValueError("there is no {identifier} in it")
    if "{" in parts.netloc:
        raise ValueError("the host cannot come from an alert")


def address(template: str, asked: Wanted) -> str:
    """Return where an archive should have an alert: on its own host, whatever strangers wrote."""
    values: Mapping[str, str] = {
        "sender": asked.key.sender,
        "identifier": asked.key.identifier,
        "sent": asked.sent,
        "date": asked.sent.partition("T")[0],
        "flat_identifier": asked.key.identifier.translate(_FLAT),
        "flat_sent": asked.sent.translate(_FLAT),
    }
    return _PLACEHOLDER.sub(lambda match: quote(values[match[1]], safe=""), template)
