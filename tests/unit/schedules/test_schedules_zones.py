"""Wall-clock time and the changes of the clocks: once, never twice."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.errors import Refusal, UnsupportedRule
from schedules.rules import occurrences, parse
from schedules.zones import to_local, zone_named

GOLDEN = [
    # Spring in Berlin: 02:00 to 03:00 does not exist; read with the offset before, UTC+1.
    ("Europe/Berlin", "2026-03-29T01:59", "2026-03-29T00:59"),
    ("Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:30"),
    ("Europe/Berlin", "2026-03-29T02:59", "2026-03-29T01:59"),
    ("Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00"),
    # Autumn: 02:00 to 03:00 exists twice; the first one, UTC+2.
    ("Europe/Berlin", "2026-10-25T01:59", "2026-10-24T23:59"),
    ("Europe/Berlin", "2026-10-25T02:00", "2026-10-25T00:00"),
    ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30"),
    ("Europe/Berlin", "2026-10-25T02:59", "2026-10-25T00:59"),
    ("Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00"),
    # The two examples of RFC 5545 section 3.3.5.
    ("America/New_York", "2007-11-04T01:30", "2007-11-04T05:30"),
    ("America/New_York", "2007-03-11T02:30", "2007-03-11T07:30"),
    ("America/New_York", "2026-03-08T01:59", "2026-03-08T06:59"),
    ("America/New_York", "2026-03-08T02:00", "2026-03-08T07:00"),
    ("America/New_York", "2026-03-08T03:00", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T00:59", "2026-11-01T04:59"),
    ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30"),
    ("America/New_York", "2026-11-01T02:00", "2026-11-01T07:00"),
    # Half an hour, between UTC+10:30 and UTC+11.
    ("Australia/Lord_Howe", "2026-10-04T01:59", "2026-10-03T15:29"),
    ("Australia/Lord_Howe", "2026-10-04T02:00", "2026-10-03T15:30"),
    ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:45"),
    ("Australia/Lord_Howe", "2026-10-04T02:30", "2026-10-03T15:30"),
    ("Australia/Lord_Howe", "2026-04-05T01:29", "2026-04-04T14:29"),
    ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45"),
    ("Australia/Lord_Howe", "2026-04-05T02:00", "2026-04-04T15:30"),
    # Ramadan 2019: back on 5 May, forward on 9 June.
    ("Africa/Casablanca", "2019-05-05T02:30", "2019-05-05T01:30"),
    ("Africa/Casablanca", "2019-05-05T03:00", "2019-05-05T03:00"),
    ("Africa/Casablanca", "2019-06-09T02:30", "2019-06-09T02:30"),
    # A gap at midnight, daylight saving counted backwards (Dublin), and a whole day left out (Apia).
    ("Africa/Cairo", "2026-04-24T00:30", "2026-04-23T22:30"),
    ("Asia/Beirut", "2026-03-29T00:15", "2026-03-28T22:15"),
    ("Europe/Dublin", "2026-03-29T01:30", "2026-03-29T01:30"),
    ("Europe/Dublin", "2026-10-25T01:30", "2026-10-25T00:30"),
    ("Pacific/Apia", "2011-12-30T05:00", "2011-12-30T15:00"),
    ("Pacific/Apia", "2011-12-31T05:00", "2011-12-30T15:00"),
    # At home there is nothing of the kind: UTC+7, on both sides of the border.
    ("Asia/Ho_Chi_Minh", "2026-11-24T05:00", "2026-11-23T22:00"),
    ("Asia/Ho_Chi_Minh", "2026-11-24T23:59", "2026-11-24T16:59"),
    ("Asia/Ho_Chi_Minh", "2027-01-01T00:00", "2026-12-31T17:00"),
    ("Asia/Ho_Chi_Minh", "2028-02-29T05:00", "2028-02-28T22:00"),
    ("Asia/Phnom_Penh", "2026-11-24T04:30", "2026-11-23T21:30"),
    ("UTC", "2026-11-24T05:00", "2026-11-24T05:00"),
]

ZONES = [
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Ho_Chi_Minh",
    "Asia/Phnom_Penh",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Africa/Cairo",
]


@pytest.mark.parametrize(("zone", "local", "instant"), GOLDEN)
def test_a_local_time_is_this_instant(zone: str, local: str, instant: str) -> None:
    (found,) = occurrences(parse(dtstart=local, zone=zone))
    assert found == datetime.fromisoformat(f"{instant}+00:00")


@given(
    zone=st.sampled_from(ZONES),
    first=st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1), timezones=st.none()),  # noqa: DTZ001
)
@settings(deadline=None)
def test_a_daily_bell_rings_once_on_each_day_whatever_the_clocks_do(zone: str, first: datetime) -> None:
    first = first.replace(second=0, microsecond=0)
    recurrence = parse(dtstart=f"{first:%Y-%m-%dT%H:%M}", rrule="FREQ=DAILY", zone=zone)
    found = list(occurrences(recurrence, limit=800))
    rung_on = [to_local(instant, zone_named(zone)).date() for instant in found]
    assert rung_on == [first.date() + timedelta(days=number) for number in range(800)]


@given(zone=st.sampled_from(ZONES), start=st.dates(datetime(2015, 1, 1).date(), datetime(2030, 1, 1).date()))  # noqa: DTZ001
@settings(deadline=None)
def test_bells_all_day_long_ring_in_order_and_never_two_at_once(zone: str, start: object) -> None:
    minutes = ",".join(str(minute) for minute in range(0, 60, 15))
    hours = ",".join(str(hour) for hour in range(5))
    recurrence = parse(
        dtstart=f"{start}T00:00", rrule=f"FREQ=DAILY;BYHOUR={hours};BYMINUTE={minutes}", zone=zone
    )
    found = list(occurrences(recurrence, limit=2_000))
    assert all(earlier < later for earlier, later in pairwise(found))


def test_a_time_in_the_gap_that_falls_on_another_bell_rings_once() -> None:
    recurrence = parse(
        dtstart="2026-03-29T02:00",
        rrule="FREQ=DAILY;BYHOUR=2,3;BYMINUTE=15,30,45",
        zone="Europe/Berlin",
    )
    found = [f"{instant:%d %H:%M}" for instant in occurrences(recurrence, limit=4)]
    assert found == ["29 01:15", "29 01:30", "29 01:45", "30 00:15"]


def test_a_time_in_the_gap_comes_after_the_bells_that_follow_it_on_paper() -> None:
    recurrence = parse(
        dtstart="2026-03-29T02:45", times=["02:45", "03:15"], rrule="FREQ=DAILY", zone="Europe/Berlin"
    )
    found = [f"{instant:%d %H:%M}" for instant in occurrences(recurrence, limit=3)]
    assert found == ["29 01:15", "29 01:45", "30 00:45"]


def test_a_rule_that_falls_into_the_gap_every_year_still_rings_every_year() -> None:
    recurrence = parse(
        dtstart="2026-01-01T02:30", rrule="FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", zone="Europe/Berlin"
    )
    found = [f"{instant:%Y-%m-%d %H:%M}" for instant in islice(occurrences(recurrence), 3)]
    assert found == ["2026-03-29 01:30", "2027-03-28 01:30", "2028-03-26 01:30"]


def test_the_second_of_two_equal_times_is_reached_only_as_an_instant() -> None:
    recurrence = parse(dtstart="2026-10-25T02:30", rdates=["20261025T013000Z"], zone="Europe/Berlin")
    assert [f"{instant:%H:%M}" for instant in occurrences(recurrence)] == ["00:30", "01:30"]


@pytest.mark.parametrize(
    "name", ["", "Asia", "Asia/Saigon2", "../../etc/passwd", "localtime", "+07:00", "Asia/"]
)
def test_what_is_no_iana_zone_is_refused(name: str) -> None:
    with pytest.raises(UnsupportedRule) as refused:
        zone_named(name)
    assert refused.value.code is Refusal.BAD_ZONE


def test_instants_come_out_in_utc() -> None:
    (found,) = occurrences(parse(dtstart="2026-11-24T05:00"))
    assert found.tzinfo is UTC
