"""A cable is pulled for long (F12), another one comes and goes (F13): plans are played, orders are not lost.

Both happen to one town at once, each to a gateway of its own; a third one is well. How soon a gateway that is
cut off shows offline is measured in `tests/e2e/test_connectivity.py`, in its real 45 s.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from support.broadcasting import now, wait_until, whole_second_in
from support.netns import Bed, network_bed
from support.soak import soaked
from support.timetable import Timetable
from support.town import Town, running_town

pytestmark = [pytest.mark.slow, pytest.mark.timeout(soaked(300))]

CUT_OFF, FLAPPING, WELL = GATEWAYS = ("31672-001", "31672-002", "31672-003")
UP_S, DOWN_S = 2, 5
"""trust.md has 5 s and 25 s: the same share, so that the gateway has to begin anew each time."""
FLAPS = soaked(3, a_minute=9)
EVERY = timedelta(seconds=6)
SLOTS = soaked(4, a_minute=10)
TOLD_S, ON_TIME = 120, timedelta(seconds=1)
ALARMS_IN_TEN_MINUTES = 1


@dataclass
class Course:
    """What happened."""

    timetable: Timetable
    slots: dict[str, datetime] = field(default_factory=dict)
    orders: list[str] = field(default_factory=list)
    began_at: datetime | None = None
    healed_at: datetime | None = None


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    directory = tmp_path_factory.mktemp("links")
    with (
        network_bed(*GATEWAYS) as bed,
        bed.controller.inside(),
        running_town(directory / "town", len(GATEWAYS), bed) as town,
    ):
        yield _let_it_happen(town, bed)


def _let_it_happen(town: Town, bed: Bed) -> Course:
    timetable = Timetable(town, length_ms=1_500)
    course = Course(timetable)
    town.wait_for_beats(*GATEWAYS)
    first_at = whole_second_in(5)
    for number in range(SLOTS):
        start_at = first_at + EVERY * number
        course.slots[timetable.at(start_at, gateways=GATEWAYS)] = start_at
    timetable.fetched(course.slots)
    course.began_at = now()
    bed.gateways[CUT_OFF].link.down()
    flapping = bed.gateways[FLAPPING].link
    for _ in range(FLAPS):
        flapping.down()
        course.orders.append(timetable.now(gateways=[FLAPPING]))
        wait_until(now() + timedelta(seconds=DOWN_S))
        flapping.up()
        wait_until(now() + timedelta(seconds=UP_S))
    wait_until(max(course.slots.values()) + timedelta(seconds=2))
    bed.gateways[CUT_OFF].link.up()
    course.healed_at = now()
    timetable.settled(TOLD_S)
    return course


def test_every_planned_slot_sounds_on_time_without_a_network(course: Course) -> None:
    for broadcast_id, start_at in course.slots.items():
        told = course.timetable.deliveries(broadcast_id)
        assert {each["state"] for each in told.values()} == {"played"}
        for gateway_id in (CUT_OFF, WELL):
            started_at = datetime.fromisoformat(told[gateway_id]["started_at"])
            assert abs(started_at - start_at) <= ON_TIME, (gateway_id, start_at)


def test_every_order_to_a_flapping_gateway_is_done_or_visibly_over(course: Course) -> None:
    states = [course.timetable.deliveries(each)[FLAPPING]["state"] for each in course.orders]
    assert set(states) <= {"played", "missed", "expired"}, states
    assert "played" in states


def test_a_flapping_gateway_is_no_stream_of_alarms(course: Course) -> None:
    history = course.timetable.api.get(f"/gateways/{FLAPPING}")["connectivity"]
    assert course.began_at is not None
    gone = [
        row for row in history if not row["online"] and datetime.fromisoformat(row["at"]) > course.began_at
    ]
    assert len(gone) <= ALARMS_IN_TEN_MINUTES, gone


def test_nothing_is_lost_doubled_or_told_wrongly(course: Course) -> None:
    assert course.timetable.violations(course.healed_at) == []
