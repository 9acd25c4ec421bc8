"""Dates and times as text: RFC 5545 basic form and the matching ISO 8601 extended form. Pure."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone

from schedules.errors import Refusal, UnsupportedRule

_MOMENT = re.compile(
    r"""
    (?: (?P<year>\d{4}) - (?P<month>\d\d) - (?P<day>\d\d)
        (?: T (?P<hour>\d\d) : (?P<minute>\d\d) (?: : (?P<second>\d\d) )? (?P<offset> Z | [+-]\d\d:\d\d )? )?
      | (?P<b_year>\d{4}) (?P<b_month>\d\d) (?P<b_day>\d\d)
        (?: T (?P<b_hour>\d\d) (?P<b_minute>\d\d) (?P<b_second>\d\d) (?P<b_offset> Z )? )?
    )""",
    re.VERBOSE | re.ASCII | re.IGNORECASE,
)
_TIME = re.compile(r"(\d\d):(\d\d)", re.ASCII)


def parse_moment(text: str, *, part: str) -> date | datetime:
    """Read a date, a local date-time (naive) or an instant (aware).

    Accepts ``2026-11-24``, ``2026-11-24T05:00[:00]`` with an optional ``Z`` or ``+07:00``, and RFC 5545's
    ``20261124``, ``20261124T050000`` and ``20261124T050000Z`` (section 3.3.4 and 3.3.5). No fractions of a
    second, no 24:00, no leap second.

    Args:
        text: What to read.
        part: Where it stands (``UNTIL``, ``dtstart``), for the error.

    Returns:
        A `datetime` when there is a time of day, else a plain `date`.

    Raises:
        UnsupportedRule: `bad_datetime`.
    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise _unreadable(text, part)
    fields = {
        name.removeprefix("b_"): value for name, value in match.groupdict().items() if value is not None
    }
    try:
        day = date(int(fields["year"]), int(fields["month"]), int(fields["day"]))
        if "hour" not in fields:
            return day
        at = time(int(fields["hour"]), int(fields["minute"]), int(fields.get("second", 0)))
        return datetime.combine(day, at, _offset(fields.get("offset")))
    except ValueError as error:
        raise _unreadable(text, part) from error


def parse_time(text: str, *, part: str) -> time:
    """Read a time of day, ``HH:MM``; raises `UnsupportedRule` (`bad_datetime`)."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise _unreadable(text, part)
    try:
        return time(int(match[1]), int(match[2]))
    except ValueError as error:
        raise _unreadable(text, part) from error


def _offset(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:6])
    size = timedelta(hours=hours, minutes=minutes)
    return timezone(-size if text[0] == "-" else size)


def _unreadable(text: str, part: str) -> UnsupportedRule:
    return UnsupportedRule(Refusal.BAD_DATETIME, f"{part}: {text!r} is no date or time", part=part)
