"""Drills from their schedule to their score; the dispatcher is stepped by hand."""

from datetime import time, timedelta

import pytest
from sqlmodel import Session
from support.office import ALWAYS, Office, Sent
from support.rehearsing import Rehearsing, rehearsing_office

from controller.broadcasts.audience import Audience
from controller.drills.models import DrillState
from controller.drills.service import drills_of
from controller.emergencies import service as emergencies
from controller.emergencies.models import EmergencySource
from controller.errors import (
    AlreadyOver,
    DrillInThePast,
    ForeignArea,
    InQuietHours,
    InvalidInput,
    NotAllowed,
    NotFound,
    NothingPrepared,
    Problem,
)
from controller.gateways.rules import HouseRules
from controller.people.access import Actor
from controller.people.models import Person, Role
from controller.warnings.catalogue import sounds_of
from schedules.quiet_hours import DailyWindow, QuietHours
from wire.messages import Play
from wire.types import AfterPreemption, Event, Mode, Priority, Sound


@pytest.fixture
def town(office: Office) -> Rehearsing:
    found = rehearsing_office(office)
    office.births()
    office.step()
    return found


def played(sent: list[Sent]) -> dict[str, Play]:
    return {each.gateway_id: each.message for each in sent if isinstance(each.message, Play)}


def clip_of(town: Rehearsing, key: str) -> str:
    with Session(town.office.engine) as session:
        return sounds_of(session, town.office.commune.path, key).clips[0].sha256


def test_a_drill_sounds_at_its_time_announced_quieter_and_marked_as_one(town: Rehearsing) -> None:
    drill = town.schedule(in_s=60, gain_db=-12.0)
    town.office.clock.pass_time(59)
    assert played(town.office.step()) == {}
    town.office.clock.pass_time(1)
    orders = played(town.office.step())
    assert orders.keys() == set(town.office.gateway_ids)
    for order in orders.values():
        said = [clip.sha256 for clip in order.item.clips]
        assert said == [
            clip_of(town, key) for key in ("drill_opening", "attention", "storm_4", "drill_closing")
        ]
        assert (order.item.mode, order.item.gain_db) == (Mode.DRILL, -12.0)
        assert order.item.priority is Priority.PRIORITY
        assert order.item.after_preemption is AfterPreemption.DROP
    assert town.find(drill).state is DrillState.SOUNDING
    # What is not confirmed is sent again, and is the same broadcast.
    town.office.clock.pass_time(30)
    again = played(town.office.step())
    assert {each.item.broadcast_id for each in again.values()} <= {town.broadcast_of(drill).id}


def test_a_drill_is_scored_with_the_dead_one_by_name(town: Rehearsing) -> None:
    drill = town.schedule(in_s=5)
    town.office.clock.pass_time(5)
    town.office.step()
    broadcast = town.broadcast_of(drill)
    for gateway_id, after_s, sound in (
        ("g1", 1.0, Sound.CONFIRMED),
        ("g2", 2.0, None),
        ("g3", 15.0, Sound.NOT_VERIFIABLE),
    ):
        started_at = broadcast.start_at + timedelta(seconds=after_s)
        town.office.tell(gateway_id, Event.PLAYED, broadcast.id, started_at=started_at, sound=sound)
    town.office.clock.pass_time(30)
    town.office.step()
    assert town.find(drill).score is None
    town.office.clock.pass_time(broadcast.duration_ms / 1000 + 60)
    town.office.step()
    found = town.find(drill)
    assert found.state is DrillState.SCORED
    assert found.score is not None
    figures = {name: found.score[name] for name in ("total", "sounded", "in_time", "probed", "confirmed")}
    assert figures == {"total": 4, "sounded": 3, "in_time": 2, "probed": 1, "confirmed": 1}
    assert [(each["gateway_id"], each["area"]) for each in found.score["silent"]] == [("g4", "Ấp 2")]
    # It had sounded after all, and could only not say so.
    town.office.tell("g4", Event.PLAYED, broadcast.id, started_at=broadcast.start_at)
    town.office.clock.pass_time(10)
    town.office.step()
    amended = town.find(drill).score
    assert amended is not None
    assert (amended["sounded"], amended["in_time"], amended["silent"]) == (4, 3, [])


def test_when_everyone_has_answered_it_is_scored_at_once(town: Rehearsing) -> None:
    drill = town.schedule(in_s=5)
    town.office.clock.pass_time(5)
    town.office.step()
    broadcast = town.broadcast_of(drill)
    for gateway_id in town.office.gateway_ids:
        town.office.tell(gateway_id, Event.PLAYED, broadcast.id, started_at=broadcast.start_at)
    town.office.clock.pass_time(5)
    town.office.step()
    assert town.find(drill).state is DrillState.SCORED


