"""What `schedules` refuses, and why."""

from enum import StrEnum


class Refusal(StrEnum):
    """A stable code for each kind of refusal. Codes are part of the API: never renamed, never reused."""

    BAD_SYNTAX = "bad_syntax"
    UNKNOWN_PART = "unknown_part"
    DUPLICATE_PART = "duplicate_part"
    MISSING_FREQ = "missing_freq"
    UNSUPPORTED_FREQ = "unsupported_freq"
    UNSUPPORTED_PART = "unsupported_part"
    BAD_VALUE = "bad_value"
    COUNT_WITH_UNTIL = "count_with_until"
    ORDINAL_NOT_ALLOWED = "ordinal_not_allowed"
    BYMONTHDAY_WITH_WEEKLY = "bymonthday_with_weekly"
    BYSETPOS_ALONE = "bysetpos_alone"
    TIMES_CONFLICT = "times_conflict"
    TOO_MANY_TIMES = "too_many_times"
    BAD_DTSTART = "bad_dtstart"
    BAD_DATETIME = "bad_datetime"
    DATE_WITHOUT_TIME = "date_without_time"
    OFFSET_MISMATCH = "offset_mismatch"
    BAD_ZONE = "bad_zone"
    BAD_DATE_RANGE = "bad_date_range"
    NO_OCCURRENCE = "no_occurrence"


class UnsupportedRule(ValueError):
    """A recurrence that is not understood, not supported, or never occurs.

    Attributes:
        code: Stable machine code, for an API answer and for choosing the text in the reader's language.
        reason: The same for a developer, in English.
        part: The RRULE part or the field at fault (``BYDAY``, ``zone``), or None for the whole.
    """

    def __init__(self, code: Refusal, reason: str, *, part: str | None = None) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.part = part
