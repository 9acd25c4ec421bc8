"""What a gateway does while its disk refuses, and when it takes writes again: ADR 7."""

import random
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.refusing import RefusingJournal
from support.signing import EMERGENCY, NOON, again, an_id, an_item
from support.simulated import SimulatedGateway

from device_agent.effects import PublishHealth
from device_agent.ids import new_id
from device_agent.instants import seconds
from device_agent.journal import (
    MemoryJournal,
)
from device_agent.journal.patient import RETRY
from wire.messages import Health
from wire.types import DiskState, Event

ENDS = (Event.PLAYED, Event.PARTIAL, Event.FAILED, Event.MISSED, Event.CANCELLED, Event.PREEMPTED)
PLAYED = [("ready", None), ("playing", None), ("played", None)]


class Gateway(SimulatedGateway):
    """A simulated gateway on a disk that can refuse; its health is kept."""

    def __init__(self) -> None:
        self.disk = RefusingJournal(MemoryJournal(new_id(NOON, random.Random(3))))
        self.health: list[Health] = []
        super().__init__(self.disk)
        self.connect()

    def _do(self, effects: object) -> None:
        self.health += [each.health for each in effects if isinstance(each, PublishHealth)]  # type: ignore[attr-defined]
        super()._do(effects)  # type: ignore[arg-type]


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def test_what_is_held_still_sounds_while_the_disk_refuses_and_is_told_once_it_takes_writes(
    gateway: Gateway,
) -> None:
    item = an_item(NOON + seconds(60))
    gateway.hear(gateway.pen.plan(NOON, item), "plan")
    gateway.get_clips()
    gateway.disk.refuses = DiskState.READ_ONLY
    gateway.wait(90)
    assert gateway.sounded == [(item.broadcast_id, NOON + seconds(60))]
    assert gateway.told(item.broadcast_id) == PLAYED[:1]
    gateway.disk.refuses = None
    gateway.wait(RETRY.total_seconds() + 1)
    assert gateway.told(item.broadcast_id) == PLAYED
    assert [report.n for report in gateway.published.values()] == list(range(1, len(gateway.reports()) + 1))
    gateway.wait(600)
    assert len(gateway.sounded) == 1


def test_an_order_is_obeyed_and_not_confirmed_until_it_is_saved(gateway: Gateway) -> None:
    held = an_item(NOON + seconds(3600))
    gateway.hear(gateway.pen.plan(NOON, held), "plan")
    gateway.get_clips()
    gateway.disk.refuses = DiskState.FULL
    item = an_item(NOON)
    order = gateway.pen.play(NOON, item)
    gateway.hear(order)
    gateway.hear(again(order, gateway.pen, NOON))
    gateway.wait(30)
    assert gateway.sounded == [(item.broadcast_id, NOON)]
    assert gateway.reports(Event.RECEIVED) == []
    gateway.disk.refuses = None
    gateway.wait(RETRY.total_seconds() + 1)
    (received,) = gateway.reports(Event.RECEIVED)
    assert received.orders == (order.order_id,)
    assert received.n in gateway.published


def test_a_plan_in_memory_is_played_and_not_claimed(gateway: Gateway) -> None:
    gateway.hear(gateway.pen.plan(NOON), "plan")
    gateway.disk.refuses = DiskState.FULL
    item = an_item(NOON + seconds(60))
    gateway.hear(gateway.pen.plan(NOON, item), "plan")
    gateway.get_clips()
    gateway.wait(70)
    assert [each[0] for each in gateway.sounded] == [item.broadcast_id]
    gateway.hear(gateway.pen.beat(gateway.now, plan_version=2), "beat")
    assert gateway.states[-1].plan_version == 1
    gateway.disk.refuses = None
    gateway.wait(RETRY.total_seconds() + 1)
    assert gateway.states[-1].plan_version == 2
    assert [report.plan_version for report in gateway.reports(Event.PLAN_STORED)] == [1, 2]


def test_a_refusing_disk_is_in_the_health_within_a_hundred_seconds_and_so_is_its_recovery(
    gateway: Gateway,
) -> None:
    gateway.wait(120)
    assert gateway.health[-1].disk is DiskState.WRITABLE
    gateway.disk.refuses = DiskState.READ_ONLY
    began = gateway.now
    gateway.wait(100)
    ill = next(
        health for health in gateway.health if health.at > began and health.disk is DiskState.READ_ONLY
    )
    assert ill.at - began <= seconds(100)
    assert ill.last_error == "journal: the disk is read_only"
    gateway.disk.refuses = None
    began = gateway.now
    gateway.wait(100)
    assert gateway.health[-1].disk is DiskState.WRITABLE
    assert gateway.health[-1].last_error is None


def test_a_dying_disk_is_not_asked_at_every_step(gateway: Gateway) -> None:
    item = an_item(NOON + seconds(10))
    gateway.hear(gateway.pen.plan(NOON, item), "plan")
    gateway.get_clips()
    gateway.disk.refuses = DiskState.FAILING
    gateway.disk.tries = 0
    gateway.wait(60)
    assert len(gateway.sounded) == 1
    assert gateway.disk.tries <= 60 / RETRY.total_seconds() + 2


