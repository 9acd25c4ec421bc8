"""`python -m schedules expand`."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

import schedules
from schedules.__main__ import app


def expand(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["expand", *arguments])


def lines(*arguments: str) -> list[str]:
    result = expand("--dtstart", "2026-11-24T05:00:00", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_it_prints_one_instant_with_its_offset_a_line() -> None:
    assert lines("--rrule", "FREQ=WEEKLY;BYDAY=MO,WE", "--count", "3") == [
        "2026-11-25T05:00:00+07:00",
        "2026-11-30T05:00:00+07:00",
        "2026-12-02T05:00:00+07:00",
    ]


def test_the_offset_follows_the_clocks_of_the_zone() -> None:
    found = expand(
        *("--dtstart", "20260328T023000", "--rrule", "FREQ=DAILY;COUNT=3", "--zone", "Europe/Berlin")
    )
    assert found.stdout.splitlines() == [
        "2026-03-28T02:30:00+01:00",
        "2026-03-29T03:30:00+02:00",
        "2026-03-30T02:30:00+02:00",
    ]


def test_an_endless_rule_prints_ten_and_one_that_ends_prints_all() -> None:
    assert len(lines("--rrule", "FREQ=DAILY")) == 10
    assert len(lines("--rrule", "FREQ=DAILY;COUNT=12")) == 12
    assert len(lines("--rrule", "FREQ=DAILY", "--last-date", "2026-12-09")) == 16


@pytest.mark.parametrize(
    "until",
    ["2026-11-26T05:00:00", "20261126T050000", "20261125T220000Z", "2026-11-26T05:00+07:00", "20261126"],
)
def test_until_is_inclusive_and_does_without_a_count(until: str) -> None:
    assert lines("--rrule", "FREQ=DAILY", "--until", until)[-1] == "2026-11-26T05:00:00+07:00"
    assert len(lines("--rrule", "FREQ=DAILY;BYHOUR=1,2,3,4,5", "--until", until)) == 11


def test_the_smaller_of_count_and_until_bounds_the_output() -> None:
    assert len(lines("--rrule", "FREQ=DAILY", "--until", "20261126", "--count", "2")) == 2
    assert len(lines("--rrule", "FREQ=DAILY", "--until", "20261126", "--count", "9")) == 3


def test_dates_may_be_repeated_or_stand_in_one_list() -> None:
    found = lines(
        *("--rrule", "FREQ=DAILY;COUNT=5"),
        *("--exdate", "2026-11-25T05:00:00,20261126T050000", "--exdate", "2026-11-27"),
        *("--rdate", "20261124T190000, 2026-11-24T20:00"),
    )
    assert [line[5:16] for line in found] == ["11-24T05:00", "11-24T19:00", "11-24T20:00", "11-28T05:00"]


def test_times_of_day_and_first_and_last_days_can_be_given() -> None:
    found = lines(
        *("--rrule", "FREQ=DAILY", "--time", "05:30,17:15"),
        *("--first-date", "2026-11-26", "--last-date", "2026-11-26"),
    )
    assert found == ["2026-11-26T05:30:00+07:00", "2026-11-26T17:15:00+07:00"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--rrule", "FREQ=HOURLY"], "unsupported_freq: "),
        (["--rrule", "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2"], "no_occurrence: "),
        (["--rrule", "FREQ=DAILY;COUNT=2;UNTIL=20261224"], "count_with_until: "),
        (["--zone", "Asia/Sai_Gon"], "bad_zone: "),
        (["--exdate", "tomorrow"], "bad_datetime: "),
        (["--rdate", "2026-12-24"], "date_without_time: "),
        (["--until", "never"], "bad_datetime: until: "),
        (["--dtstart", "2026-11-24"], "date_without_time: "),
        (["--dtstart", "2026-02-29T05:00"], "bad_datetime: "),
    ],
)
def test_what_is_refused_exits_with_2_and_the_reason_on_standard_error(
    arguments: list[str], reason: str
) -> None:
    result = expand("--dtstart", "2026-11-24T05:00:00", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(reason)


def test_wrong_usage_exits_with_2_as_well() -> None:
    assert expand().exit_code == 2
    assert expand("--dtstart", "2026-11-24T05:00:00", "--count", "0").exit_code == 2


@pytest.mark.slow
def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "schedules", "expand", "--dtstart", "2026-11-24T05:00:00"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(schedules.__file__).parents[1],
    )
    assert done.stdout == "2026-11-24T05:00:00+07:00\n"
