"""From a rule to wall-clock times, by dateutil's arithmetic. Pure; naive datetimes throughout.

dateutil is asked for as little as possible, because of four things read and tried in its version 4.0:

- It walks from its start, however far away the wanted window is. We start it at the nearest whole interval.
- It begins the first week at its start, so BYSETPOS would count from there. We start it with a period.
- It reads ``BYDAY=MO,-1FR`` as both at once, which is never. RFC 5545 reads a list as any of its values.
- It does not stop for a rule that never matches before it reaches the year 9999 (`recurs`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import islice, takewhile
from typing import Final, Literal

from dateutil import rrule as dateutil_rrule

from schedules.rule_text import ORDINALS_IN_MONTH, ORDINALS_IN_YEAR, ByDay, Frequency, Rule, Weekday

LAST_YEAR = 9_990
"""Nothing is looked for after it: keeps clear of the end of `datetime`."""

_CYCLE_YEARS = 400
_CYCLE_DAYS = 146_097
_FIRST_YEAR_OF_LAST_CYCLE = 9_200

_FREQUENCIES: Final[dict[Frequency, Literal[0, 1, 2, 3]]] = {
    Frequency.DAILY: dateutil_rrule.DAILY,
    Frequency.WEEKLY: dateutil_rrule.WEEKLY,
    Frequency.MONTHLY: dateutil_rrule.MONTHLY,
    Frequency.YEARLY: dateutil_rrule.YEARLY,
}


def wall_clock_times(
    rule: Rule, dtstart: datetime, times: Sequence[time] = (), *, not_before: datetime | None = None
) -> Iterator[datetime]:
    """Yield the naive local times of a rule, ascending and without repeats.

    COUNT is followed. UNTIL only where it is a date or a wall-clock time: an instant needs the zone, and is
    left to the caller. RFC 5545 leaves undefined what a DTSTART means that its rule does not match; it is no
    occurrence here, as in dateutil.

    Args:
        rule: What to expand.
        dtstart: Where it starts, naive local; nothing before it is yielded.
        times: Times of day that take the place of dtstart's, ascending. COUNT counts each of them, BYSETPOS
            counts days.
        not_before: Leave out what is earlier. Cheap however far away, except for a rule with COUNT.
    """
    first = dtstart if not_before is None or rule.count is not None else max(dtstart, not_before)
    found = _matches(rule, dtstart, times, _start_of_period(rule, dtstart, first))
    found = (local for local in found if local >= first)
    found = takewhile(lambda local: local.year <= LAST_YEAR, found)
    found = islice(found, rule.count)
    if rule.until is not None:
        found = _up_to(rule.until, found)
    if not_before is not None:
        found = (local for local in found if local >= not_before)
    return found


def recurs(rule: Rule, dtstart: datetime, times: Sequence[time] = ()) -> bool:
    """Return whether the rule ever matches in the 400 years from dtstart, whatever its COUNT and UNTIL.

    The Gregorian calendar repeats after 400 years: 146,097 days, which are whole weeks. So the question is
    put in the last such cycle that dateutil knows, where it has to give up after 400 to 800 years instead
    of 8,000: the worst case, a daily rule, took 3.0 s from 2026 and takes 0.4 s from there.
    """
    cycles = (_FIRST_YEAR_OF_LAST_CYCLE + dtstart.year % _CYCLE_YEARS - dtstart.year) // _CYCLE_YEARS
    moved = timedelta(days=cycles * _CYCLE_DAYS)
    found = _matches(rule, dtstart, times, _start_of_period(rule, dtstart, dtstart) + moved)
    try:
        return any(local >= dtstart + moved for local in found)
    except (ValueError, OverflowError):  # its last week runs over into the year 10000
        return False


def _matches(rule: Rule, dtstart: datetime, times: Sequence[time], start: datetime) -> Iterator[datetime]:
    """Yield what the rule matches from a start of period on, as if it had neither COUNT nor UNTIL."""
    whole = with_defaults(rule, dtstart)
    if times:
        whole = replace(whole, by_hour=(0,), by_minute=(0,), by_second=(0,))
    found = iter(_dateutil(whole, start))
    return (datetime.combine(day, at) for day in found for at in times) if times else found


def with_defaults(rule: Rule, dtstart: datetime) -> Rule:
    """Fill in all that RFC 5545 takes from dtstart (section 3.3.10), so that it may start elsewhere."""
    if not rule.by_day and not rule.by_month_day:
        if rule.frequency is Frequency.WEEKLY:
            rule = replace(rule, by_day=(ByDay(list(Weekday)[dtstart.weekday()]),))
        elif rule.frequency is Frequency.MONTHLY:
            rule = replace(rule, by_month_day=(dtstart.day,))
        elif rule.frequency is Frequency.YEARLY:
            months = rule.by_month or (dtstart.month,)
            rule = replace(rule, by_month=months, by_month_day=(dtstart.day,))
    return replace(
        rule,
        by_hour=rule.by_hour or (dtstart.hour,),
        by_minute=rule.by_minute or (dtstart.minute,),
        by_second=rule.by_second or (dtstart.second,),
    )


def _start_of_period(rule: Rule, dtstart: datetime, near: datetime) -> datetime:
    """Return the start of the day, week, month or year at `near` or before it that the interval falls on."""
    day = dtstart.date()
    if rule.frequency in {Frequency.DAILY, Frequency.WEEKLY}:
        if rule.frequency is Frequency.WEEKLY:
            day -= timedelta(days=(day.weekday() - rule.week_start.number) % 7)
        step = rule.interval * (7 if rule.frequency is Frequency.WEEKLY else 1)
        day += timedelta(days=(near.date() - day).days // step * step)
    elif rule.frequency is Frequency.MONTHLY:
        months = (near.year - day.year) * 12 + near.month - day.month
        month = day.month - 1 + months // rule.interval * rule.interval
        day = date(day.year + month // 12, month % 12 + 1, 1)
    else:
        day = date(day.year + (near.year - day.year) // rule.interval * rule.interval, 1, 1)
    return datetime.combine(day, time.min)


def _dateutil(rule: Rule, start: datetime) -> Iterable[datetime]:
    return dateutil_rrule.rrule(
        _FREQUENCIES[rule.frequency],
        dtstart=start,
        interval=rule.interval,
        wkst=rule.week_start.number,
        byweekday=[dateutil_rrule.weekday(d.weekday.number, d.ordinal) for d in _any_of(rule)] or None,
        bymonthday=rule.by_month_day or None,
        bymonth=rule.by_month or None,
        byhour=rule.by_hour,
        byminute=rule.by_minute,
        bysecond=rule.by_second,
        bysetpos=rule.by_set_pos or None,
    )


def _any_of(rule: Rule) -> Iterator[ByDay]:
    """Write plain weekdays as all their ordinals where the list has ordinals too."""
    mixed = len({day.ordinal is None for day in rule.by_day}) > 1
    by_month = rule.frequency is Frequency.MONTHLY or rule.by_month
    most = ORDINALS_IN_MONTH if by_month else ORDINALS_IN_YEAR
    for day in rule.by_day:
        if mixed and day.ordinal is None:
            yield from (ByDay(day.weekday, ordinal) for ordinal in range(1, most + 1))
        else:
            yield day


def _up_to(until: date | datetime, found: Iterator[datetime]) -> Iterator[datetime]:
    if not isinstance(until, datetime):
        return takewhile(lambda local: local.date() <= until, found)
    if until.tzinfo is None:
        return takewhile(lambda local: local <= until, found)
    return found
