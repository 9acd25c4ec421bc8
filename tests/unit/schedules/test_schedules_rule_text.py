"""Reading an RRULE strictly: what is taken, and what is refused with which code."""

from contextlib import suppress
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.errors import Refusal, UnsupportedRule
from schedules.rule_text import ByDay, Frequency, Rule, Weekday, parse_rule


def test_a_rule_becomes_values_sorted_and_without_repeats() -> None:
    text = (
        "FREQ=MONTHLY;INTERVAL=2;COUNT=9;BYDAY=FR,-1SU,2TU,FR;BYMONTH=12,1,1;BYHOUR=17,5;BYMINUTE=30;WKST=SU"
    )
    assert parse_rule(text) == Rule(
        frequency=Frequency.MONTHLY,
        interval=2,
        count=9,
        by_day=(ByDay(Weekday.SU, -1), ByDay(Weekday.FR), ByDay(Weekday.TU, 2)),
        by_month=(1, 12),
        by_hour=(5, 17),
        by_minute=(30,),
        week_start=Weekday.SU,
    )


@pytest.mark.parametrize(
    "text",
    ["FREQ=DAILY", "RRULE:FREQ=DAILY", "rrule:freq=daily", "FREQ=DAILY;", "FREQ=DAILY;INTERVAL=1;WKST=MO"],
)
def test_prefix_case_a_last_semicolon_and_defaults_written_out_change_nothing(text: str) -> None:
    assert parse_rule(text) == Rule(Frequency.DAILY)


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("20261224", date(2026, 12, 24)),
        ("20261224T050000", datetime(2026, 12, 24, 5)),  # noqa: DTZ001 - wall-clock time
        ("20261223T220000Z", datetime(2026, 12, 23, 22, tzinfo=UTC)),
    ],
)
def test_until_is_a_day_a_local_time_or_an_instant(text: str, until: date) -> None:
    assert parse_rule(f"FREQ=DAILY;UNTIL={text}").until == until


