"""One town in which every gateway has a trouble of its own, for half a minute.

F16: two of them hear their broker through bad weather (`support.mqtt_proxy`). F17: four have a wrong clock
(`support.wrong_clock`): 1970, a year ahead, a year behind, and one that is set ten minutes ahead and back.
F19: one gets two emergencies into a routine item, and cancellations at the last moment.
"""

import itertools
import random
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from support.broadcasting import now, wait_until, whole_second_in
from support.checker import violations
from support.eventually import eventually
from support.evidence import Evidence
from support.listening import listen
from support.mqtt_proxy import MqttProxy, Weather
from support.timetable import Timetable
from support.town import Town
from support.wrong_clock import WrongClock

from device_agent.journal import JOURNAL_FILE, SqliteJournal
from wire.credential import read_credential, write_credential

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

IN_BAD_WEATHER = ("31672-001", "31672-002")
IN_1970, YEAR_AHEAD, YEAR_BEHIND, SET = "31672-003", "31672-004", "31672-005", "31672-006"
PREEMPTED = "31672-007"
WRONG_FROM_THE_START = (IN_1970, YEAR_AHEAD, YEAR_BEHIND)
YEAR_S, STEP_S = 365 * 86_400, 600
WEATHER = Weather(delay_s=2.0, doubled=0.2, window=10)
ON_THE_WAY_UP = Weather(delay_s=2.0, doubled=0.2, window=1)
"""Reports that overtake each other are said again after half a minute: harmless, and too long for here."""
SOUND_MS = 1_200
BEHIND_MS = 5_000
"""Long enough for an emergency that a busy machine orders late to find it sounding."""
LATE_MS = 2_000
KNOWN_S, EMERGENCY_S = 60, 30
"""trust.md §9, F17; an emergency begins within 30 s even on a lossy line (F14)."""


def at_second(start_at: datetime, seconds: float) -> datetime:
    return start_at + timedelta(seconds=seconds)


@dataclass
class Course:
    """What happened."""

    town: Town
    timetable: Timetable
    proxies: list[MqttProxy]
    clocks: Mapping[str, WrongClock]
    known_after_s: dict[str, float] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)
    healed_at: datetime | None = None
    evidence: Evidence | None = None

    def states(self, what: str, gateway_id: str) -> list[tuple[str, str | None]]:
        told = [self.timetable.deliveries(each)[gateway_id] for each in self.ids[what]]
        return [(each["state"], each["reason"]) for each in told]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    directory = tmp_path_factory.mktemp("troubles")
    with ExitStack() as ending:
        town = Town(directory / "town", gateways=7)
        ending.callback(town.stop)
        proxies = [_into_bad_weather(town, gateway_id, ending) for gateway_id in IN_BAD_WEATHER]
        ahead_s = {IN_1970: 10 - now().timestamp(), YEAR_AHEAD: YEAR_S, YEAR_BEHIND: -YEAR_S, SET: 0.0}
        clocks = {each: WrongClock(directory / f"{each}.clock", ahead_s[each]) for each in ahead_s}
        for gateway_id, clock in clocks.items():
            town.agents[gateway_id].environment.update(clock.environment)
        began_at = now()
        town.start()
        course = Course(town, Timetable(town, length_ms=SOUND_MS), proxies, clocks)
        for gateway_id in WRONG_FROM_THE_START:
            eventually(lambda each=gateway_id: _offset_s(course, each), KNOWN_S, "its clock is known")  # type: ignore[misc]
            course.known_after_s[gateway_id] = (now() - began_at).total_seconds()
        town.wait_for_beats(SET)
        _let_it_happen(course)
        yield course


def _into_bad_weather(town: Town, gateway_id: str, ending: ExitStack) -> MqttProxy:
    dice = random.Random(gateway_id)
    proxy = MqttProxy(town.broker.host, town.broker.port, WEATHER, dice, up=ON_THE_WAY_UP)
    ending.callback(proxy.stop)
    path = town.directory / f"{gateway_id}.json"
    write_credential(replace(read_credential(path), broker_port=proxy.port), path)
    return proxy


def _offset_s(course: Course, gateway_id: str) -> float:
    """Return what the controller knows of a clock: its own minus the gateway's; 0 if nothing."""
    return (course.timetable.api.gateways()[gateway_id]["clock_offset_ms"] or 0) / 1000


