"""The broker dies, again and again (F1), then for long (F2): what was ordered sounds, once, and is told.

Both happen to one town, one after the other, so that starting it and waiting for everyone to be back is paid
for once. `LOACAST_FAULTS_MINUTES` makes both as long as that.
"""

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from support.broadcasting import now, wait_until, whole_second_in
from support.eventually import eventually
from support.soak import soaked
from support.timetable import Timetable
from support.town import Town, running_town

pytestmark = [pytest.mark.slow, pytest.mark.timeout(soaked(300))]

EVERYONE = ["Địa bàn đài Đại Ân 2"]
KILLS = 20
SOUND_MS, APART = 1_500, timedelta(seconds=2)
ORDERED_AT_ONCE = (2, 5)
"""Numbers of slots with which somebody orders something else to be played at once."""
BUSY = "31672-003"
"""Where that is played; a slot may have to wait for it there."""
SLOTS = soaked(8, a_minute=30)
SLOTS_OF_THE_OUTAGE = soaked(3, a_minute=30)
BACK_S, TOLD_S = 30, 120
"""trust.md §9, F1 and F2."""
GREETING_S = 2
"""The longest pause between two tries is half a minute; then both ends greet the broker, and we look."""
ON_TIME = timedelta(seconds=1)


@dataclass
class Course:
    """What happened."""

    town: Town
    timetable: Timetable
    slots: dict[str, datetime] = field(default_factory=dict)
    ordered_at_once: list[str] = field(default_factory=list)
    killed: int = 0
    slots_of_the_outage: dict[str, datetime] = field(default_factory=dict)
    healed_at: datetime | None = None
    back_at: datetime | None = None


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    directory = tmp_path_factory.mktemp("faults")
    with running_town(directory / "town", gateways=3) as town:
        timetable = Timetable(town, length_ms=SOUND_MS)
        course = Course(town, timetable)
        first_at = whole_second_in(6)
        for number in range(SLOTS + SLOTS_OF_THE_OUTAGE):
            start_at = first_at + APART * number
            slots = course.slots if number < SLOTS else course.slots_of_the_outage
            slots[timetable.at(start_at, areas=EVERYONE)] = start_at
        timetable.fetched([*course.slots, *course.slots_of_the_outage])
        wait_until(first_at - timedelta(seconds=0.5))
        _kill_again_and_again(course, first_at)
        _stay_dead(course)
        yield course


def _kill_again_and_again(course: Course, first_at: datetime) -> None:
    """F1: at random instants while the slots sound and orders come in."""
    dice, broker = random.Random(20261124), course.town.broker
    over, pause = threading.Event(), threading.Event()

    def kill() -> None:
        while course.killed < KILLS or not over.is_set():
            broker.kill()
            course.killed += 1
            pause.wait(dice.uniform(0.05, 0.2))
            broker.start()
            pause.wait(dice.uniform(0.1, 0.4))

    killer = threading.Thread(target=kill)
    killer.start()
    for number in ORDERED_AT_ONCE:
        wait_until(first_at + APART * number)
        course.ordered_at_once.append(course.timetable.now(gateways=[BUSY]))
    wait_until(first_at + APART * SLOTS - timedelta(seconds=1))
    over.set()
    killer.join()


def _stay_dead(course: Course) -> None:
    """F2: over the slots that are left."""
    course.town.broker.kill()
    wait_until(max(course.slots_of_the_outage.values()) + APART)
    course.town.broker.start()
    course.healed_at = healed_at = now()
    eventually(lambda: _all_heard_since(course, healed_at), TOLD_S, "everyone is back")
    course.back_at = now()


def _all_heard_since(course: Course, instant: datetime) -> bool:
    gateways = course.timetable.api.gateways().values()
    return all(datetime.fromisoformat(each["heard_at"]) > instant for each in gateways)


def test_every_slot_sounds_on_time_while_the_broker_is_killed_twenty_times(course: Course) -> None:
    assert course.killed >= KILLS
    course.timetable.settled(TOLD_S)
    assert _started_late(course, course.slots) == []


def test_every_slot_of_an_outage_sounds_on_time_and_is_told_after_it(course: Course) -> None:
    course.timetable.settled(TOLD_S)
    assert _started_late(course, course.slots_of_the_outage) == []


def test_everyone_is_back_within_half_a_minute(course: Course) -> None:
    assert course.healed_at is not None
    assert course.back_at is not None
    assert (course.back_at - course.healed_at).total_seconds() <= BACK_S + GREETING_S


def test_nothing_is_lost_doubled_or_told_wrongly(course: Course) -> None:
    course.timetable.settled(TOLD_S)
    assert course.timetable.violations(course.healed_at) == []
    for broadcast_id in (*course.slots, *course.slots_of_the_outage, *course.ordered_at_once):
        states = {each["state"] for each in course.timetable.deliveries(broadcast_id).values()}
        assert states == {"played"}


def _started_late(course: Course, slots: dict[str, datetime]) -> list[tuple[str, str, str]]:
    return [
        (broadcast_id, gateway_id, delivery["started_at"])
        for broadcast_id, start_at in slots.items()
        for gateway_id, delivery in course.timetable.deliveries(broadcast_id).items()
        if gateway_id != BUSY and abs(datetime.fromisoformat(delivery["started_at"]) - start_at) > ON_TIME
    ]
