"""What a gateway does while its disk refuses, and when it takes writes again: ADR 7."""

import dataclasses
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.refusing import RefusingJournal
from support.signing import EMERGENCY, NOON, Pen, again, an_id, an_item
from support.simulated import SimulatedGateway

from device_agent.effects import PublishHealth
from device_agent.entries import Entry
from device_agent.ids import new_id
from device_agent.instants import seconds
from device_agent.journal import (
    Changes,
    DamagedJournal,
    JournalError,
    MemoryJournal,
    SqliteJournal,
    StoredPlan,
    open_or_begin_anew,
)
from device_agent.journal.patient import MOST_OWED_REPORTS, PROVE, RETRY, PatientJournal, joined
from wire.messages import Health, Report
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


def test_refused_messages_are_not_kept_without_limit() -> None:
    disk = RefusingJournal(MemoryJournal(an_id()))
    journal = PatientJournal(disk)
    journal.load()
    disk.refuses = DiskState.FULL
    refusal = Report(n=0, at=NOON, event=Event.REJECTED, reason="malformed")
    journal.commit(Changes(reports=(refusal,) * MOST_OWED_REPORTS), NOON)
    journal.commit(Changes(reports=(refusal, a_report(Event.PLAYED))), NOON)
    assert journal.owed_reports == MOST_OWED_REPORTS + 1


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


def test_a_disk_that_nobody_writes_to_is_asked_each_minute() -> None:
    disk = RefusingJournal(MemoryJournal(an_id()))
    journal = PatientJournal(disk)
    journal.load()
    seen = [(journal.disk, journal.wake_at)]
    journal.settle(NOON)
    seen.append((journal.disk, journal.wake_at))
    disk.refuses = DiskState.READ_ONLY
    journal.settle(NOON + PROVE)
    seen.append((journal.disk, journal.wake_at))
    assert seen == [
        (None, None),
        (DiskState.WRITABLE, NOON + PROVE),
        (DiskState.READ_ONLY, NOON + PROVE + RETRY),
    ]


def a_report(event: Event) -> Report:
    return Report(n=0, at=NOON, event=event, broadcast_ids=(an_id(),))


KEYS = st.sampled_from([f"0192e4a0-0000-7000-8000-00000000000{digit}" for digit in range(6)])
INSTANTS = st.sampled_from([NOON + timedelta(days=day) for day in range(3)])
WRITTEN = st.builds(
    Changes,
    epoch=st.none(),
    done_orders=st.dictionaries(KEYS, INSTANTS, max_size=3),
    forgotten_orders=st.lists(KEYS, max_size=2, unique=True).map(tuple),
    plan=st.none() | st.builds(StoredPlan, KEYS, st.just(1), st.integers(1, 9), st.just(b"{}")),
    entries=st.dictionaries(KEYS, st.integers(0, 9), max_size=3).map(
        lambda played: tuple(an_entry(key, played_ms) for key, played_ms in played.items())
    ),
    ended=st.lists(KEYS, max_size=2, unique=True).map(tuple),
    settled=st.dictionaries(KEYS, INSTANTS, max_size=3),
    forgotten=st.lists(KEYS, max_size=2, unique=True).map(tuple),
    config=st.none(),
    volume_percent=st.none() | st.integers(0, 100),
    floor_at=st.none() | INSTANTS,
    reports=st.lists(st.sampled_from([Event.READY, Event.PLAYED]).map(a_report), max_size=3).map(tuple),
    receipted_up_to=st.none() | st.integers(1, 9),
)


def an_entry(key: str, played_ms: int) -> Entry:
    return Entry(item=an_item(broadcast_id=key), due_at=NOON, arrived=1, played_ms=played_ms)


@settings(max_examples=200, deadline=None)
@given(st.lists(WRITTEN, min_size=2, max_size=5))
def test_what_is_owed_has_the_outcome_of_each_step_written_in_its_turn(steps: list[Changes]) -> None:
    one_by_one, at_once = MemoryJournal(an_id()), MemoryJournal(an_id())
    owed = Changes()
    for step in steps:
        one_by_one.commit(dataclasses.replace(step, receipted_up_to=None))
        owed = joined(owed, step)
    at_once.commit(dataclasses.replace(owed, receipted_up_to=None))
    assert dataclasses.replace(at_once.load(), journal_id="") == dataclasses.replace(
        one_by_one.load(), journal_id=""
    )
    assert at_once.reports(0, 99) == one_by_one.reports(0, 99)


def test_a_new_epoch_forgets_what_was_owed_of_the_one_before() -> None:
    journal = MemoryJournal(an_id())
    earlier = Changes(epoch=1, accepted=(("order", "m1", 900),))
    journal.commit(joined(earlier, Changes(epoch=2, accepted=(("order", "m2", 1),))))
    held = journal.load().freshness
    assert (held.epoch, held.window("order").accepted) == (2, {"m2": 1})
    both = joined(Changes(accepted=(("order", "m3", 2),)), Changes(dropped=(("order", "m2"),)))
    journal.commit(both)
    assert journal.load().freshness.window("order").accepted == {"m3": 2}


def test_nothing_that_a_step_can_write_is_left_out_of_what_is_owed() -> None:
    full = Changes(
        epoch=1,
        accepted=(("order", "m", 1),),
        dropped=(("order", "n"),),
        done_orders={"a": NOON},
        forgotten_orders=("b",),
        plan=StoredPlan("m", 1, 1, b""),
        entries=(an_entry(an_id(), 0),),
        ended=("c",),
        settled={"d": NOON},
        forgotten=("e",),
        config=Pen().config(NOON),
        volume_percent=5,
        floor_at=NOON,
        reports=(a_report(Event.READY),),
        receipted_up_to=7,
    )
    names = {field.name for field in dataclasses.fields(Changes)}
    assert {name for name in names if getattr(full, name) == getattr(Changes(), name)} == set()
    assert joined(Changes(), full) == full
    assert joined(full, Changes()) == full


Damage = Callable[[Path], object]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"no database, but a sentence " * 500),
        lambda path: path.write_bytes(path.read_bytes()[:-4096] + b"\xff" * 4096),
        lambda path: path.write_bytes(path.read_bytes().replace(b'"due_at"', b'"dUe_at"')),
    ],
    ids=["all of it", "a page", "a word"],
)
def test_a_rotten_journal_is_set_aside_and_the_gateway_starts_without_what_it_knew(
    tmp_path: Path, damage: Damage
) -> None:
    path = tmp_path / "journal.sqlite3"
    journal, lost = open_or_begin_anew(path, an_id)
    assert not lost
    entry = an_entry(an_id(), 0)
    journal.commit(Changes(entries=(entry,), settled={an_id(): NOON for _ in range(400)}))
    journal.close()
    damage(path)
    with pytest.raises(DamagedJournal):
        SqliteJournal.create_or_open(path, an_id).load()
    journal, lost = open_or_begin_anew(path, an_id)
    assert lost
    assert journal.load().entries == {}
    assert path.with_name("journal.sqlite3.damaged").exists()
    journal.close()
    again, lost = open_or_begin_anew(path, an_id)
    assert not lost
    again.close()


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


def test_a_journal_of_a_later_version_is_not_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    journal, _ = open_or_begin_anew(path, an_id)
    journal._db.execute("PRAGMA user_version = 9")
    journal.close()
    with pytest.raises(JournalError, match="schema 9"):
        open_or_begin_anew(path, an_id)
    assert not path.with_name("journal.sqlite3.damaged").exists()