def _let_it_happen(course: Course) -> None:
    timetable, ids, clock = course.timetable, course.ids, course.clocks[SET]
    first_at = whole_second_in(12)

    def routine(start_at: datetime) -> str:
        return timetable.at(start_at, gateways=course.clocks, late_limit_ms=LATE_MS)

    # Each of these makes a new plan; those in bad weather get them as they come.
    ids["routine"] = [routine(at_second(first_at, each)) for each in (0, 6)]
    ids["behind"] = [timetable.at(at_second(first_at, 3), gateways=[PREEMPTED], length_ms=BEHIND_MS)]
    ids["cancelled"] = [
        timetable.at(at_second(first_at, each), gateways=[PREEMPTED], late_limit_ms=LATE_MS)
        for each in (9, 11)
    ]
    timetable.cancel(ids["cancelled"][1])
    ids["weather"] = [
        timetable.at(at_second(first_at, 2 * each), gateways=IN_BAD_WEATHER) for each in range(4)
    ]
    ids["weather"] += [timetable.now(gateways=IN_BAD_WEATHER) for _ in range(2)]
    ids["emergency"] = [timetable.now(gateways=course.clocks, priority="emergency")]
    wait_until(at_second(first_at, 2))
    clock.step_to(STEP_S)
    stepped_at = now()
    wait_until(at_second(first_at, 3.5))
    ids["above"] = [timetable.now(gateways=[PREEMPTED], priority="emergency") for _ in range(2)]
    wait_until(at_second(first_at, 8))
    timetable.cancel(ids["cancelled"][0])
    eventually(lambda: abs(_offset_s(course, SET) + STEP_S) < 5, KNOWN_S, "the step is known")
    course.known_after_s[SET] = (now() - stepped_at).total_seconds()
    wait_until(at_second(first_at, 9))
    clock.step_to(0.0)
    eventually(lambda: abs(_offset_s(course, SET)) < 5, KNOWN_S, "it is known to be right again")
    ids["routine"].append(routine(whole_second_in(6)))
    course.healed_at = first_at
    timetable.settled(120)
    recordings = {each: course.town.recording(each) for each in course.town.gateway_ids}
    recordings |= {each: course.clocks[each].put_right(recordings[each]) for each in course.clocks}
    course.evidence = timetable.evidence(course.healed_at, recordings)


def test_nothing_is_lost_doubled_astray_or_told_wrongly(course: Course) -> None:
    assert course.evidence is not None
    assert violations(course.evidence) == []


def test_late_doubled_and_disordered_messages_do_no_harm(course: Course) -> None:
    for gateway_id, proxy in zip(IN_BAD_WEATHER, course.proxies, strict=True):
        assert {state for state, _ in course.states("weather", gateway_id)} == {"played"}
        assert proxy.tally.doubled >= 3, proxy.tally
        assert proxy.tally.overtaken >= 3, proxy.tally
    refusals = [(each["gateway_id"], each["reason"]) for each in course.timetable.api.get("/security-events")]
    # A plan that a newer one has overtaken can be told from an attack by nobody; a repeated order can.
    assert set(refusals) <= {(each, "replayed") for each in IN_BAD_WEATHER}, "a wrong clock is no attack"


def test_an_older_plan_never_takes_the_place_of_a_newer_one(course: Course) -> None:
    registry = course.timetable.api.gateways()
    for gateway_id in IN_BAD_WEATHER:
        journal = SqliteJournal.open_to_read(course.town.directory / gateway_id / JOURNAL_FILE)
        held = journal.load()
        journal.close()
        assert held.plan is not None
        assert held.plan.version == registry[gateway_id]["plan_version"]


@pytest.mark.parametrize("gateway_id", [*WRONG_FROM_THE_START, SET])
def test_a_wrong_clock_is_known_to_the_controller_within_a_minute(course: Course, gateway_id: str) -> None:
    assert course.known_after_s[gateway_id] <= KNOWN_S


@pytest.mark.parametrize("gateway_id", [*WRONG_FROM_THE_START, SET])
def test_an_emergency_sounds_whatever_the_clock_says(course: Course, gateway_id: str) -> None:
    assert course.states("emergency", gateway_id) == [("played", None)]
    (broadcast_id,) = course.ids["emergency"]
    told = course.timetable.deliveries(broadcast_id)[gateway_id]
    ordered_at = datetime.fromisoformat(course.timetable.api.get(f"/broadcasts/{broadcast_id}")["start_at"])
    took_s = (datetime.fromisoformat(told["started_at"]) - ordered_at).total_seconds()
    assert 0 <= took_s <= EMERGENCY_S, "by the real time, whatever its own clock says"


@pytest.mark.parametrize("gateway_id", WRONG_FROM_THE_START)
def test_nothing_routine_sounds_by_a_wrong_clock(course: Course, gateway_id: str) -> None:
    said = course.states("routine", gateway_id)
    assert {state for state, _ in said} == {"missed"}
    assert {reason for _, reason in said} == {"clock_untrusted"}


def test_a_clock_that_is_set_wrong_and_right_again_costs_what_was_due_meanwhile(course: Course) -> None:
    said = course.states("routine", SET)
    assert said == [("played", None), ("missed", "clock_untrusted"), ("played", None)]


def test_two_emergencies_go_before_a_routine_item_and_it_comes_back_after_them(course: Course) -> None:
    assert course.evidence is not None
    (behind,), above = course.ids["behind"], course.ids["above"]
    sounds = {each.broadcast_id: each.sound for each in course.evidence.told}
    heard = listen(course.evidence.recordings[PREEMPTED], course.evidence.sounds).stretches
    named = [each.name for each in heard if each.name in {sounds[one] for one in (behind, *above)}]
    names = [name for name, _ in itertools.groupby(named)]  # a gap of the machine makes two of one
    assert names == [sounds[behind], sounds[above[0]], sounds[above[1]], sounds[behind]]
    assert course.states("behind", PREEMPTED) == [("played", None)]
    assert course.states("above", PREEMPTED) == [("played", None)] * 2


def test_what_is_cancelled_early_or_a_second_before_its_start_stays_silent(course: Course) -> None:
    assert {state for state, _ in course.states("cancelled", PREEMPTED)} == {"cancelled"}
