"""The examples of RFC 5545 section 3.8.5.3, with the dates the RFC gives; and those we refuse, with the code.

All are in America/New_York, at 09:00 unless said. For "forever" the RFC's own first dates are compared.
"""

from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from schedules.errors import Refusal, UnsupportedRule
from schedules.rules import occurrences, parse

ZONE = "America/New_York"

JANUARY = " ".join(f"{day:02}" for day in range(1, 32))
SUMMER_THURSDAYS = """1997-06: 05 12 19 26 / 07: 03 10 17 24 31 / 08: 07 14 21 28
    1998-06: 04 11 18 25 / 07: 02 09 16 23 30 / 08: 06 13 20 27
    1999-06: 03 10 17 24 / 07: 01 08 15 22 29 / 08: 05 12 19 26"""
AUTUMN_1997 = "1997-09: " + " ".join(f"{day:02}" for day in range(2, 31))
AUTUMN_1997 += " / 10: " + " ".join(f"{day:02}" for day in range(1, 32))
AUTUMN_1997 += " / 11: " + " ".join(f"{day:02}" for day in range(1, 31))
AUTUMN_1997 += " / 12: " + " ".join(f"{day:02}" for day in range(1, 24))

EXAMPLES = [
    ("19970902", "FREQ=DAILY;COUNT=10", "1997-09: 02 03 04 05 06 07 08 09 10 11"),
    ("19970902", "FREQ=DAILY;UNTIL=19971224T000000Z", AUTUMN_1997),
    (
        "19970902",
        "FREQ=DAILY;INTERVAL=2",
        "1997-09: 02 04 06 08 10 12 14 16 18 20 22 24 26 28 30 / 10: 02 04 06",
    ),
    ("19970902", "FREQ=DAILY;INTERVAL=10;COUNT=5", "1997-09: 02 12 22 / 10: 02 12"),
    (
        "19980101",
        "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
        f"1998-01: {JANUARY}\n1999-01: {JANUARY}\n2000-01: {JANUARY}",
    ),
    (
        "19980101",
        "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1",
        f"1998-01: {JANUARY}\n1999-01: {JANUARY}\n2000-01: {JANUARY}",
    ),
    ("19970902", "FREQ=WEEKLY;COUNT=10", "1997-09: 02 09 16 23 30 / 10: 07 14 21 28 / 11: 04"),
    (
        "19970902",
        "FREQ=WEEKLY;UNTIL=19971224T000000Z",
        "1997-09: 02 09 16 23 30 / 10: 07 14 21 28 / 11: 04 11 18 25 / 12: 02 09 16 23",
    ),
    (
        "19970902",
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
        "1997-09: 02 16 30 / 10: 14 28 / 11: 11 25 / 12: 09 23\n1998-01: 06 20 / 02: 03 17",
    ),
    (
        "19970902",
        "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
        "1997-09: 02 04 09 11 16 18 23 25 30 / 10: 02",
    ),
    ("19970902", "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH", "1997-09: 02 04 09 11 16 18 23 25 30 / 10: 02"),
    (
        "19970901",
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        """1997-09: 01 03 05 15 17 19 29 / 10: 01 03 13 15 17 27 29 31
        1997-11: 10 12 14 24 26 28 / 12: 08 10 12 22""",
    ),
    (
        "19970902",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
        "1997-09: 02 04 16 18 30 / 10: 02 14 16",
    ),
    (
        "19970905",
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "1997-09: 05 / 10: 03 / 11: 07 / 12: 05\n1998-01: 02 / 02: 06 / 03: 06 / 04: 03 / 05: 01 / 06: 05",
    ),
    ("19970905", "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR", "1997-09: 05 / 10: 03 / 11: 07 / 12: 05"),
    (
        "19970907",
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "1997-09: 07 28 / 11: 02 30\n1998-01: 04 25 / 03: 01 29 / 05: 03 31",
    ),
    (
        "19970922",
        "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
        "1997-09: 22 / 10: 20 / 11: 17 / 12: 22\n1998-01: 19 / 02: 16",
    ),
    (
        "19970928",
        "FREQ=MONTHLY;BYMONTHDAY=-3",
        "1997-09: 28 / 10: 29 / 11: 28 / 12: 29\n1998-01: 29 / 02: 26",
    ),
    (
        "19970902",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
        "1997-09: 02 15 / 10: 02 15 / 11: 02 15 / 12: 02 15\n1998-01: 02 15",
    ),
    (
        "19970930",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "1997-09: 30 / 10: 01 31 / 11: 01 30 / 12: 01 31\n1998-01: 01 31 / 02: 01",
    ),
    (
        "19970910",
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "1997-09: 10 11 12 13 14 15\n1999-03: 10 11 12 13",
    ),
    (
        "19970902",
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "1997-09: 02 09 16 23 30 / 11: 04 11 18 25\n1998-01: 06 13 20 27 / 03: 03 10 17 24 31",
    ),
    (
        "19970610",
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "\n".join(f"{year}-06: 10 / 07: 10" for year in range(1997, 2002)),
    ),
    (
        "19970310",
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "1997-03: 10\n" + "\n".join(f"{year}-01: 10 / 02: 10 / 03: 10" for year in (1999, 2001, 2003)),
    ),
    ("19970519", "FREQ=YEARLY;BYDAY=20MO", "1997-05: 19\n1998-05: 18\n1999-05: 17"),
    (
        "19970313",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "1997-03: 13 20 27\n1998-03: 05 12 19 26\n1999-03: 04 11 18 25",
    ),
    ("19970605", "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8", SUMMER_THURSDAYS),
    (
        "19970902",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "1998-02: 13 / 03: 13 / 11: 13\n1999-08: 13\n2000-10: 13",
    ),
    (
        "19970913",
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "1997-09: 13 / 10: 11 / 11: 08 / 12: 13\n1998-01: 10 / 02: 07 / 03: 07 / 04: 11 / 05: 09 / 06: 13",
    ),
    (
        "19961105",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "1996-11: 05\n2000-11: 07\n2004-11: 02",
    ),
    ("19970904", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09: 04 / 10: 07 / 11: 06"),
    (
        "19970929",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
        "1997-09: 29 / 10: 30 / 11: 27 / 12: 30\n1998-01: 29 / 02: 26 / 03: 30",
    ),
    ("19970805", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997-08: 05 10 19 24"),
    ("19970805", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997-08: 05 17 19 31"),
    ("20070115", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "2007-01: 15 30 / 02: 15 / 03: 15 30"),
]

REFUSED = [
    ("FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200", Refusal.UNSUPPORTED_PART),
    ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", Refusal.UNSUPPORTED_PART),
    ("FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000Z", Refusal.UNSUPPORTED_FREQ),
    ("FREQ=MINUTELY;INTERVAL=15;COUNT=6", Refusal.UNSUPPORTED_FREQ),
    ("FREQ=MINUTELY;INTERVAL=90;COUNT=4", Refusal.UNSUPPORTED_FREQ),
    ("FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16", Refusal.UNSUPPORTED_FREQ),
]


def days(text: str) -> list[str]:
    """``1997-09: 02 03 / 10: 01`` becomes ISO dates."""
    found = []
    for line in text.strip().splitlines():
        year, months = line.strip().split("-", 1)
        for month in months.split("/"):
            number, list_of_days = month.split(":")
            found += [f"{year}-{number.strip()}-{day}" for day in list_of_days.split()]
    return found


@pytest.mark.parametrize(("first", "rrule", "expected"), EXAMPLES)
def test_an_example_of_the_rfc_gives_the_dates_of_the_rfc(first: str, rrule: str, expected: str) -> None:
    recurrence = parse(dtstart=f"{first}T090000", rrule=rrule, zone=ZONE)
    wanted = [
        datetime.fromisoformat(f"{day}T09:00:00").replace(tzinfo=ZoneInfo(ZONE)) for day in days(expected)
    ]
    found = list(islice(occurrences(recurrence), len(wanted) + (0 if recurrence.is_endless else 1)))
    assert found == wanted


def test_friday_the_13th_with_its_exdate_is_the_same_as_without() -> None:
    recurrence = parse(
        dtstart="19970902T090000",
        rrule="FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        exdates=["19970902T090000"],
        zone=ZONE,
    )
    found = [f"{instant:%Y-%m-%d}" for instant in occurrences(recurrence, limit=5)]
    assert found == ["1998-02-13", "1998-03-13", "1998-11-13", "1999-08-13", "2000-10-13"]


def test_every_20_minutes_from_9_to_16_40_every_day() -> None:
    recurrence = parse(
        dtstart="19970902T090000",
        rrule="FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40",
        zone=ZONE,
    )
    found = [f"{at.astimezone(ZoneInfo(ZONE)):%d %H:%M}" for at in occurrences(recurrence, limit=26)]
    one_day = [f"{hour:02}:{minute:02}" for hour in range(9, 17) for minute in (0, 20, 40)]
    assert found == [f"02 {at}" for at in one_day] + ["03 09:00", "03 09:20"]


@pytest.mark.parametrize(("rrule", "code"), REFUSED)
def test_an_example_of_the_rfc_outside_the_subset_is_refused_with_its_code(rrule: str, code: Refusal) -> None:
    with pytest.raises(UnsupportedRule) as refused:
        parse(dtstart="19970902T090000", rrule=rrule, zone=ZONE)
    assert refused.value.code is code
