"""The text of an RRULE (RFC 5545 section 3.3.10), read strictly. Pure.

Only what a loudspeaker needs is taken; the rest is refused by name, never guessed. The calendar arithmetic is
in `schedules.expansion`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache

from schedules.errors import Refusal, UnsupportedRule
from schedules.moments import parse_moment

MAX_TEXT_CHARS = 1_000
MAX_INTERVAL = 9_999
MAX_COUNT = 999_999
MAX_TIMES_A_DAY = 288
"""One every five minutes. More is an alarm bell, not a schedule, and would make COUNT costly to follow."""

ORDINALS_IN_MONTH = 5
ORDINALS_IN_YEAR = 53


class Frequency(StrEnum):
    """The supported values of FREQ."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


class Weekday(StrEnum):
    """Days as RFC 5545 writes them, in the order of `datetime.date.weekday`."""

    MO = "MO"
    TU = "TU"
    WE = "WE"
    TH = "TH"
    FR = "FR"
    SA = "SA"
    SU = "SU"

    @property
    def number(self) -> int:
        """0 for Monday to 6 for Sunday, as `datetime.date.weekday` counts."""
        return list(Weekday).index(self)


@dataclass(frozen=True, slots=True)
class ByDay:
    """One value of BYDAY: every such weekday, or the nth of the period (-1 is the last)."""

    weekday: Weekday
    ordinal: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """An RRULE as values. Lists are sorted and without duplicates; empty means the part is absent."""

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: date | datetime | None = None
    """A plain date includes the whole local day; naive is wall-clock time; aware is an instant."""
    by_day: tuple[ByDay, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_month: tuple[int, ...] = ()
    by_hour: tuple[int, ...] = ()
    by_minute: tuple[int, ...] = ()
    by_second: tuple[int, ...] = ()
    by_set_pos: tuple[int, ...] = ()
    week_start: Weekday = Weekday.MO


_UNSUPPORTED_PARTS = frozenset({"BYYEARDAY", "BYWEEKNO", "BYEASTER", "RSCALE", "SKIP"})
_LISTS = {"BYDAY", "BYMONTHDAY", "BYMONTH", "BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS"}
_KNOWN_PARTS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"} | _LISTS)
_UNSUPPORTED_FREQUENCIES = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
_NUMBER = re.compile(r"[+-]?\d{1,6}", re.ASCII)
_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)


@lru_cache(maxsize=1_024)
def parse_rule(text: str) -> Rule:
    """Read the value of an RRULE, with or without the leading ``RRULE:``.

    Case does not matter. One trailing semicolon is let pass: Google Calendar has written it. A value twice in
    a list counts once; a part twice is refused.

    Raises:
        UnsupportedRule: It is malformed, or a form we do not play. The code says which.
    """
    parts = _split(text)
    _refuse_what_is_unknown(parts)
    rule = Rule(
        frequency=Frequency(parts["FREQ"]),
        interval=_whole(parts, "INTERVAL", MAX_INTERVAL) or 1,
        count=_whole(parts, "COUNT", MAX_COUNT),
        until=parse_moment(parts["UNTIL"], part="UNTIL") if "UNTIL" in parts else None,
        by_day=_days(parts),
        by_month_day=_numbers(parts, "BYMONTHDAY", 1, 31, signed=True),
        by_month=_numbers(parts, "BYMONTH", 1, 12),
        by_hour=_numbers(parts, "BYHOUR", 0, 23),
        by_minute=_numbers(parts, "BYMINUTE", 0, 59),
        by_second=_numbers(parts, "BYSECOND", 0, 59),
        by_set_pos=_numbers(parts, "BYSETPOS", 1, 366, signed=True),
        week_start=_week_start(parts),
    )
    _refuse_what_contradicts_itself(rule)
    return rule


def _split(text: str) -> dict[str, str]:
    if len(text) > MAX_TEXT_CHARS:
        raise UnsupportedRule(Refusal.BAD_SYNTAX, f"a rule of more than {MAX_TEXT_CHARS} characters")
    parts: dict[str, str] = {}
    for piece in text.upper().removeprefix("RRULE:").removesuffix(";").split(";"):
        name, equals, value = piece.partition("=")
        if not (name and equals and value):
            raise UnsupportedRule(Refusal.BAD_SYNTAX, f"{piece!r} is not NAME=VALUE")
        if name in parts:
            raise UnsupportedRule(Refusal.DUPLICATE_PART, f"{name} stands twice", part=name)
        parts[name] = value
    return parts


