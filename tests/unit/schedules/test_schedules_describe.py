"""A recurrence as parts for a sentence."""

from dataclasses import replace
from datetime import date, datetime, time

from schedules.describe import Description, describe
from schedules.rule_text import ByDay, Frequency, Weekday
from schedules.rules import parse

ONCE = Description(
    frequency=None,
    interval=1,
    days=(),
    month_days=(),
    months=(),
    positions=(),
    times=(time(5),),
    starts_on=date(2026, 11, 24),
    ends_on=date(2026, 11, 24),
    count=None,
    added=(),
    removed=(),
    removed_days=(),
    zone="Asia/Ho_Chi_Minh",
)
DAILY = replace(ONCE, frequency=Frequency.DAILY, ends_on=None)


def test_once() -> None:
    assert describe(parse(dtstart="2026-11-24T05:00")) == ONCE


def test_every_other_week_on_the_weekday_of_its_start_if_it_names_none() -> None:
    found = describe(parse(dtstart="2026-11-24T05:00", rrule="FREQ=WEEKLY;INTERVAL=2;COUNT=8"))
    assert found == replace(DAILY, frequency=Frequency.WEEKLY, interval=2, days=(ByDay(Weekday.TU),), count=8)


def test_a_monthly_and_a_yearly_rule_name_the_date_of_their_start() -> None:
    monthly = describe(parse(dtstart="2026-11-24T05:00", rrule="FREQ=MONTHLY"))
    yearly = describe(parse(dtstart="2026-11-24T05:00", rrule="FREQ=YEARLY"))
    assert monthly == replace(DAILY, frequency=Frequency.MONTHLY, month_days=(24,))
    assert yearly == replace(DAILY, frequency=Frequency.YEARLY, month_days=(24,), months=(11,))


def test_the_last_working_day_of_the_month() -> None:
    found = describe(parse(dtstart="2026-11-24T05:00", rrule="FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"))
    working_days = tuple(ByDay(day) for day in list(Weekday)[:5])
    assert found == replace(DAILY, frequency=Frequency.MONTHLY, days=working_days, positions=(-1,))


def test_times_come_from_the_rule_or_from_beside_it() -> None:
    in_rule = describe(parse(dtstart="2026-11-24T05:00", rrule="FREQ=DAILY;BYHOUR=17,5;BYMINUTE=0,30"))
    beside = describe(parse(dtstart="2026-11-24T05:00", rrule="FREQ=DAILY", times=["05:30", "17:15"]))
    assert in_rule.times == (time(5), time(5, 30), time(17), time(17, 30))
    assert beside.times == (time(5, 30), time(17, 15))


def test_it_ends_on_the_earlier_of_until_and_the_last_date_in_local_days() -> None:
    by_until = parse(dtstart="2026-11-24T05:00", rrule="FREQ=DAILY;UNTIL=20261223T180000Z")
    by_day = parse(dtstart="2026-11-24T05:00", rrule="FREQ=DAILY;UNTIL=20261223", last_date="2026-12-31")
    by_range = parse(dtstart="2026-11-24T05:00", rrule="FREQ=DAILY;UNTIL=20261224", last_date="2026-12-20")
    assert describe(by_until).ends_on == date(2026, 12, 24)
    assert describe(by_day).ends_on == date(2026, 12, 23)
    assert describe(by_range).ends_on == date(2026, 12, 20)


def test_dates_added_and_removed_are_local_and_in_order() -> None:
    found = describe(
        parse(
            dtstart="2026-11-24T05:00",
            rrule="FREQ=DAILY",
            rdates=["2026-12-02T19:00", "20261201T120000Z"],
            exdates=["2026-11-26T05:00", "20270209", "20270208"],
            first_date="2026-11-25",
        )
    )
    assert found == replace(
        DAILY,
        starts_on=date(2026, 11, 25),
        added=(datetime(2026, 12, 1, 19), datetime(2026, 12, 2, 19)),  # noqa: DTZ001 - wall-clock time
        removed=(datetime(2026, 11, 26, 5),),  # noqa: DTZ001 - wall-clock time
        removed_days=(date(2027, 2, 8), date(2027, 2, 9)),
    )
