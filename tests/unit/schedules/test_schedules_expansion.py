"""The calendar arithmetic against two oracles: the definitions, day by day, and dateutil on its own."""

import calendar
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import groupby, islice, takewhile
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schedules.expansion import recurs, wall_clock_times
from schedules.rule_text import ByDay, Frequency, Rule, Weekday, parse_rule

WEEKDAYS = [day.value for day in Weekday]
HORIZON = timedelta(days=1_500)


def csv(values: Any) -> Any:
    return st.lists(values, min_size=1, max_size=3, unique=True).map(lambda v: ",".join(map(str, v)))


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(list(Frequency)))
    parts = [f"FREQ={frequency}"]
    by_month = frequency is not Frequency.WEEKLY and draw(st.booleans())
    most = 53 if frequency is Frequency.YEARLY and not by_month else 5
    numbers = st.integers(-most, most).map(lambda n: str(n) if n else "")
    plain = st.sampled_from(WEEKDAYS)
    numbered = st.builds(str.__add__, numbers, plain)
    has_numbers = frequency in {Frequency.MONTHLY, Frequency.YEARLY}
    choices = {
        "INTERVAL": st.integers(1, 5),
        "BYDAY": csv(numbered if has_numbers else plain),
        "WKST": plain,
        "BYSETPOS": csv(st.integers(-4, 4).filter(bool)),
    }
    if frequency is not Frequency.WEEKLY:
        choices["BYMONTHDAY"] = csv(st.integers(-31, 31).filter(bool))
    chosen = {name: draw(values) for name, values in choices.items() if draw(st.booleans())}
    if by_month:
        chosen["BYMONTH"] = draw(csv(st.integers(1, 12)))
    if not chosen.keys() & {"BYDAY", "BYMONTHDAY", "BYMONTH"}:
        chosen.pop("BYSETPOS", None)
    return ";".join(parts + [f"{name}={value}" for name, value in chosen.items()])


starts = st.datetimes(datetime(1999, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(microsecond=0))  # noqa: DTZ001


def period(rule: Rule, day: date) -> int:
    """Return the number of the day, week, month or year that `day` lies in."""
    if rule.frequency is Frequency.DAILY:
        return day.toordinal()
    if rule.frequency is Frequency.WEEKLY:
        return (day.toordinal() - 1 - rule.week_start.number) // 7
    return day.year * 12 + day.month if rule.frequency is Frequency.MONTHLY else day.year


def has_day(rule: Rule, by_day: ByDay, day: date) -> bool:
    if day.weekday() != by_day.weekday.number:
        return False
    if by_day.ordinal is None:
        return True
    if rule.frequency is Frequency.MONTHLY or rule.by_month:
        place, length = day.day, calendar.monthrange(day.year, day.month)[1]
    else:
        place, length = day.timetuple().tm_yday, 365 + calendar.isleap(day.year)
    return by_day.ordinal in {(place - 1) // 7 + 1, -((length - place) // 7 + 1)}


def matches(rule: Rule, dtstart: datetime, day: date) -> bool:
    """Apply the table of RFC 5545 section 3.3.10 to one day."""
    days, month_days, months = rule.by_day, rule.by_month_day, rule.by_month
    if not days and not month_days:
        if rule.frequency is Frequency.WEEKLY:
            days = (ByDay(list(Weekday)[dtstart.weekday()]),)
        elif rule.frequency is not Frequency.DAILY:
            month_days = (dtstart.day,)
            if rule.frequency is Frequency.YEARLY:
                months = months or (dtstart.month,)
    from_end = day.day - calendar.monthrange(day.year, day.month)[1] - 1
    return (
        (not months or day.month in months)
        and (not month_days or bool({day.day, from_end} & set(month_days)))
        and (not days or any(has_day(rule, by_day, day) for by_day in days))
    )


def by_definition(rule: Rule, dtstart: datetime) -> Iterator[datetime]:
    """Look at every day up to the horizon."""
    first = dtstart.date() - timedelta(days=366)  # so that the period of dtstart is whole
    every_day = (first + timedelta(days=number) for number in range((HORIZON + timedelta(days=800)).days))
    for number, days in groupby(every_day, key=lambda day: period(rule, day)):
        if (number - period(rule, dtstart.date())) % rule.interval:
            continue
        found = [day for day in days if matches(rule, dtstart, day)]
        if rule.by_set_pos:
            places = {at - 1 if at > 0 else len(found) + at for at in rule.by_set_pos}
            found = [day for place, day in enumerate(found) if place in places]
        for day in found:
            at = datetime.combine(day, dtstart.time())
            if dtstart <= at <= dtstart + HORIZON:
                yield at


@given(text=rules(), dtstart=starts)
@pytest.mark.slow
@settings(deadline=None)
def test_a_rule_falls_where_the_definitions_say_day_by_day(text: str, dtstart: datetime) -> None:
    rule = parse_rule(text)
    wanted = list(by_definition(rule, dtstart))
    assert recurs(rule, dtstart) or not wanted
    if wanted:
        found = takewhile(lambda at: at <= dtstart + HORIZON, wall_clock_times(rule, dtstart))
        assert list(found) == wanted


@given(text=rules(), dtstart=starts)
@pytest.mark.slow
@settings(deadline=None)
def test_a_rule_falls_where_dateutil_alone_puts_it(text: str, dtstart: datetime) -> None:
    rule = parse_rule(text)
    assume(len({day.ordinal is None for day in rule.by_day}) < 2)  # dateutil reads a mixed list as "both"
    assume(not (rule.by_set_pos and rule.frequency is Frequency.WEEKLY))  # dateutil cuts the first week short
    assume(recurs(rule, dtstart))  # else dateutil searches until the year 9999
    wanted = list(islice(rrulestr(text, dtstart=dtstart), 12))
    assert list(islice(wall_clock_times(rule, dtstart), 12)) == wanted


@given(text=rules(), dtstart=starts, days=st.integers(0, 60_000))
@pytest.mark.slow
@settings(deadline=None)
def test_starting_late_changes_nothing_of_what_follows(text: str, dtstart: datetime, days: int) -> None:
    rule = parse_rule(text)
    assume(recurs(rule, dtstart))
    late = dtstart + timedelta(days=days)
    whole = (at for at in wall_clock_times(rule, dtstart) if at >= late)
    assert list(islice(wall_clock_times(rule, dtstart, not_before=late), 3)) == list(islice(whole, 3))