def _refuse_what_is_unknown(parts: Mapping[str, str]) -> None:
    for name in parts:
        if name in _UNSUPPORTED_PARTS:
            raise UnsupportedRule(Refusal.UNSUPPORTED_PART, f"{name} is not supported", part=name)
        if name not in _KNOWN_PARTS:
            raise UnsupportedRule(Refusal.UNKNOWN_PART, f"{name!r} is no part of an RRULE", part=name)
    frequency = parts.get("FREQ")
    if frequency is None:
        raise UnsupportedRule(Refusal.MISSING_FREQ, "FREQ is missing", part="FREQ")
    if frequency in _UNSUPPORTED_FREQUENCIES:
        raise UnsupportedRule(Refusal.UNSUPPORTED_FREQ, f"FREQ={frequency} is not supported", part="FREQ")
    if frequency not in Frequency.__members__:
        raise _bad_value("FREQ", frequency)


def _whole(parts: Mapping[str, str], name: str, most: int) -> int | None:
    text = parts.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:10]) <= most:
        raise UnsupportedRule(Refusal.BAD_VALUE, f"{name} must be from 1 to {most}", part=name)
    return int(text)


def _numbers(
    parts: Mapping[str, str], name: str, least: int, most: int, *, signed: bool = False
) -> tuple[int, ...]:
    text = parts.get(name)
    if text is None:
        return ()
    numbers = set()
    for item in text.split(","):
        if not _NUMBER.fullmatch(item) or (not signed and not item.isdigit()):
            raise _bad_value(name, item)
        number = int(item)
        if not least <= (abs(number) if signed else number) <= most:
            raise _bad_value(name, item)
        numbers.add(number)
    return tuple(sorted(numbers))


def _days(parts: Mapping[str, str]) -> tuple[ByDay, ...]:
    days = {}
    for item in parts["BYDAY"].split(",") if "BYDAY" in parts else ():
        match = _DAY.fullmatch(item)
        if match is None:
            raise _bad_value("BYDAY", item)
        day = ByDay(Weekday(match[2]), int(match[1]) if match[1] else None)
        days[day] = (day.ordinal or 0, day.weekday.number)
    return tuple(sorted(days, key=days.__getitem__))


def _week_start(parts: Mapping[str, str]) -> Weekday:
    text = parts.get("WKST", "MO")
    if text not in Weekday.__members__:
        raise _bad_value("WKST", text)
    return Weekday(text)


def _bad_value(name: str, value: str) -> UnsupportedRule:
    return UnsupportedRule(Refusal.BAD_VALUE, f"{value!r} is no value for {name}", part=name)


def _refuse_what_contradicts_itself(rule: Rule) -> None:
    """Apply the MUST NOTs of section 3.3.10 that concern the parts we support."""
    if rule.count is not None and rule.until is not None:
        raise UnsupportedRule(Refusal.COUNT_WITH_UNTIL, "COUNT and UNTIL exclude each other", part="COUNT")
    if rule.by_month_day and rule.frequency is Frequency.WEEKLY:
        raise UnsupportedRule(
            Refusal.BYMONTHDAY_WITH_WEEKLY, "BYMONTHDAY cannot stand with FREQ=WEEKLY", part="BYMONTHDAY"
        )
    if rule.by_second not in ((), (0,)):
        raise UnsupportedRule(
            Refusal.UNSUPPORTED_PART, "BYSECOND other than 0 is not supported", part="BYSECOND"
        )
    if max(1, len(rule.by_hour)) * max(1, len(rule.by_minute)) > MAX_TIMES_A_DAY:
        raise UnsupportedRule(
            Refusal.TOO_MANY_TIMES, f"more than {MAX_TIMES_A_DAY} times a day", part="BYMINUTE"
        )
    others = (
        rule.by_day,
        rule.by_month_day,
        rule.by_month,
        rule.by_hour,
        rule.by_minute,
        rule.by_second,
    )
    if rule.by_set_pos and not any(others):
        raise UnsupportedRule(Refusal.BYSETPOS_ALONE, "BYSETPOS needs another BY part", part="BYSETPOS")
    _check_ordinals(rule)


def _check_ordinals(rule: Rule) -> None:
    ordinals = [day.ordinal for day in rule.by_day if day.ordinal is not None]
    by_month = rule.frequency is Frequency.MONTHLY or rule.by_month
    most = ORDINALS_IN_MONTH if by_month else ORDINALS_IN_YEAR
    if ordinals and rule.frequency not in {Frequency.MONTHLY, Frequency.YEARLY}:
        raise UnsupportedRule(
            Refusal.ORDINAL_NOT_ALLOWED, f"BYDAY takes no number with FREQ={rule.frequency}", part="BYDAY"
        )
    for day in rule.by_day:
        if day.ordinal is not None and not 1 <= abs(day.ordinal) <= most:
            raise _bad_value("BYDAY", f"{day.ordinal}{day.weekday}")
