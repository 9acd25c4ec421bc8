"""One body for every journal: what is committed is there, all of it or nothing, and reports have no gap."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.signing import NOON, an_id, an_item
from support.simulated import SimulatedGateway

from device_agent.entries import Cut, Entry, Stage
from device_agent.ids import new_id
from device_agent.journal import Changes, Journal, JournalError, MemoryJournal, SqliteJournal, StoredPlan
from wire.messages import Report
from wire.types import Event

Reopen = Callable[[Journal], Journal]


def make_id() -> str:
    return new_id(NOON, random.Random(5))


@pytest.fixture(params=["memory", "sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def journal(kind: str, tmp_path: Path) -> Iterator[Journal]:
    journal: Journal
    if kind == "memory":
        journal = MemoryJournal(make_id())
    else:
        journal = SqliteJournal.create_or_open(tmp_path / "journal.sqlite3", make_id)
    yield journal
    journal.close()


@pytest.fixture
def reopened(kind: str, tmp_path: Path) -> Iterator[Reopen]:
    """What a restart does: nothing to a journal in memory, which ends with its process."""
    opened: list[Journal] = []

    def reopen(journal: Journal) -> Journal:
        if kind == "memory":
            return journal
        other = SqliteJournal.create_or_open(tmp_path / "journal.sqlite3", make_id)
        opened.append(other)
        return other

    yield reopen
    for journal in opened:
        journal.close()


def a_report(event: Event = Event.READY) -> Report:
    return Report(n=0, at=NOON, event=event, broadcast_ids=(an_id(),))


def test_a_new_journal_holds_nothing_under_a_name_of_its_own(journal: Journal, reopened: Reopen) -> None:
    held = journal.load()
    assert (held.plan, held.entries, held.settled, held.floor_at, held.clock_boot) == (
        None,
        {},
        {},
        None,
        None,
    )
    assert held.volume_percent == 100
    assert reopened(journal).load().journal_id == held.journal_id == make_id()


def test_everything_committed_is_there_after_a_restart(journal: Journal, reopened: Reopen) -> None:
    entry = Entry(
        item=an_item(),
        due_at=NOON,
        arrived=1,
        in_plan=True,
        stage=Stage.ENDING,
        started_at=NOON,
        played_ms=12,
        cut=Cut(Event.PREEMPTED, by=an_id()),
    )
    plan = StoredPlan(an_id(), 2, 7, b'{"kind":"plan"}')
    settled, order = {an_id(): NOON}, an_id()
    journal.commit(
        Changes(
            epoch=2,
            accepted=(("order", "m1", 5), ("emergency", "m2", 9)),
            done_orders={order: NOON},
            plan=plan,
            entries=(entry,),
            settled=settled,
            volume_percent=0,
            floor_at=NOON,
            clock_boot="this boot",
        )
    )
    held = reopened(journal).load()
    assert held.entries == {entry.broadcast_id: entry}
    assert (held.plan, held.settled, held.volume_percent, held.floor_at) == (plan, settled, 0, NOON)
    assert held.clock_boot == "this boot"
    assert held.freshness.epoch == 2
    assert held.freshness.window("order").accepted == {"m1": 5}
    assert held.freshness.window("emergency").accepted == {"m2": 9}
    assert held.freshness.done_orders == {order: NOON}
    assert held.freshness.plan is not None
    assert held.freshness.plan.version == 7


def test_what_is_taken_away_is_gone(journal: Journal, reopened: Reopen) -> None:
    entry = Entry(item=an_item(), due_at=NOON, arrived=1)
    done, old = an_id(), an_id()
    journal.commit(
        Changes(
            accepted=(("order", "m1", 1), ("order", "m2", 2)),
            done_orders={done: NOON},
            entries=(entry,),
            settled={old: NOON},
        )
    )
    journal.commit(
        Changes(
            dropped=(("order", "m1"),),
            forgotten_orders=(done,),
            ended=(entry.broadcast_id,),
            forgotten=(old,),
        )
    )
    held = reopened(journal).load()
    assert (held.entries, held.settled, held.freshness.done_orders) == ({}, {}, {})
    assert held.freshness.window("order").accepted == {"m2": 2}


def test_a_new_epoch_forgets_what_was_accepted_before_it(journal: Journal, reopened: Reopen) -> None:
    journal.commit(Changes(accepted=(("order", "m1", 900),)))
    journal.commit(Changes(epoch=1, accepted=(("order", "m2", 1),)))
    assert reopened(journal).load().freshness.window("order").accepted == {"m2": 1}


def test_to_prove_that_it_still_takes_writes_changes_nothing(
    journal: Journal, kind: str, reopened: Reopen
) -> None:
    journal.commit(Changes(reports=(a_report(),)))
    held = journal.load()
    assert journal.prove() is (kind == "sqlite")
    again = reopened(journal)
    assert (again.load(), again.waiting()) == (held, 1)
    assert again.commit(Changes(reports=(a_report(),)))[0].n == 2


def test_reports_are_numbered_by_the_journal_and_stay_until_receipted(
    journal: Journal, reopened: Reopen
) -> None:
    first = journal.commit(Changes(reports=(a_report(), a_report())))
    second = journal.commit(Changes(reports=(a_report(),)))
    assert [report.n for report in (*first, *second)] == [1, 2, 3]
    journal.commit(Changes(receipted_up_to=2))
    again = reopened(journal)
    assert again.reports(0, 10) == second
    assert again.waiting() == 1


def test_numbers_go_on_after_everything_was_receipted(journal: Journal, reopened: Reopen) -> None:
    journal.commit(Changes(reports=(a_report(), a_report())))
    journal.commit(Changes(receipted_up_to=2))
    (report,) = reopened(journal).commit(Changes(reports=(a_report(),)))
    assert report.n == 3


def test_reports_are_read_in_order_from_any_number(journal: Journal) -> None:
    journal.commit(Changes(reports=tuple(a_report() for _ in range(10))))
    journal.commit(Changes(receipted_up_to=3))
    assert [report.n for report in journal.reports(0, 3)] == [4, 5, 6]
    assert [report.n for report in journal.reports(8, 100)] == [9, 10]
    assert journal.reports(10, 5) == ()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), max_size=20))
def test_whatever_is_reported_and_receipted_no_number_is_used_twice(script: list[tuple[int, int]]) -> None:
    journal = MemoryJournal(make_id())
    given_numbers: list[int] = []
    for count, up_to in script:
        reports = journal.commit(
            Changes(reports=tuple(a_report() for _ in range(count)), receipted_up_to=up_to or None)
        )
        given_numbers += [report.n for report in reports]
    assert given_numbers == list(range(1, len(given_numbers) + 1))


def test_a_gateway_lives_through_a_day_on_either_journal(journal: Journal, reopened: Reopen) -> None:
    gateway = SimulatedGateway(journal)
    items = [an_item(NOON + timedelta(minutes=minute)) for minute in (1, 2, 3)]
    gateway.hear(gateway.pen.plan(NOON, *items), "plan")
    gateway.get_clips()
    gateway.wait(61.5)
    gateway.journal = reopened(journal)
    gateway.boot()
    gateway.get_clips("a" * 64)
    gateway.wait(600)
    ends = [event for item in items for event, _ in gateway.told(item.broadcast_id)[-1:]]
    assert ends == ["partial", "played", "played"]


def test_a_refused_commit_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    journal = SqliteJournal.create_or_open(path, make_id)
    reader = SqliteJournal.open_to_read(path)
    with pytest.raises(JournalError):
        reader.commit(Changes(volume_percent=5, reports=(a_report(),)))
    assert journal.load().volume_percent == 100
    (report,) = journal.commit(Changes(reports=(a_report(),)))
    assert report.n == 1
    assert reader.waiting() == 1
    reader.close()
    journal.close()


def test_a_file_that_is_no_journal_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(b"this is no database, it is a sentence" * 50)
    with pytest.raises(JournalError, match="not a database"):
        SqliteJournal.create_or_open(path, make_id)
    with pytest.raises(JournalError, match="no journal at"):
        SqliteJournal.open_to_read(tmp_path / "nowhere")
