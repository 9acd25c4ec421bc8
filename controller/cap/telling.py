"""Emergencies as alerts for others: CAP 1.2, and an Atom feed of them. Pure.

They keep to the schema and to what Google Public Alerts asks for: description, expires, web, an area with a
code or a shape, a headline under 140 characters.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from controller.cap.atom import ATOM, CAP_TYPE
from controller.cap.geo import GEOCODE_SYSTEM
from controller.cap.reading import LEVEL_PARAMETER
from controller.cap.shapes import Place
from controller.cap.xml import NS_12, Node
from controller.emergencies.models import Emergency, EmergencyState, Ending
from wire.types import Mode

HEADLINE = 139
HORN_KM = 0.5
"""As far as a horn is understood."""

STATUS = {Mode.ACTUAL: "Actual", Mode.TEST: "Test", Mode.DRILL: "Exercise"}
SEVERITY = {5: "Extreme", 4: "Severe", 3: "Moderate", 2: "Minor", 1: "Minor"}
CATEGORY = {
    "fire": "Fire",
    "epidemic": "Health",
    "missing_child": "Rescue",
    "evacuation": "Safety",
    "erosion": "Geo",
    "salt": "Env",
}
WEATHER = frozenset({"storm", "depression", "flood", "surge", "whirlwind", "rain", "sea_wind", "drought"})
TAKEN_BACK = frozenset({Ending.ALL_CLEAR, Ending.FALSE_ALARM, Ending.STOPPED})
"""Endings that others are told of; what expires says so itself, and what is superseded has an Update."""


@dataclass(frozen=True, slots=True)
class ToldArea:
    """Where an emergency was told: an area by its code, or a gateway by where it stands."""

    name: str
    code: str | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """An emergency with all that an alert says of it."""

    emergency: Emergency
    areas: tuple[ToldArea, ...]
    replaces: tuple[Emergency, ...] = ()
    """Those that it took the place of."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who we are to others."""

    sender: str
    name: str
    base_url: str
    """Of this server, without a slash at its end."""

    def url_of(self, emergency_id: str, number: int) -> str:
        """Return the address of an alert."""
        return f"{self.base_url}/api/v1/cap/alerts/{emergency_id}/{number}.xml"


def was_told(emergency: Emergency) -> bool:
    """Whether people were ever told: a draft that nobody approved is no alert."""
    return emergency.state is not EmergencyState.DRAFT and (
        emergency.state is EmergencyState.ACTIVE
        or emergency.ordered_by is not None
        or emergency.ordered_until_at is not None
    )


def numbers_of(emergency: Emergency) -> range:
    """Return the numbers of the messages there are: the first tells of it, the second takes it back."""
    if not was_told(emergency):
        return range(0)
    return range(1, 3 if emergency.ending in TAKEN_BACK else 2)


def message(told: Told, number: int, publisher: Publisher) -> Node:
    """Return one message of an emergency, with a number out of `numbers_of`."""
    emergency = told.emergency
    is_cancel = number > 1
    sent_at = (emergency.ended_at or emergency.created_at) if is_cancel else emergency.created_at
    references = [emergency] if is_cancel else list(told.replaces)
    kind = "Cancel" if is_cancel else "Update" if references else "Alert"
    rows = [
        ("identifier", identifier(emergency.id, number)),
        ("sender", publisher.sender),
        ("sent", written(sent_at)),
        ("status", STATUS[emergency.mode]),
        ("msgType", kind),
        ("scope", "Public"),
        ("note", emergency.ending.value if is_cancel and emergency.ending is not None else None),
        ("references", " ".join(_reference(each, publisher) for each in references) or None),
    ]
    return _node("alert", *_filled(rows), _info(told, sent_at, publisher))


def identifier(emergency_id: str, number: int) -> str:
    """Return the name of a message."""
    return f"loacast.{emergency_id}.{number}"


def feed(told: Sequence[Emergency], publisher: Publisher, now: datetime) -> Node:
    """Return an Atom feed of the messages of emergencies, as these come."""
    entries = [_entry(each, number, publisher) for each in told for number in reversed(numbers_of(each))]
    newest = max((each.ended_at or each.created_at for each in told), default=now)
    url = f"{publisher.base_url}/api/v1/cap/feed.atom"
    return _atom(
        "feed",
        _atom("id", text=url),
        _atom("title", text=publisher.name),
        _atom("updated", text=written(newest)),
        _atom("link", rel="self", href=url),
        _atom("author", _atom("name", text=publisher.name)),
        *entries,
    )


def written(at: datetime) -> str:
    """Return an instant as CAP and Atom take it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _info(told: Told, sent_at: datetime, publisher: Publisher) -> Node:
    emergency = told.emergency
    expires_at = emergency.until_at if emergency.until_at > sent_at else None
    rows: Iterable[tuple[str, str | None]] = (
        ("language", "vi-VN"),
        ("category", _category(emergency.hazard)),
        ("event", emergency.title),
        ("urgency", "Immediate" if emergency.ended_at is None or sent_at == emergency.created_at else "Past"),
        ("severity", SEVERITY.get(emergency.level or 0, "Unknown")),
        ("certainty", "Likely"),
        ("effective", written(sent_at)),
        ("expires", None if expires_at is None else written(expires_at)),
        ("senderName", publisher.name),
        ("headline", emergency.title[:HEADLINE]),
        ("description", emergency.text or emergency.title),
        ("web", publisher.url_of(emergency.id, 1)),
    )
    level = [] if emergency.level is None else _named("parameter", LEVEL_PARAMETER, str(emergency.level))
    return _node("info", *_filled(rows), *level, *(_area(each) for each in told.areas))


def _area(area: ToldArea) -> Node:
    place = area.place
    circle = [] if place is None else [("circle", f"{place.latitude},{place.longitude} {HORN_KM}")]
    code = [] if area.code is None else _named("geocode", GEOCODE_SYSTEM, area.code)
    return _node("area", *_filled([("areaDesc", area.name), *circle]), *code)


def _category(hazard: str | None) -> str:
    if hazard in WEATHER:
        return "Met"
    return CATEGORY.get(hazard or "", "Safety")


def _reference(emergency: Emergency, publisher: Publisher) -> str:
    return f"{publisher.sender},{identifier(emergency.id, 1)},{written(emergency.created_at)}"


def _entry(emergency: Emergency, number: int, publisher: Publisher) -> Node:
    at = (emergency.ended_at or emergency.created_at) if number > 1 else emergency.created_at
    url = publisher.url_of(emergency.id, number)
    return _atom(
        "entry",
        _atom("id", text=url),
        _atom("title", text=emergency.title),
        _atom("updated", text=written(at)),
        _atom("link", rel="alternate", type=CAP_TYPE, href=url),
        _atom("summary", text=emergency.text or emergency.title),
    )


def _named(element: str, name: str, value: str) -> list[Node]:
    return [_node(element, _node("valueName", text=name), _node("value", text=value))]


def _filled(rows: Iterable[tuple[str, str | None]]) -> list[Node]:
    return [_node(name, text=text) for name, text in rows if text is not None]


def _node(name: str, *children: Node, text: str = "") -> Node:
    return Node(NS_12, name, text, children)


def _atom(name: str, *children: Node, text: str = "", **attributes: str) -> Node:
    return Node(ATOM, name, text, children, tuple(attributes.items()))
