"""Logging in and out, and adding people."""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlmodel import Session, select

from controller.areas.models import Area
from controller.audit.service import record
from controller.errors import NotLoggedIn, TooManyTries, WrongPassword
from controller.people import passwords
from controller.people.access import Actor
from controller.people.models import LogIn, Person, Role

LASTS = timedelta(days=30)
"""A phone stays logged in this long after it was last used; what is dangerous asks again, see `step_up`."""

SEEN_EVERY = timedelta(minutes=5)


def check_password(session: Session, username: str, password: str, *, now: datetime) -> int | None:
    """Return the person's id if the password is theirs; count it if it is not.

    Returns:
        None for a wrong name or password. The caller commits the count and then raises `WrongPassword`.

    Raises:
        TooManyTries: Wrong too often; `params` say how many seconds to wait.
    """
    person = session.exec(select(Person).where(Person.username == username.strip().lower())).first()
    if person is not None:
        refuse_while_waiting(person, now)
    good = passwords.matches(person.password_hash if person else None, password)
    if person is None:
        return None
    if not good or not person.enabled:
        count_failure(person, now)
        return None
    person.failures, person.wait_until = 0, None
    return person.id


def refuse_while_waiting(person: Person, now: datetime) -> None:
    """Pass unless the person has to wait after wrong tries.

    Raises:
        TooManyTries: `params` say how many seconds.
    """
    if person.wait_until is not None and now < person.wait_until:
        raise TooManyTries(seconds=int((person.wait_until - now).total_seconds()) + 1)


def count_failure(person: Person, now: datetime) -> None:
    """Note a wrong password or code; after some, the person has to wait."""
    person.failures += 1
    person.wait_until = passwords.wait_until(person.failures, now)


def log_in(session: Session, person_id: int, *, now: datetime, address: str, agent: str) -> tuple[str, LogIn]:
    """Open a log-in and return its secret token, which is stored as a hash only."""
    person = session.get(Person, person_id)
    if person is None:
        raise WrongPassword
    token = secrets.token_urlsafe(32)
    log_in_row = LogIn(
        token_sha256=_digest(token),
        person_id=person_id,
        csrf_token=secrets.token_urlsafe(24),
        started_at=now,
        seen_at=now,
        expires_at=now + LASTS,
        address=address,
        agent=agent[:200],
    )
    session.add(log_in_row)
    record(session, now, "log_in", person_id=person_id, subject=person.username, address=address)
    return token, log_in_row


def who_is(session: Session, token: str | None, *, now: datetime, address: str) -> tuple[Actor, LogIn]:
    """Return who holds a token.

    Raises:
        NotLoggedIn: Nobody, or not any more, or the person was disabled since.
    """
    found = session.get(LogIn, _digest(token)) if token else None
    if found is None or found.expires_at <= now:
        raise NotLoggedIn
    person = session.get(Person, found.person_id)
    area = session.get(Area, person.area_id) if person else None
    if person is None or area is None or not person.enabled:
        raise NotLoggedIn
    actor = Actor(person.id, person.name, person.role, person.area_id, area.path, address)
    return actor, found


def log_out(session: Session, token: str, *, now: datetime) -> None:
    """End a log-in; ending one that is gone is no error."""
    found = session.get(LogIn, _digest(token))
    if found is not None:
        record(session, now, "log_out", person_id=found.person_id)
        session.delete(found)


def add_person(
    session: Session, *, username: str, name: str, role: Role, area_id: int, password: str, now: datetime
) -> Person:
    """Add someone who can log in; the caller has checked the right to."""
    person = Person(
        username=username.strip().lower(),
        name=name,
        role=role,
        area_id=area_id,
        password_hash=passwords.hash_password(password),
    )
    session.add(person)
    record(session, now, "add_person", subject=person.username, area_id=area_id, detail={"role": role.value})
    return person


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