def test_after_a_start_on_a_refusing_disk_nothing_begins_that_may_have_sounded_before(
    gateway: Gateway,
) -> None:
    before, after = an_item(NOON + seconds(60), late_limit_ms=600_000), an_item(NOON + seconds(120))
    gateway.hear(gateway.pen.plan(NOON, before, after), "plan")
    gateway.get_clips()
    gateway.disk.refuses = DiskState.READ_ONLY
    gateway.wait(80)
    gateway.boot()
    gateway.connect()
    gateway.get_clips()
    gateway.wait(100)
    assert [each[0] for each in gateway.sounded] == [before.broadcast_id, after.broadcast_id]
    # Whether it was heard is not known here, so nothing is said: the controller shows it as unknown.
    gateway.disk.refuses = None
    gateway.wait(60)
    assert gateway.told(before.broadcast_id) == PLAYED[:1]
    assert gateway.told(after.broadcast_id) == PLAYED


def test_what_may_have_sounded_before_is_judged_by_the_true_time(gateway: Gateway) -> None:
    before, after = (an_item(NOON + seconds(s), late_limit_ms=3_600_000) for s in (-60, 60))
    gateway.hear(gateway.pen.plan(NOON, before, after), "plan")
    gateway.disk.refuses = DiskState.READ_ONLY
    gateway.get_clips()
    gateway.wait(1)
    gateway.now -= timedelta(minutes=30)  # a clock that lags
    gateway.boot()
    gateway.connect()
    gateway.get_clips()
    gateway.hear(gateway.pen.beat(NOON + seconds(1)), "beat")
    gateway.step_clock(30 * 60_000)
    gateway.wait(90)
    assert [each[0] for each in gateway.sounded] == [before.broadcast_id, after.broadcast_id]


def test_an_order_that_comes_again_after_such_a_start_sounds_only_if_it_is_an_emergency(
    gateway: Gateway,
) -> None:
    gateway.disk.refuses = DiskState.READ_ONLY
    gateway.boot()
    gateway.connect()
    gateway.wait(5)
    routine = an_item(NOON, late_limit_ms=600_000)
    gateway.hear(gateway.pen.play(gateway.now, routine))
    urgent = an_item(NOON, priority="emergency", late_limit_ms=600_000)
    order = gateway.pen.play(gateway.now, urgent, boot=gateway.boots[-1])
    gateway.hear(order, "emergency", key=EMERGENCY)
    gateway.get_clips()
    gateway.wait(30)
    assert [each[0] for each in gateway.sounded] == [urgent.broadcast_id]


def test_a_journal_that_cannot_be_read_any_more_ends_nothing(gateway: Gateway) -> None:
    item = an_item(NOON + seconds(60))
    gateway.hear(gateway.pen.plan(NOON, item), "plan")
    gateway.get_clips()
    gateway.disk.refuses, gateway.disk.unreadable = DiskState.FAILING, True
    gateway.lose()
    gateway.connect()
    gateway.wait(90)
    assert len(gateway.sounded) == 1
    gateway.disk.refuses, gateway.disk.unreadable = None, False
    gateway.wait(RETRY.total_seconds() + 1)
    assert gateway.told(item.broadcast_id) == PLAYED


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("disk"), st.sampled_from([None, DiskState.FULL, DiskState.READ_ONLY])),
        st.tuples(st.just("wait"), st.floats(0, 15)),
        st.tuples(st.just("play"), st.integers(0, 3)),
        st.tuples(st.just("plan"), st.sets(st.integers(0, 3))),
        st.tuples(st.just("stop"), st.integers(0, 3)),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_whenever_the_disk_refuses_each_item_sounds_at_most_once_and_its_end_is_told_exactly_once(
    steps: list[tuple[str, object]],
) -> None:
    gateway = Gateway()
    items = [an_item(NOON + seconds(12 * place)) for place in range(4)]
    for action, what in steps:
        match action, what:
            case "wait", float():
                gateway.wait(what)
            case "play", int():
                gateway.hear(gateway.pen.play(gateway.now, items[what]))
            case "plan", set():
                gateway.hear(gateway.pen.plan(gateway.now, *(items[place] for place in what)), "plan")
            case "stop", int():
                gateway.hear(gateway.pen.stop(gateway.now, items[what].broadcast_id))
            case _:
                gateway.disk.refuses = what  # type: ignore[assignment]
        gateway.get_clips()
    gateway.disk.refuses = None
    gateway.wait(300)
    heard = [broadcast_id for broadcast_id, _ in gateway.sounded]
    assert len(heard) == len(set(heard))
    numbers = [report.n for report in gateway.reports()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert set(gateway.published) == set(numbers)
    ends = [name for report in gateway.reports(*ENDS) for name in report.broadcast_ids]
    assert len(ends) == len(set(ends))
    assert set(heard) <= set(ends)


def test_a_gateway_that_has_lost_its_journal_says_so_and_begins_nothing_that_may_have_sounded(
    gateway: Gateway,
) -> None:
    gateway.journal = RefusingJournal(MemoryJournal(an_id()))
    gateway.boot(forgetful=True)
    gateway.connect()
    before, after = an_item(NOON - seconds(1), late_limit_ms=600_000), an_item(NOON + seconds(60))
    gateway.hear(gateway.pen.plan(NOON, before, after), "plan")
    gateway.get_clips()
    gateway.wait(120)
    assert [each[0] for each in gateway.sounded] == [after.broadcast_id]
    assert gateway.health[-1].last_error == "journal: was damaged and is begun anew"
