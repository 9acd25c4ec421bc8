"""What is owed to a journal that cannot be written, and what becomes of one that has rotted: ADR 7."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.refusing import RefusingJournal
from support.signing import NOON, Pen, an_id, an_item

from device_agent.entries import Entry
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
from wire.messages import Report
from wire.types import DiskState, Event


def test_refused_messages_are_not_kept_without_limit() -> None:
    disk = RefusingJournal(MemoryJournal(an_id()))
    journal = PatientJournal(disk)
    journal.load()
    disk.refuses = DiskState.FULL
    refusal = Report(n=0, at=NOON, event=Event.REJECTED, reason="malformed")
    journal.commit(Changes(reports=(refusal,) * MOST_OWED_REPORTS), NOON)
    journal.commit(Changes(reports=(refusal, a_report(Event.PLAYED))), NOON)
    assert journal.owed_reports == MOST_OWED_REPORTS + 1


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
    clock_boot=st.none() | KEYS,
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
        clock_boot="boot",
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


def test_a_journal_of_a_later_version_is_not_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    journal, _ = open_or_begin_anew(path, an_id)
    journal._db.execute("PRAGMA user_version = 9")
    journal.close()
    with pytest.raises(JournalError, match="schema 9"):
        open_or_begin_anew(path, an_id)
    assert not path.with_name("journal.sqlite3.damaged").exists()
