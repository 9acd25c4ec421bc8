"""Why an alert is not taken."""

from enum import StrEnum

from controller.errors import Problem


class Refusal(StrEnum):
    """What is wrong with it; `error.cap_<value>` has the words."""

    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    DOCTYPE = "doctype"
    NOT_XML = "not_xml"
    FOREIGN = "foreign"
    """Another namespace, or another document."""
    OLD_VERSION = "old_version"
    """CAP 1.0, or 1.1 where the feed does not allow it."""
    SCHEMA = "schema"
    TOO_MANY = "too_many"
    BAD_NAME = "bad_name"
    """Of the alert or its sender: blanks, commas, ``<`` or ``&`` (CAP 1.2 §3.2.1)."""
    BAD_TIME = "bad_time"
    BAD_REFERENCE = "bad_reference"
    BAD_SHAPE = "bad_shape"
    EXPIRES_FIRST = "expires_first"
    """It expires before it is sent."""
    FROM_THE_FUTURE = "from_the_future"
    TOO_OLD = "too_old"
    UNKNOWN_SENDER = "unknown_sender"
    ANOTHER_ALERT = "another_alert"
    """An archive answered with an alert that was not asked for."""
    BAD_SIGNATURE = "bad_signature"


class CapRefused(Problem):
    """An alert is not taken; nothing of it is kept, and nothing sounds.

    Args:
        refusal: Why.
        detail: What exactly, for whoever sends it; never shown to the public.
    """

    status = 422

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        self.code = f"cap_{refusal.value}"
        self.refusal = refusal
        super().__init__(detail=detail[:200])
