"""Alerts as values. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from controller.cap.shapes import Shape


class Status(StrEnum):
    """How an alert is to be handled (CAP 1.2 §3.2.1)."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    SYSTEM = "System"
    TEST = "Test"
    DRAFT = "Draft"


class MsgType(StrEnum):
    """What an alert is to earlier ones."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"
    ACK = "Ack"
    ERROR = "Error"


class Scope(StrEnum):
    """Whom it is for."""

    PUBLIC = "Public"
    RESTRICTED = "Restricted"
    PRIVATE = "Private"


class Severity(StrEnum):
    """How bad it is."""

    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What names an alert: nothing less does. Identifiers alone are not unique among senders."""

    sender: str
    identifier: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Geocode:
    """A code of a place, in some system of codes."""

    system: str
    code: str


@dataclass(frozen=True, slots=True)
class AlertArea:
    """Where one info holds: the union of all this."""

    description: str
    shapes: tuple[Shape, ...] = ()
    geocodes: tuple[Geocode, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """Sound that an info brings (CAP 1.2 §3.2.3), in it or at an address; nothing of it is checked yet."""

    digest: str | None
    """SHA-1 of its bytes."""
    size: int | None
    """Bytes, as its sender says."""
    uri: str | None = None
    content: str | None = None
    """In base64 (``derefUri``)."""


@dataclass(frozen=True, slots=True)
class Info:
    """What is told, in one language, for some areas."""

    event: str
    severity: Severity
    language: str = "en-US"
    headline: str = ""
    description: str = ""
    instruction: str = ""
    sender_name: str = ""
    starts_at: datetime | None = None
    """The later of ``effective`` and ``onset``."""
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    level: int | None = None
    """1 to 5 by Decision 18/2021/QĐ-TTg, if it says so."""
    areas: tuple[AlertArea, ...] = ()
    recordings: tuple[Recording, ...] = ()
    """The same sound in several forms, if it is more than one."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One message."""

    key: Key
    status: Status
    msg_type: MsgType
    scope: Scope
    references: tuple[Key, ...] = ()
    infos: tuple[Info, ...] = ()
    note: str = ""
    version: str = "1.2"
    references_as_written: tuple[str, ...] = ()
    """The references, to the letter: archives name their files by it."""
