"""What one LoaCast tells, another takes: signed, as certainly its own, and taken back as it was told."""

from pathlib import Path

import pytest
from sqlmodel import Session
from support.clocks import NOON
from support.office import Office
from support.watch import ALERT, UPDATE, Watch

from controller.cap.publishing import told_of
from controller.cap.refusal import Refusal
from controller.cap.signing import AlertKey, ensure_alert_key
from controller.cap.telling import Publisher, message
from controller.cap.xml import to_bytes
from controller.db import writing
from controller.emergencies import ending
from controller.emergencies.models import Ending

pytestmark = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)

US = Publisher("loacast@trande.example", "UBND xã Trần Đề", "https://trande.example")


@pytest.fixture
def watch(office: Office) -> Watch:
    office.births()
    office.step()
    return Watch(office)


@pytest.fixture
def key(tmp_path: Path) -> AlertKey:
    return ensure_alert_key(tmp_path, US.name, NOON)


def told(watch: Watch, key: AlertKey, identifier: str, number: int) -> bytes:
    """Return a message of what became of an alert, as our feed links it."""
    (emergency,) = watch.emergencies(identifier)
    with Session(watch.office.engine) as session:
        return key.sign(to_bytes(message(told_of(session, emergency.id, number), number, US)))


def end(watch: Watch, identifier: str) -> None:
    (emergency,) = watch.emergencies(identifier)
    with Session(watch.office.engine) as session, session.begin():
        writing(session)
        now = watch.office.clock.now()
        ending.end(session, watch.office.officer, emergency.id, Ending.ALL_CLEAR, now=now)


def test_a_neighbour_with_our_certificate_takes_what_we_tell_replace_and_take_back(
    watch: Watch, key: AlertKey
) -> None:
    feed = watch.feed()
    watch.take(feed, ALERT)
    watch.office.clock.pass_time(60)
    watch.take(feed, UPDATE)
    first, second = told(watch, key, "KTTV-1", 1), told(watch, key, "KTTV-2", 1)
    watch.office.clock.pass_time(60)
    end(watch, "KTTV-2")
    cancel = told(watch, key, "KTTV-2", 2)

    neighbour = watch.feed("neighbour", senders=[US.sender], certificate_pem=key.pem, auto_level=None)
    for document in (first, second, cancel, first):
        (outcome,) = watch.take(neighbour, document)
        assert outcome.refused is None
    ours = [row for row in watch.rows() if row.sender == US.sender]
    assert [(row.state.value, row.proven, row.contested_at) for row in ours] == [
        ("superseded", True, None),
        ("cancelled", True, None),
        ("tombstone", True, None),
    ]
    assert [watch.states(row.identifier) for row in ours] == [[("ended", "finished")]] * 2 + [[]]


def test_a_neighbour_refuses_what_was_changed_on_the_way(watch: Watch, key: AlertKey) -> None:
    watch.take(watch.feed(), ALERT)
    neighbour = watch.feed("neighbour", senders=[US.sender], certificate_pem=key.pem)
    changed = told(watch, key, "KTTV-1", 1).replace(b"Severe", b"Extreme")
    (outcome,) = watch.take(neighbour, changed)
    assert outcome.refused is not None
    assert outcome.refused.refusal is Refusal.BAD_SIGNATURE
