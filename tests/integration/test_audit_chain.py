"""The audit trail: whoever changes it afterwards is found out, over every database."""

import threading

import pytest
import sqlalchemy as sa
from sqlmodel import Session
from support.office import Office

from controller.audit.chain import Head
from controller.audit.service import head, record, verify
from controller.db import writing


def write(office: Office, count: int) -> None:
    for number in range(count):
        with Session(office.engine) as session, session.begin():
            writing(session)
            record(
                session,
                office.clock.now(),
                "volume",
                subject=f"g{number}",
                detail={"before": number, "after": 80, "name": "Ấp Chợ"},
            )
        office.clock.pass_time(1)


def found(office: Office, kept: Head | None = None) -> list[int]:
    with Session(office.engine) as session:
        return [each.n for each in verify(session, kept)]


def newest(office: Office) -> Head:
    with Session(office.engine) as session:
        return head(session)


def tamper(office: Office, statement: str) -> None:
    with office.engine.begin() as connection:
        connection.execute(sa.text(statement))


def test_a_trail_as_it_was_written_is_whole(office: Office) -> None:
    assert found(office) == []
    write(office, 5)
    assert found(office) == []
    assert newest(office).n == 5
    assert found(office, newest(office)) == []


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        ("UPDATE audit SET subject = 'g9' WHERE n = 3", 3),
        ("UPDATE audit SET detail = '{}' WHERE n = 2", 2),
        ("UPDATE audit SET at = '2020-01-01 00:00:00+00:00' WHERE n = 4", 4),
        ("UPDATE audit SET person_id = NULL, action = 'stop' WHERE n = 1", 1),
        ("DELETE FROM audit WHERE n = 3", 3),
        ("DELETE FROM audit WHERE n = 1", 1),
        ("DELETE FROM audit WHERE n = 5", 5),
        ("UPDATE audit SET n = 9 WHERE n = 2", 2),
    ],
)
def test_a_row_that_was_touched_is_named(office: Office, statement: str, first: int) -> None:
    write(office, 5)
    tamper(office, statement)
    assert min(found(office)) == first


def test_a_tail_cut_off_with_its_count_is_noticed_by_the_head_that_was_kept(office: Office) -> None:
    write(office, 5)
    kept = newest(office)
    tamper(office, "DELETE FROM audit WHERE n > 3")
    tamper(office, "UPDATE counter SET value = 3 WHERE name = 'audit'")
    assert found(office) == []
    assert found(office, kept) == [4]


def test_a_trail_made_anew_does_not_fit_the_head_that_was_kept(office: Office) -> None:
    write(office, 3)
    kept = newest(office)
    tamper(office, "DELETE FROM audit")
    tamper(office, "UPDATE counter SET value = 0 WHERE name = 'audit'")
    write(office, 4)
    assert found(office) == []
    assert found(office, kept) == [3]


def test_deeds_at_the_same_time_make_one_chain_without_a_fork(office: Office) -> None:
    threads = [threading.Thread(target=write, args=(office, 5)) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found(office) == []
    assert newest(office).n == 20


def test_a_deed_that_was_taken_back_leaves_no_gap(office: Office) -> None:
    write(office, 1)
    with Session(office.engine) as session:
        record(session, office.clock.now(), "volume")
        session.rollback()
    write(office, 1)
    assert found(office) == []
    assert newest(office).n == 2


def test_a_head_is_read_as_it_was_written() -> None:
    kept = Head(7, "ab" * 32)
    assert Head.parse(str(kept)) == kept
    with pytest.raises(ValueError, match="no head"):
        Head.parse("7:abc")