REFUSED = [
    ("", Refusal.BAD_SYNTAX, None),
    ("DAILY", Refusal.BAD_SYNTAX, None),
    ("FREQ=DAILY;;COUNT=2", Refusal.BAD_SYNTAX, None),
    ("FREQ=DAILY;COUNT=", Refusal.BAD_SYNTAX, None),
    ("FREQ=DAILY;" + "BYHOUR=" + "1," * 600, Refusal.BAD_SYNTAX, None),
    ("FREQ=DAILY;X-MOON=FULL", Refusal.UNKNOWN_PART, "X-MOON"),
    ("FREQ=DAILY; COUNT=2", Refusal.UNKNOWN_PART, " COUNT"),
    ("FREQ=DAILY;COUNT=2;COUNT=3", Refusal.DUPLICATE_PART, "COUNT"),
    ("INTERVAL=2", Refusal.MISSING_FREQ, "FREQ"),
    ("FREQ=HOURLY", Refusal.UNSUPPORTED_FREQ, "FREQ"),
    ("FREQ=MINUTELY;INTERVAL=15", Refusal.UNSUPPORTED_FREQ, "FREQ"),
    ("FREQ=SECONDLY", Refusal.UNSUPPORTED_FREQ, "FREQ"),
    ("FREQ=FORTNIGHTLY", Refusal.BAD_VALUE, "FREQ"),
    ("FREQ=YEARLY;BYYEARDAY=100", Refusal.UNSUPPORTED_PART, "BYYEARDAY"),
    ("FREQ=YEARLY;BYWEEKNO=20", Refusal.UNSUPPORTED_PART, "BYWEEKNO"),
    ("FREQ=YEARLY;BYEASTER=0", Refusal.UNSUPPORTED_PART, "BYEASTER"),
    ("RSCALE=CHINESE;FREQ=YEARLY", Refusal.UNSUPPORTED_PART, "RSCALE"),
    ("FREQ=MONTHLY;SKIP=BACKWARD", Refusal.UNSUPPORTED_PART, "SKIP"),
    ("FREQ=DAILY;BYSECOND=30", Refusal.UNSUPPORTED_PART, "BYSECOND"),
    ("FREQ=DAILY;BYSECOND=0,30", Refusal.UNSUPPORTED_PART, "BYSECOND"),
    ("FREQ=DAILY;BYSECOND=60", Refusal.BAD_VALUE, "BYSECOND"),
    ("FREQ=DAILY;INTERVAL=0", Refusal.BAD_VALUE, "INTERVAL"),
    ("FREQ=DAILY;INTERVAL=-1", Refusal.BAD_VALUE, "INTERVAL"),
    ("FREQ=DAILY;INTERVAL=10000", Refusal.BAD_VALUE, "INTERVAL"),
    ("FREQ=DAILY;INTERVAL=" + "9" * 500, Refusal.BAD_VALUE, "INTERVAL"),
    ("FREQ=DAILY;INTERVAL=١", Refusal.BAD_VALUE, "INTERVAL"),
    ("FREQ=DAILY;COUNT=0", Refusal.BAD_VALUE, "COUNT"),
    ("FREQ=DAILY;COUNT=1.5", Refusal.BAD_VALUE, "COUNT"),
    ("FREQ=DAILY;UNTIL=tomorrow", Refusal.BAD_DATETIME, "UNTIL"),
    ("FREQ=DAILY;UNTIL=20260230", Refusal.BAD_DATETIME, "UNTIL"),
    ("FREQ=DAILY;COUNT=2;UNTIL=20261224", Refusal.COUNT_WITH_UNTIL, "COUNT"),
    ("FREQ=WEEKLY;BYDAY=XX", Refusal.BAD_VALUE, "BYDAY"),
    ("FREQ=WEEKLY;BYDAY=MO,", Refusal.BAD_VALUE, "BYDAY"),
    ("FREQ=WEEKLY;BYDAY=2TU", Refusal.ORDINAL_NOT_ALLOWED, "BYDAY"),
    ("FREQ=DAILY;BYDAY=-1FR", Refusal.ORDINAL_NOT_ALLOWED, "BYDAY"),
    ("FREQ=MONTHLY;BYDAY=0MO", Refusal.BAD_VALUE, "BYDAY"),
    ("FREQ=MONTHLY;BYDAY=6MO", Refusal.BAD_VALUE, "BYDAY"),
    ("FREQ=YEARLY;BYMONTH=1;BYDAY=6MO", Refusal.BAD_VALUE, "BYDAY"),
    ("FREQ=YEARLY;BYDAY=54MO", Refusal.BAD_VALUE, "BYDAY"),
    ("FREQ=WEEKLY;BYMONTHDAY=1", Refusal.BYMONTHDAY_WITH_WEEKLY, "BYMONTHDAY"),
    ("FREQ=MONTHLY;BYMONTHDAY=0", Refusal.BAD_VALUE, "BYMONTHDAY"),
    ("FREQ=MONTHLY;BYMONTHDAY=32", Refusal.BAD_VALUE, "BYMONTHDAY"),
    ("FREQ=MONTHLY;BYMONTHDAY=-32", Refusal.BAD_VALUE, "BYMONTHDAY"),
    ("FREQ=YEARLY;BYMONTH=13", Refusal.BAD_VALUE, "BYMONTH"),
    ("FREQ=YEARLY;BYMONTH=-1", Refusal.BAD_VALUE, "BYMONTH"),
    ("FREQ=YEARLY;BYMONTH=5L", Refusal.BAD_VALUE, "BYMONTH"),
    ("FREQ=DAILY;BYHOUR=24", Refusal.BAD_VALUE, "BYHOUR"),
    ("FREQ=DAILY;BYHOUR=+5", Refusal.BAD_VALUE, "BYHOUR"),
    ("FREQ=DAILY;BYMINUTE=60", Refusal.BAD_VALUE, "BYMINUTE"),
    ("FREQ=WEEKLY;WKST=XX", Refusal.BAD_VALUE, "WKST"),
    ("FREQ=MONTHLY;BYSETPOS=1", Refusal.BYSETPOS_ALONE, "BYSETPOS"),
    ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0", Refusal.BAD_VALUE, "BYSETPOS"),
    ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=367", Refusal.BAD_VALUE, "BYSETPOS"),
    (
        "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=" + ",".join(map(str, range(13))),
        Refusal.TOO_MANY_TIMES,
        "BYMINUTE",
    ),
]


@pytest.mark.parametrize(("text", "code", "part"), REFUSED)
def test_what_is_not_supported_is_refused_with_a_code_and_the_part(
    text: str, code: Refusal, part: str | None
) -> None:
    with pytest.raises(UnsupportedRule) as refused:
        parse_rule(text)
    assert (refused.value.code, refused.value.part) == (code, part)
    assert refused.value.reason


@given(
    st.text(max_size=60)
    | st.lists(
        st.tuples(
            st.sampled_from(["FREQ", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYSETPOS", "WKST", "X"]),
            st.sampled_from(["DAILY", "MONTHLY", "MO", "1MO", "-1", "0", "20260101", "²", "1,2", ","]),
        ).map("=".join),
        max_size=5,
    ).map(";".join)
)
def test_any_text_is_a_rule_or_is_refused_and_nothing_else_happens(text: str) -> None:
    with suppress(UnsupportedRule):
        assert isinstance(parse_rule(text), Rule)
