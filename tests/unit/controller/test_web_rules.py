"""What pages decide without a database: where a log-in leads, weeks, uptime, the map, summaries, formats."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.broadcasts.delivery import DeliveryState
from controller.web.fleet_map import chart
from controller.web.health import last_error, readings
from controller.web.log_in import local_path
from controller.web.outcome import WRONG, outcome_of
from controller.web.reader import Reader
from controller.web.uptime import stretches, whole
from controller.web.week import monday_of

NOON = datetime(2026, 11, 24, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
VI, EN = (Reader(language, ZoneInfo("Asia/Ho_Chi_Minh")) for language in ("vi", "en"))


@pytest.mark.parametrize("path", ["/", "/tuan?from=2026-11-23", "/phat/x#y"])
def test_a_log_in_leads_back_to_where_one_was(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "elsewhere",
    [
        "",
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "evil",
        "/\n/evil",
        "javascript:alert(1)",
    ],
)
def test_a_log_in_leads_nowhere_else(elsewhere: str) -> None:
    assert local_path(elsewhere) == "/"


@given(st.text(max_size=40))
def test_whatever_is_asked_for_a_log_in_leads_to_a_path_of_this_site(wanted: str) -> None:
    path = local_path(wanted)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))


@given(st.dates(date(2000, 1, 10), date(2199, 11, 1)))
def test_a_week_begins_on_the_monday_at_or_before_its_day(day: date) -> None:
    monday = monday_of(day.isoformat(), today=date(2026, 11, 24))
    assert monday.weekday() == 0
    assert timedelta() <= day - monday < timedelta(days=7)


@pytest.mark.parametrize("nonsense", ["", "yesterday", "2026-13-01", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_means_this_week(nonsense: str) -> None:
    assert monday_of(nonsense, today=date(2026, 11, 24)) == date(2026, 11, 23)


def test_uptime_counts_from_when_a_gateway_was_first_heard_of() -> None:
    bounds = [NOON + number * HOUR for number in range(4)]
    came, went = NOON + HOUR / 2, NOON + 1.75 * HOUR
    first, second, third = stretches([(came, True), (went, False)], bounds, bounds[-1])
    assert (first.share, second.share, third.share) == (1.0, 0.75, 0.0)
    assert first.known == HOUR / 2
    assert whole([first, second, third]).share == 0.5


def test_without_a_word_uptime_is_not_known_and_not_nought() -> None:
    (only,) = stretches([], [NOON, NOON + HOUR], NOON + HOUR)
    assert only.share is None
    assert VI.percent(only.share) == "–"


def test_uptime_of_an_hour_that_is_not_over_counts_until_now() -> None:
    bounds = [NOON + number * HOUR for number in range(4)]
    over, under_way, ahead = stretches([(NOON, True)], bounds, NOON + 1.5 * HOUR)
    assert (over.known, under_way.known, ahead.known) == (HOUR, HOUR / 2, timedelta())
    assert (over.share, under_way.share, ahead.share) == (1.0, 1.0, None)


@given(
    st.lists(st.tuples(st.integers(0, 500), st.booleans()), max_size=20),
    st.integers(0, 500),
)
def test_uptime_never_says_more_than_is_known(changes: list[tuple[int, bool]], now: int) -> None:
    bounds = [NOON + number * HOUR for number in range(9)]
    rows = [(NOON + timedelta(minutes=minute), online) for minute, online in sorted(changes)]
    for part in stretches(rows, bounds, NOON + timedelta(minutes=now)):
        assert timedelta() <= part.online <= part.known <= HOUR


@given(
    st.lists(st.tuples(st.floats(8.5, 23.3), st.floats(102.2, 109.4)), min_size=1, max_size=60),
)
def test_every_mark_is_on_the_map(coordinates: list[tuple[float, float]]) -> None:
    drawing = chart(coordinates)
    assert drawing is not None
    assert len(drawing.points) == len(coordinates)
    assert all(0 <= x <= drawing.width and 0 <= y <= drawing.height for x, y in drawing.points)


def test_the_map_has_north_above_and_east_to_the_right() -> None:
    drawing = chart([(9.4, 106.0), (9.5, 106.2)])
    assert drawing is not None
    (west_x, south_y), (east_x, north_y) = drawing.points
    assert west_x < east_x
    assert north_y < south_y


def test_no_coordinates_make_no_map() -> None:
    assert chart([]) is None


@given(
    st.lists(st.tuples(st.sampled_from(DeliveryState), st.none() | st.sampled_from(["late", "busy"]))),
)
def test_a_summary_leaves_no_gateway_out(
    states: list[tuple[DeliveryState, str | None]],
) -> None:
    outcome = outcome_of(states)
    assert outcome.total == len(states) == outcome.played + sum(part.count for part in outcome.parts)
    named = {part.state for part in outcome.parts}
    assert {state for state, _ in states if state in WRONG} <= named


def test_a_summary_gives_the_most_frequent_reason_first() -> None:
    outcome = outcome_of(
        [(DeliveryState.MISSED, "late"), (DeliveryState.MISSED, "busy"), (DeliveryState.MISSED, "busy")]
    )
    assert outcome.parts[0].reasons == (("busy", 2), ("late", 1))


def test_what_no_probe_heard_is_counted_beside_what_played() -> None:
    outcome = outcome_of([(DeliveryState.PLAYED, None)] * 3, unheard=2)
    assert (outcome.total, outcome.played, outcome.parts, outcome.unheard) == (3, 3, (), 2)


def test_what_a_box_cannot_tell_is_not_said_to_be_well() -> None:
    assert readings(None) == []
    assert all(reading.value is None and not reading.worrying for reading in readings({}))
    hot = next(each for each in readings({"temperature_c": 81.0}) if each.name == "temperature")
    assert hot.worrying


def test_what_cannot_be_read_is_told_from_what_is_not_there() -> None:
    found = {each.name: each for each in readings({"unreadable": ["signal", "power"], "temperature_c": 40.0})}
    assert [name for name, each in found.items() if each.unreadable] == ["power", "battery", "signal"]
    assert found["under_voltage"].by_sensor
    assert not found["temperature"].unreadable


@pytest.mark.parametrize(
    ("health", "name", "word", "worrying"),
    [
        ({"power": "mains"}, "power", "mains", False),
        ({"power": "battery", "battery_percent": 20}, "power", "battery", True),
        ({"under_voltage": False, "under_voltage_before": False}, "under_voltage", "no", False),
        ({"under_voltage": False, "under_voltage_before": True}, "under_voltage", "before", True),
        ({"under_voltage": True}, "under_voltage", "now", True),
        ({"clock_synchronised": False}, "synchronised", "no", True),
        ({"clock_synchronised": True}, "synchronised", "yes", False),
        ({"clock_vouched_by": "rtc"}, "vouched_by", "rtc", False),
        ({"clock_vouched_by": "nobody"}, "vouched_by", "nobody", True),
        ({"amplifier": "on"}, "amplifier", "on", False),
        ({"disk": "writable"}, "keeping", "writable", False),
        ({"disk": "read_only"}, "keeping", "read_only", True),
        ({"power": "a word of next year"}, "power", None, False),
    ],
)
def test_what_is_no_figure_is_said_in_a_word(
    health: dict[str, object], name: str, word: str | None, *, worrying: bool
) -> None:
    found = next(each for each in readings(health) if each.name == name)
    assert (found.word, found.worrying) == (word, worrying)


def test_the_last_error_is_shown_with_its_time_if_it_has_one() -> None:
    assert last_error(None) is None
    assert last_error({"last_error": None}) is None
    assert last_error({"last_error": "clip 12: broke off"}) == ("clip 12: broke off", None)
    dated = last_error({"last_error": "no device", "last_error_at": "2026-11-24T05:00:00Z"})
    assert dated == ("no device", NOON)


def test_times_are_those_of_the_wall_clock() -> None:
    assert VI.time(NOON) == "12:00"
    assert VI.time(NOON + timedelta(seconds=3)) == "12:00:03"
    assert VI.clock(NOON - timedelta(milliseconds=2)) == "12:00:00", "to the nearest second"
    assert VI.day(NOON) == "Thứ Ba, 24/11"
    assert EN.day(NOON) == "Tuesday, 24/11"
    assert VI.moment(NOON, NOON + HOUR) == "12:00"
    assert VI.moment(NOON, NOON + 24 * HOUR) == "12:00 24/11/2026"


@pytest.mark.parametrize(
    ("ms", "vietnamese", "english"),
    [
        (12_340, "12,3 giây", "12.3 s"),
        (83_000, "1 phút 23 giây", "1 min 23 s"),
        (3_900_000, "1 giờ 05 phút", "1 h 05 min"),
    ],
)
def test_lengths_are_said_as_people_say_them(ms: int, vietnamese: str, english: str) -> None:
    assert (VI.span(ms), EN.span(ms)) == (vietnamese, english)


def test_not_quite_always_is_not_a_hundred_per_cent() -> None:
    assert VI.percent(0.99999) == "99,9 %"
    assert VI.percent(1.0) == "100 %"


def test_how_long_ago_is_rounded() -> None:
    assert VI.since(NOON - timedelta(days=9), NOON) == "9 ngày"
    assert EN.since(NOON - timedelta(minutes=3), NOON) == "3 minutes"
