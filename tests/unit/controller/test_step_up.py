"""Proving again who one is: codes of an authenticator app, once each."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.pool import StaticPool
from sqlmodel import Session, create_engine

from controller.areas.models import Area, AreaKind
from controller.errors import StepUpNeeded, TooManyTries
from controller.people.models import LogIn, Person, Role
from controller.people.passwords import hash_password
from controller.people.step_up import (
    REMEMBERED,
    StepUpMethod,
    code_at,
    give_totp,
    methods_of,
    prove,
    require_step_up,
    take_totp,
    totp_uri,
)
from controller.tables import metadata

NOON = datetime(2026, 11, 24, 5, tzinfo=UTC)
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
PASSWORD = "lúa nước mùa nổi"


@pytest.fixture
def session() -> Session:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    metadata.create_all(engine)
    return Session(engine)


@pytest.fixture
def person(session: Session) -> Person:
    area = Area(code="1", kind=AreaKind.COMMUNE, name="Xã", path="/1/", valid_from=NOON.date())
    session.add(area)
    session.flush()
    person = Person(
        username="thach",
        name="Thạch",
        role=Role.OFFICER,
        area_id=area.id,
        password_hash=hash_password(PASSWORD),
    )
    session.add(person)
    session.flush()
    return person


@pytest.mark.parametrize(
    ("at_s", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(at_s: int, code: str) -> None:
    assert code_at(RFC_SECRET, datetime.fromtimestamp(at_s, UTC)) == code


def test_a_password_confirms_where_there_is_no_app(session: Session, person: Person) -> None:
    assert methods_of(person) == (StepUpMethod.PASSWORD,)
    assert prove(session, person, StepUpMethod.PASSWORD, PASSWORD, now=NOON)
    assert not prove(session, person, StepUpMethod.PASSWORD, "khác", now=NOON)
    assert not prove(session, person, StepUpMethod.TOTP, "000000", now=NOON)


def test_with_an_app_only_its_codes_confirm_and_each_only_once(session: Session, person: Person) -> None:
    secret = parse_qs(urlsplit(give_totp(session, person, now=NOON)).query)["secret"][0]
    assert methods_of(person) == (StepUpMethod.TOTP,)
    assert not prove(session, person, StepUpMethod.PASSWORD, PASSWORD, now=NOON)
    code = code_at(secret, NOON)
    assert prove(session, person, StepUpMethod.TOTP, f"{code[:3]} {code[3:]}", now=NOON)
    assert not prove(session, person, StepUpMethod.TOTP, code, now=NOON), "seen over a shoulder"
    later = NOON + timedelta(seconds=40)
    assert prove(session, person, StepUpMethod.TOTP, code_at(secret, later), now=later)
    take_totp(session, person, now=later)
    assert methods_of(person) == (StepUpMethod.PASSWORD,)


@given(off=st.integers(-300, 300))
def test_a_phone_half_a_minute_off_is_believed_and_one_that_is_far_off_is_not(off: int) -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    metadata.create_all(engine)
    with Session(engine) as session:
        person = Person(
            username="x", name="x", role=Role.OFFICER, area_id=1, password_hash="", totp_secret=RFC_SECRET
        )
        code = code_at(RFC_SECRET, NOON + timedelta(seconds=off))
        believed = prove(session, person, StepUpMethod.TOTP, code, now=NOON)
    assert believed or abs(off) > 30
    assert not (believed and abs(off) >= 60)


@pytest.mark.parametrize("wrong", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345"])
def test_what_is_no_code_is_counted_as_a_wrong_one(session: Session, person: Person, wrong: str) -> None:
    give_totp(session, person, now=NOON)
    assert not prove(session, person, StepUpMethod.TOTP, wrong, now=NOON)
    assert person.failures == 1


def test_guessing_codes_is_slowed_down(session: Session, person: Person) -> None:
    give_totp(session, person, now=NOON)
    tried = 0
    for _ in range(100):
        try:
            assert not prove(session, person, StepUpMethod.TOTP, "00000x", now=NOON)
        except TooManyTries:
            continue
        tried += 1
    assert tried <= 10


def test_it_is_remembered_for_five_minutes_on_this_phone() -> None:
    opened = LogIn(
        token_sha256="0" * 64, person_id=1, csrf_token="x", started_at=NOON, seen_at=NOON, expires_at=NOON
    )
    with pytest.raises(StepUpNeeded):
        require_step_up(opened, NOON)
    opened.stepped_up_at = NOON
    require_step_up(opened, NOON + REMEMBERED - timedelta(seconds=1))
    with pytest.raises(StepUpNeeded):
        require_step_up(opened, NOON + REMEMBERED)


def test_the_address_for_the_app_names_the_person_and_hides_nothing_else() -> None:
    parts = urlsplit(totp_uri("thach son", RFC_SECRET))
    assert (parts.scheme, parts.netloc, parts.path) == ("otpauth", "totp", "/LoaCast:thach%20son")
    assert parse_qs(parts.query)["secret"] == [RFC_SECRET]
