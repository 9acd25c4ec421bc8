"""From a valid tree to an `Alert`: what the schema cannot say is checked here. Pure.

Rules: CAP 1.2 §3.2 and §3.3.2 (OASIS, 1 July 2010); level of risk by Decision 18/2021/QĐ-TTg, Article 4.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

from controller.cap.alert import (
    Alert,
    AlertArea,
    Geocode,
    Info,
    Key,
    MsgType,
    Recording,
    Scope,
    Severity,
    Status,
)
from controller.cap.refusal import CapRefused, Refusal
from controller.cap.shapes import read_circle, read_polygon
from controller.cap.xml import NS_11, Node

MOST_INFOS = 50
MOST_AREAS = 200
MOST_REFERENCES = 200
MOST_RECORDINGS = 3
"""So many of one info are looked at."""
LONGEST_NAME = 200
LONGEST_NUMBER = 15

LEVEL_PARAMETER = "VN-QD18-2021-Level"
LEVELS = range(1, 6)

_TIME = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)([+-])(\d\d):(\d\d)$", re.ASCII)
_TOLERATED = re.compile(
    r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?(?:Z|([+-])(\d\d):(\d\d))$", re.ASCII
)
_NOT_IN_NAMES = re.compile(r"[\s,<&]")
_BLANKS = re.compile(r"\s+")


def read(node: Node, *, tolerant: bool = False) -> Alert:
    """Return the alert that a tree says.

    Args:
        node: From `controller.cap.xml.read_alert`.
        tolerant: Take ``Z`` and fractions of a second in times, which CAP 1.2 does not allow. A time
            without an offset is never taken: which hour it means nobody knows.

    Raises:
        CapRefused: It breaks a rule.
    """
    infos = tuple(node.all("info"))
    if len(infos) > MOST_INFOS or sum(len(tuple(info.all("area"))) for info in infos) > MOST_AREAS:
        raise CapRefused(Refusal.TOO_MANY)
    key = Key(
        read_name(node.first("sender")),
        read_name(node.first("identifier")),
        _instant(node, "sent", tolerant=tolerant) or _no_time("sent"),
    )
    references = _references(node.first("references"), key, tolerant=tolerant)
    alert = Alert(
        key=key,
        status=Status(_word(node, "status")),
        msg_type=MsgType(_word(node, "msgType")),
        scope=Scope(_word(node, "scope")),
        references=tuple(references),
        references_as_written=tuple(references.values()),
        infos=tuple(_info(info, tolerant=tolerant) for info in infos),
        note=_plain(node.first("note")),
        version="1.1" if node.namespace == NS_11 else "1.2",
    )
    for info in alert.infos:
        if info.expires_at is not None and info.expires_at <= key.sent_at:
            raise CapRefused(Refusal.EXPIRES_FIRST)
    return alert


def read_time(text: str, *, tolerant: bool = False) -> datetime:
    """Read a time of CAP 1.2: ``2026-11-24T15:00:00+07:00``, and nothing else.

    Raises:
        CapRefused: It is written otherwise, or there is no such day.
    """
    match = (_TOLERATED if tolerant else _TIME).match(text)
    if match is None:
        raise CapRefused(Refusal.BAD_TIME, text)
    local, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    try:
        return datetime.fromisoformat(local).replace(tzinfo=timezone(offset)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise CapRefused(Refusal.BAD_TIME, text) from error


def read_name(text: str | None) -> str:
    """Read an identifier or a sender.

    Raises:
        CapRefused: It is empty, too long, or has a blank, a comma, ``<`` or ``&`` in it.
    """
    if not text or len(text) > LONGEST_NAME or _NOT_IN_NAMES.search(text) or not text.isprintable():
        raise CapRefused(Refusal.BAD_NAME, text or "")
    return text


def read_reference(text: str, *, tolerant: bool = False) -> Key:
    """Read what one alert calls another: ``sender,identifier,sent``.

    Raises:
        CapRefused: It is something else.
    """
    parts = text.split(",")
    if len(parts) != 3:  # noqa: PLR2004 - sender, identifier, sent
        raise CapRefused(Refusal.BAD_REFERENCE, text)
    return Key(read_name(parts[0]), read_name(parts[1]), read_time(parts[2], tolerant=tolerant))


def _word(node: Node, name: str) -> str:
    """Return a word that the schema has checked, to the letter: it lets blanks around it pass."""
    text = node.first(name)
    if text is None:
        raise CapRefused(Refusal.SCHEMA, name)
    return text


def _no_time(name: str) -> datetime:
    raise CapRefused(Refusal.BAD_TIME, f"no {name}")


def _instant(node: Node, name: str, *, tolerant: bool) -> datetime | None:
    text = node.first(name)
    return None if text is None else read_time(text, tolerant=tolerant)


def _references(text: str | None, own: Key, *, tolerant: bool) -> dict[Key, str]:
    named = (text or "").split()
    if len(named) > MOST_REFERENCES:
        raise CapRefused(Refusal.TOO_MANY, "references")
    found: dict[Key, str] = {}
    for each in named:
        key = read_reference(each, tolerant=tolerant)
        if key == own or key.sent_at > own.sent_at:
            raise CapRefused(Refusal.BAD_REFERENCE, each)
        found.setdefault(key, each)
    return found


def _info(node: Node, *, tolerant: bool) -> Info:
    event = _plain(node.first("event"))
    if not event:
        raise CapRefused(Refusal.SCHEMA, "event is empty")
    effective_at, onset_at = (_instant(node, name, tolerant=tolerant) for name in ("effective", "onset"))
    return Info(
        event=event,
        severity=Severity(_word(node, "severity")),
        language=_plain(node.first("language")) or "en-US",
        headline=_plain(node.first("headline")),
        description=_plain(node.first("description")),
        instruction=_plain(node.first("instruction")),
        sender_name=_plain(node.first("senderName")),
        starts_at=max((at for at in (effective_at, onset_at) if at is not None), default=None),
        effective_at=effective_at,
        expires_at=_instant(node, "expires", tolerant=tolerant),
        level=_level(node),
        areas=tuple(_area(area) for area in node.all("area")),
        recordings=tuple(_recordings(node))[:MOST_RECORDINGS],
    )


def _recordings(info: Node) -> Iterator[Recording]:
    for each in info.all("resource"):
        if (each.first("mimeType") or "").lower().startswith("audio/"):
            size = (each.first("size") or "").removeprefix("+")[:LONGEST_NUMBER]
            yield Recording(
                digest=each.first("digest"),
                size=int(size) if size.isdecimal() else None,
                uri=each.first("uri"),
                content=each.first("derefUri"),
            )


def _level(node: Node) -> int | None:
    for parameter in node.all("parameter"):
        value = parameter.first("value") or ""
        if parameter.first("valueName") == LEVEL_PARAMETER and value in map(str, LEVELS):
            return int(value)
    return None


def _area(node: Node) -> AlertArea:
    polygons = (read_polygon(text) for text in node.texts("polygon"))
    circles = (read_circle(text) for text in node.texts("circle"))
    geocodes = (
        Geocode(each.first("valueName") or "", each.first("value") or "") for each in node.all("geocode")
    )
    return AlertArea(_plain(node.first("areaDesc")), (*polygons, *circles), tuple(geocodes))


def _plain(text: str | None) -> str:
    """Return a text in one line, without what no voice can say and no page should show."""
    return "".join(letter for letter in _BLANKS.sub(" ", text or "") if letter.isprintable()).strip()
