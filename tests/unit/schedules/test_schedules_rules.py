"""A recurrence as a whole: dates added and taken away, ranges, windows, and what is refused."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.errors import Refusal, UnsupportedRule
from schedules.rules import Recurrence, occurrences, parse
from schedules.zones import to_local, zone_named

HOME = zone_named("Asia/Ho_Chi_Minh")


def local(recurrence: Recurrence, limit: int | None = 10, **window: datetime) -> list[str]:
    return [f"{to_local(at, HOME):%Y-%m-%d %H:%M}" for at in occurrences(recurrence, limit=limit, **window)]


def refused(**fields: Any) -> tuple[Refusal, str | None]:
    with pytest.raises(UnsupportedRule) as caught:
        parse(**{"dtstart": "2026-11-24T05:00", **fields})
    return caught.value.code, caught.value.part


class TestCalendar:
    """2026-11-24 is a Tuesday."""

    @pytest.mark.parametrize(
        ("dtstart", "rrule", "expected"),
        [
            ("2026-01-31T23:59", "FREQ=MONTHLY", ["2026-01-31", "2026-03-31", "2026-05-31"]),
            ("2026-01-31T23:59", "FREQ=MONTHLY;BYMONTHDAY=-1", ["2026-01-31", "2026-02-28", "2026-03-31"]),
            ("2028-01-31T05:00", "FREQ=MONTHLY;BYMONTHDAY=-1", ["2028-01-31", "2028-02-29", "2028-03-31"]),
            ("2026-01-30T05:00", "FREQ=MONTHLY;BYMONTHDAY=30,31", ["2026-01-30", "2026-01-31", "2026-03-30"]),
            ("2024-02-29T05:00", "FREQ=YEARLY", ["2024-02-29", "2028-02-29", "2032-02-29"]),
            ("2096-02-29T05:00", "FREQ=YEARLY", ["2096-02-29", "2104-02-29", "2108-02-29"]),
            ("2026-12-31T23:59", "FREQ=DAILY", ["2026-12-31", "2027-01-01", "2027-01-02"]),
            ("2028-02-28T23:59", "FREQ=DAILY", ["2028-02-28", "2028-02-29", "2028-03-01"]),
            ("2026-11-24T05:00", "FREQ=WEEKLY", ["2026-11-24", "2026-12-01", "2026-12-08"]),
            ("2026-11-24T05:00", "FREQ=MONTHLY;BYDAY=-1FR", ["2026-11-27", "2026-12-25", "2027-01-29"]),
            ("2026-11-24T05:00", "FREQ=MONTHLY;BYDAY=5TU", ["2026-12-29", "2027-03-30", "2027-06-29"]),
            # Any of a list, although one value has a number and the other has none.
            ("2026-11-24T05:00", "FREQ=MONTHLY;BYDAY=SA,-1SU", ["2026-11-28", "2026-11-29", "2026-12-05"]),
            ("2026-11-24T05:00", "FREQ=YEARLY;BYDAY=WE,-1TU", ["2026-11-25", "2026-12-02", "2026-12-09"]),
            # The first week is counted from its Monday, not from dtstart.
            (
                "2026-11-24T05:00",
                "FREQ=WEEKLY;BYDAY=MO,TU,FR;BYSETPOS=2",
                ["2026-11-24", "2026-12-01", "2026-12-08"],
            ),
            (
                "2026-11-25T05:00",
                "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=1",
                ["2026-11-30", "2026-12-07", "2026-12-14"],
            ),
        ],
    )
    def test_a_rule_falls_on_these_days(self, dtstart: str, rrule: str, expected: list[str]) -> None:
        found = local(parse(dtstart=dtstart, rrule=rrule), limit=3)
        assert found == [f"{day} {dtstart[-5:]}" for day in expected]

    def test_a_dtstart_that_the_rule_does_not_match_is_no_occurrence(self) -> None:
        recurrence = parse(dtstart="2026-11-24T05:00", rrule="FREQ=WEEKLY;BYDAY=MO,WE;COUNT=2")
        assert local(recurrence) == ["2026-11-25 05:00", "2026-11-30 05:00"]

    def test_without_a_rule_dtstart_is_the_only_date(self) -> None:
        assert local(parse(dtstart="2026-11-24T05:00")) == ["2026-11-24 05:00"]


class TestSeveralTimesADay:
    def test_times_beside_the_rule_take_the_place_of_the_time_of_dtstart(self) -> None:
        recurrence = parse(dtstart="2026-11-24T06:00", rrule="FREQ=DAILY", times=["17:15", "05:30"])
        assert local(recurrence, limit=3) == ["2026-11-24 17:15", "2026-11-25 05:30", "2026-11-25 17:15"]

    def test_count_counts_every_time(self) -> None:
        recurrence = parse(dtstart="2026-11-24T05:00", rrule="FREQ=DAILY;COUNT=3", times=["05:00", "17:15"])
        assert local(recurrence) == ["2026-11-24 05:00", "2026-11-24 17:15", "2026-11-25 05:00"]

    def test_without_a_rule_the_day_of_dtstart_has_all_the_times(self) -> None:
        recurrence = parse(dtstart="2026-11-24T05:00", times=["05:00", "17:15"])
        assert local(recurrence) == ["2026-11-24 05:00", "2026-11-24 17:15"]

    def test_positions_in_a_set_count_days_when_the_times_stand_beside_the_rule(self) -> None:
        rule = "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"
        recurrence = parse(dtstart="2026-11-24T05:00", rrule=rule, times=["05:00", "17:15"])
        assert local(recurrence, limit=3) == ["2026-11-30 05:00", "2026-11-30 17:15", "2026-12-31 05:00"]

    def test_positions_in_a_set_count_times_when_the_rule_has_them(self) -> None:
        rule = "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;BYHOUR=5,17"
        assert local(parse(dtstart="2026-11-24T05:00", rrule=rule), limit=2) == [
            "2026-11-30 17:00",
            "2026-12-31 17:00",
        ]

    def test_times_in_the_rule_and_beside_it_are_refused(self) -> None:
        assert refused(rrule="FREQ=DAILY;BYHOUR=5,17", times=["05:00"]) == (Refusal.TIMES_CONFLICT, "times")

    def test_more_times_than_a_schedule_needs_are_refused(self) -> None:
        times = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(289)]
        assert refused(times=times) == (Refusal.TOO_MANY_TIMES, "times")


class TestUntil:
    @pytest.mark.parametrize(
        ("until", "last"),
        [
            ("20261126", "2026-11-26 05:00"),
            ("20261126T050000", "2026-11-26 05:00"),
            ("20261126T045959", "2026-11-25 05:00"),
            ("20261125T220000Z", "2026-11-26 05:00"),
            ("20261125T215959Z", "2026-11-25 05:00"),
        ],
    )
    def test_until_is_inclusive_in_each_of_its_forms(self, until: str, last: str) -> None:
        assert local(parse(dtstart="2026-11-24T05:00", rrule=f"FREQ=DAILY;UNTIL={until}"))[-1] == last

    @pytest.mark.parametrize("until", ["20261123", "20261124T045959", "20261123T215959Z"])
    def test_an_until_before_the_first_date_is_refused(self, until: str) -> None:
        assert refused(rrule=f"FREQ=DAILY;UNTIL={until}") == (Refusal.NO_OCCURRENCE, "RRULE")

    def test_an_until_in_utc_is_compared_as_an_instant_when_the_clocks_change(self) -> None:
        recurrence = parse(
            dtstart="2026-10-24T02:30", rrule="FREQ=DAILY;UNTIL=20261025T003000Z", zone="Europe/Berlin"
        )
        assert [f"{at:%d %H:%M}" for at in occurrences(recurrence)] == ["24 00:30", "25 00:30"]


class TestDatesAddedAndTakenAway:
    def test_an_exception_does_not_lengthen_the_count(self) -> None:
        recurrence = parse(
            dtstart="2026-11-24T05:00", rrule="FREQ=DAILY;COUNT=3", exdates=["2026-11-25T05:00:00"]
        )
        assert local(recurrence) == ["2026-11-24 05:00", "2026-11-26 05:00"]

    @pytest.mark.parametrize("exdate", ["20261125T050000", "2026-11-25T05:00", "20261124T220000Z"])
    def test_an_exception_may_be_local_or_an_instant(self, exdate: str) -> None:
        recurrence = parse(dtstart="2026-11-24T05:00", rrule="FREQ=DAILY;COUNT=3", exdates=[exdate])
        assert local(recurrence) == ["2026-11-24 05:00", "2026-11-26 05:00"]

    def test_an_exception_at_another_time_of_day_takes_nothing_away(self) -> None:
        recurrence = parse(
            dtstart="2026-11-24T05:00", rrule="FREQ=DAILY;COUNT=2", exdates=["2026-11-25T06:00"]
        )
        assert local(recurrence) == ["2026-11-24 05:00", "2026-11-25 05:00"]

    def test_an_exception_without_a_time_takes_the_whole_local_day(self) -> None:
        recurrence = parse(
            dtstart="2026-11-24T05:00", rrule="FREQ=DAILY", times=["05:00", "23:59"], exdates=["20261125"]
        )
        assert local(recurrence, limit=3) == ["2026-11-24 05:00", "2026-11-24 23:59", "2026-11-26 05:00"]

    def test_extra_dates_fall_in_between_and_before_dtstart_too(self) -> None:
        recurrence = parse(
            dtstart="2026-11-24T05:00",
            rrule="FREQ=WEEKLY;COUNT=2",
            rdates=["20261126T190000", "2026-11-20T05:00"],
        )
        assert local(recurrence) == [
            "2026-11-20 05:00",
            "2026-11-24 05:00",
            "2026-11-26 19:00",
            "2026-12-01 05:00",
        ]

    def test_an_extra_date_that_the_rule_gives_anyway_is_played_once(self) -> None:
        recurrence = parse(
            dtstart="2026-11-24T05:00",
            rrule="FREQ=DAILY;COUNT=2",
            rdates=["2026-11-25T05:00", "20261124T220000Z"],
        )
        assert local(recurrence) == ["2026-11-24 05:00", "2026-11-25 05:00"]

    def test_an_exception_wins_over_an_extra_date(self) -> None:
        day = "2026-11-26T19:00"
        assert local(parse(dtstart="2026-11-24T05:00", rdates=[day], exdates=[day])) == ["2026-11-24 05:00"]

    def test_a_single_date_can_be_moved(self) -> None:
        recurrence = parse(
            dtstart="2026-11-24T05:00",
            rrule="FREQ=DAILY;COUNT=1",
            exdates=["20261124"],
            rdates=["2026-11-25T06:00"],
        )
        assert local(recurrence) == ["2026-11-25 06:00"]

    def test_exceptions_that_leave_nothing_are_refused(self) -> None:
        assert refused(rrule="FREQ=DAILY;COUNT=1", exdates=["2026-11-24"]) == (Refusal.NO_OCCURRENCE, None)


class TestDateRange:
    def test_the_range_includes_its_last_day_and_count_counts_from_dtstart(self) -> None:
        recurrence = parse(
            dtstart="2026-11-24T23:59",
            rrule="FREQ=DAILY;COUNT=4",
            rdates=["2026-12-24T00:00"],
            first_date="2026-11-26",
            last_date="2026-11-30",
        )
        assert local(recurrence) == ["2026-11-26 23:59", "2026-11-27 23:59"]

    def test_a_range_ends_an_endless_rule(self) -> None:
        recurrence = parse(dtstart="2026-11-24T05:00", rrule="FREQ=DAILY", last_date="2026-11-25")
        assert not recurrence.is_endless
        assert local(recurrence, limit=None) == ["2026-11-24 05:00", "2026-11-25 05:00"]

    def test_a_range_the_wrong_way_round_is_refused(self) -> None:
        answer = refused(first_date="2026-11-26", last_date="2026-11-25")
        assert answer == (Refusal.BAD_DATE_RANGE, "last_date")

    def test_a_range_without_an_occurrence_is_refused(self) -> None:
        answer = refused(rrule="FREQ=MONTHLY", first_date="2026-12-01", last_date="2026-12-23")
        assert answer == (Refusal.NO_OCCURRENCE, None)


class TestWindow:
    def test_a_window_includes_its_start_and_not_its_end(self) -> None:
        recurrence = parse(dtstart="2026-11-24T05:00", rrule="FREQ=DAILY")
        start = datetime(2026, 11, 24, 22, tzinfo=UTC)
        found = local(recurrence, limit=None, after=start, before=start + timedelta(days=2))
        assert found == ["2026-11-25 05:00", "2026-11-26 05:00"]

    def test_count_is_counted_from_dtstart_when_the_window_opens_later(self) -> None:
        recurrence = parse(dtstart="2026-11-24T05:00", rrule="FREQ=DAILY;COUNT=3")
        assert local(recurrence, after=datetime(2026, 11, 25, tzinfo=UTC)) == ["2026-11-26 05:00"]

    def test_a_window_that_opens_just_after_a_gap_has_what_was_moved_out_of_the_gap(self) -> None:
        recurrence = parse(dtstart="2026-03-01T02:30", rrule="FREQ=DAILY", zone="Europe/Berlin")
        gap_and_a_quarter = datetime(2026, 3, 29, 1, 15, tzinfo=UTC)
        assert next(occurrences(recurrence, gap_and_a_quarter)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)

    def test_a_naive_window_is_refused(self) -> None:
        with pytest.raises(ValueError, match="aware"):
            occurrences(parse(dtstart="2026-11-24T05:00"), after=datetime(2026, 11, 24))  # noqa: DTZ001

    def test_an_endless_rule_ends_before_the_calendar_does(self) -> None:
        recurrence = parse(dtstart="2026-11-24T05:00", rrule="FREQ=YEARLY;INTERVAL=1000")
        assert [day[:4] for day in local(recurrence, limit=None)] == [str(y) for y in range(2026, 9991, 1000)]

    @given(
        zone=st.sampled_from(["Asia/Ho_Chi_Minh", "Europe/Berlin", "America/New_York", "Pacific/Apia"]),
        rrule=st.sampled_from(
            [
                "FREQ=DAILY;INTERVAL=3;BYHOUR=2,23",
                "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,WE;WKST=SU",
                "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=-1,15",
                "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
                "FREQ=YEARLY;INTERVAL=2;BYMONTH=3,10;BYDAY=-1SU",
                "FREQ=DAILY;COUNT=900",
            ]
        ),
        dtstart=st.datetimes(datetime(2010, 1, 1), datetime(2020, 1, 1)),  # noqa: DTZ001
        days=st.lists(st.integers(0, 4_000), min_size=2, max_size=2).map(sorted),
    )
    @settings(deadline=None)
    def test_a_window_is_that_part_of_the_whole(
        self, zone: str, rrule: str, dtstart: datetime, days: list[int]
    ) -> None:
        recurrence = Recurrence(dtstart=dtstart.replace(microsecond=0), rrule=rrule, zone=zone)
        after, before = (dtstart.replace(tzinfo=UTC) + timedelta(days=day) for day in days)
        whole = list(occurrences(recurrence, before=before))
        assert list(occurrences(recurrence, after, before)) == [at for at in whole if at >= after]


class TestRefusals:
    @pytest.mark.parametrize(
        "rrule",
        [
            "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2",
            "FREQ=YEARLY;BYMONTHDAY=30;BYMONTH=2",
            "FREQ=DAILY;BYMONTHDAY=31;BYMONTH=4,6,9,11",
            "FREQ=WEEKLY;INTERVAL=2;BYMONTH=2;BYDAY=MO;BYSETPOS=2",
            "FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=8",
            "FREQ=DAILY;INTERVAL=7;BYDAY=WE",
            "FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29;BYSETPOS=2",
            "FREQ=MONTHLY;INTERVAL=12;BYMONTH=3",
            "FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2;COUNT=3",
            "FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2;UNTIL=20270101",
        ],
    )
    @pytest.mark.timeout(5)
    def test_a_rule_that_never_falls_on_any_day_is_refused_and_not_searched_for_ever(
        self, rrule: str
    ) -> None:
        assert refused(rrule=rrule) == (Refusal.NO_OCCURRENCE, "RRULE")

    def test_a_rule_that_never_occurs_is_refused_although_an_extra_date_would(self) -> None:
        answer = refused(rrule="FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2", rdates=["2026-12-01T05:00"])
        assert answer == (Refusal.NO_OCCURRENCE, "RRULE")

    @pytest.mark.parametrize(
        ("fields", "code", "part"),
        [
            ({"dtstart": "2026-11-24"}, Refusal.DATE_WITHOUT_TIME, "dtstart"),
            ({"dtstart": "2026-02-30T05:00"}, Refusal.BAD_DATETIME, "dtstart"),
            ({"dtstart": "24/11/2026 05:00"}, Refusal.BAD_DATETIME, "dtstart"),
            ({"dtstart": "2026-11-24T24:00"}, Refusal.BAD_DATETIME, "dtstart"),
            ({"dtstart": "2026-11-24T05:00+99:00"}, Refusal.BAD_DATETIME, "dtstart"),
            ({"dtstart": "2026-11-24T05:00Z"}, Refusal.OFFSET_MISMATCH, "dtstart"),
            ({"dtstart": "1969-12-31T05:00"}, Refusal.BAD_DTSTART, "dtstart"),
            ({"dtstart": "2200-01-01T05:00"}, Refusal.BAD_DTSTART, "dtstart"),
            ({"rdates": ["2026-12-24"]}, Refusal.DATE_WITHOUT_TIME, "RDATE"),
            ({"rdates": ["20261224T050000/PT1H"]}, Refusal.BAD_DATETIME, "RDATE"),
            ({"rdates": ["9999-12-31T23:59"]}, Refusal.BAD_DATETIME, "RDATE"),
            ({"exdates": ["soon"]}, Refusal.BAD_DATETIME, "EXDATE"),
            ({"exdates": ["0001-01-01T00:00"]}, Refusal.BAD_DATETIME, "EXDATE"),
            ({"times": ["5:00"]}, Refusal.BAD_DATETIME, "times"),
            ({"times": ["25:00"]}, Refusal.BAD_DATETIME, "times"),
            ({"first_date": "2026-11-24T05:00"}, Refusal.BAD_DATETIME, "first_date"),
            ({"zone": "Asia/Sai_Gon"}, Refusal.BAD_ZONE, "zone"),
            ({"rrule": ""}, Refusal.BAD_SYNTAX, None),
        ],
    )
    def test_a_field_that_cannot_be_read_is_refused_with_its_name(
        self, fields: dict[str, Any], code: Refusal, part: str | None
    ) -> None:
        assert refused(**fields) == (code, part)

    @pytest.mark.parametrize("text", ["2026-11-24T05:00+07:00", "2026-11-24T05:00:00+07:00"])
    def test_a_dtstart_with_the_offset_of_its_zone_is_taken(self, text: str) -> None:
        assert parse(dtstart=text) == parse(dtstart="2026-11-24T05:00")

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"dtstart": datetime(2026, 11, 24, 5, tzinfo=UTC)}, Refusal.BAD_DTSTART),
            ({"dtstart": datetime(2026, 11, 24, 5, 0, 0, 1)}, Refusal.BAD_DTSTART),  # noqa: DTZ001
            ({"times": (time(17), time(5))}, Refusal.BAD_DATETIME),
            ({"times": (time(5), time(5))}, Refusal.BAD_DATETIME),
            ({"times": (time(5, tzinfo=UTC),)}, Refusal.BAD_DATETIME),
            ({"rdates": (datetime(2026, 11, 24, 5, 0, 0, 1),)}, Refusal.BAD_DATETIME),  # noqa: DTZ001
        ],
    )
    def test_values_that_text_could_not_give_are_refused_too(
        self, fields: dict[str, Any], code: Refusal
    ) -> None:
        with pytest.raises(UnsupportedRule) as caught:
            Recurrence(**{"dtstart": datetime(2026, 11, 24, 5), **fields})  # noqa: DTZ001
        assert caught.value.code is code

    def test_a_refusal_reads_as_its_code_and_its_reason(self) -> None:
        with pytest.raises(UnsupportedRule, match=r"^unsupported_freq: FREQ=HOURLY is not supported$"):
            parse(dtstart="2026-11-24T05:00", rrule="FREQ=HOURLY")


def test_a_recurrence_is_a_value() -> None:
    recurrence = parse(dtstart="2026-11-24T05:00", rrule="FREQ=DAILY", exdates=["2026-12-24"])
    assert recurrence == Recurrence(
        dtstart=datetime(2026, 11, 24, 5),  # noqa: DTZ001
        rrule="FREQ=DAILY",
        exdays=frozenset({date(2026, 12, 24)}),
    )
    assert hash(recurrence) == hash(
        parse(dtstart="20261124T050000", rrule="FREQ=DAILY", exdates=["20261224"])
    )