def test_a_controller_that_was_down_orders_no_drill_of_more_than_ten_minutes_ago(town: Rehearsing) -> None:
    missed, late = town.schedule(in_s=60), town.schedule(in_s=130)
    town.office.clock.pass_time(60 + 601)
    town.office.dispatcher = town.office.new_dispatcher()
    orders = played(town.office.step())
    assert town.find(missed).state is DrillState.MISSED
    assert town.audited(missed) == ["schedule_drill", "miss_drill"]
    assert town.find(late).state is DrillState.SOUNDING
    assert {order.item.broadcast_id for order in orders.values()} == {town.broadcast_of(late).id}


def test_a_drill_that_was_called_off_never_sounds(town: Rehearsing) -> None:
    drill = town.schedule(in_s=60)
    assert town.cancel(drill).state is DrillState.CANCELLED
    town.office.clock.pass_time(61)
    assert played(town.office.step()) == {}
    with pytest.raises(AlreadyOver):
        town.cancel(drill)
    assert town.audited(drill) == ["schedule_drill", "cancel_drill"]


def test_no_drill_while_something_real_goes_on(town: Rehearsing) -> None:
    office = town.office
    drill = town.schedule(in_s=60)
    with Session(office.engine) as session, session.begin():
        clips = sounds_of(session, office.commune.path, "storm_4").clips
        real = emergencies.NewEmergency(
            "Bão", EmergencySource.WARNING, Audience((office.hamlets[0].id,)), clips=clips
        )
        emergencies.order(session, town.leader, real, now=office.clock.now(), rules=ALWAYS)
    office.clock.pass_time(61)
    assert {order.item.mode for order in played(office.step()).values()} == {Mode.ACTUAL}
    assert (town.find(drill).state, town.find(drill).reason) == (DrillState.REFUSED, "real_emergency")


def test_whoever_may_not_warn_any_more_has_no_drill(town: Rehearsing) -> None:
    drill = town.schedule(in_s=60)
    with Session(town.office.engine) as session, session.begin():
        session.get_one(Person, town.leader.person_id).enabled = False
    town.office.clock.pass_time(61)
    assert played(town.office.step()) == {}
    assert (town.find(drill).state, town.find(drill).reason) == (DrillState.REFUSED, "not_allowed")


NIGHT = HouseRules(QuietHours(windows=(DailyWindow(time(12, 5), time(13, 0)),)), longest_ms=3_600_000)


@pytest.mark.parametrize(
    ("how", "refused"),
    [
        ({"in_s": -1}, DrillInThePast),
        ({"in_s": 400 * 86_400}, InvalidInput),
        ({"in_s": 600, "rules": NIGHT}, InQuietHours),
        ({"gain_db": 0.0}, InvalidInput),
        ({"gain_db": -50.0}, InvalidInput),
        ({"key": "flood_3"}, NothingPrepared),
    ],
)
def test_what_makes_no_drill_is_refused(
    town: Rehearsing, how: dict[str, object], refused: type[Problem]
) -> None:
    with pytest.raises(refused):
        town.schedule(**how)  # type: ignore[arg-type]


@pytest.mark.parametrize("lacking", ["drill_opening", "drill_closing"])
def test_there_is_no_drill_that_cannot_say_that_it_is_one(office: Office, lacking: str) -> None:
    town = rehearsing_office(office, *({"storm_4", "drill_opening", "drill_closing"} - {lacking}))
    with pytest.raises(NothingPrepared) as refused:
        town.schedule()
    assert refused.value.params == {"key": lacking}


def test_neighbours_and_monitors_neither_schedule_nor_cancel(town: Rehearsing) -> None:
    office = town.office
    drill = town.schedule()
    monitor = Actor(None, "monitor", Role.MONITOR, office.commune.id, office.commune.path)
    with pytest.raises(NotAllowed):
        town.schedule(actor=monitor)
    with pytest.raises(NotAllowed):
        town.cancel(drill, monitor)
    with pytest.raises(ForeignArea):
        town.schedule(actor=office.neighbour)
    with pytest.raises(NotFound):
        town.cancel(drill, office.neighbour)


def test_people_below_a_drill_know_of_it_and_neighbours_do_not(town: Rehearsing) -> None:
    drill = town.schedule()
    in_hamlet = town.schedule(area=town.office.hamlets[0])
    with Session(town.office.engine) as session:

        def seen(path: str) -> set[str]:
            return {each.id for each in drills_of(session, path)}

        assert seen(town.office.commune.path) == {drill.id, in_hamlet.id}
        assert seen(town.office.hamlets[0].path) == {drill.id, in_hamlet.id}
        assert seen(town.office.hamlets[1].path) == {drill.id}
        assert seen(town.office.foreign.path) == set()
