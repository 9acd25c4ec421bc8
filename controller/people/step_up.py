"""Proving again who holds a phone, before something dangerous: remembered for five minutes on that phone.

A time-based code (RFC 6238) for those who have an authenticator app, else the password. A passkey would be
one more method here, and one more case in `prove`.
"""

import base64
import binascii
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlmodel import Session

from controller.audit.service import record
from controller.errors import StepUpNeeded
from controller.people.models import LogIn, Person
from controller.people.service import check_password, count_failure, refuse_while_waiting

REMEMBERED = timedelta(minutes=5)
STEP_S = 30
DIGITS = 6
_DRIFT_STEPS = 1
"""A phone's clock may be half a minute off (RFC 6238 §5.2 allows one step of delay)."""
_SECRET_BYTES = 20
"""RFC 4226 §4 asks for 160 bits."""


class StepUpMethod(StrEnum):
    """How a person can prove who they are."""

    TOTP = "totp"
    PASSWORD = "password"  # noqa: S105 - the name of a method


def methods_of(person: Person) -> tuple[StepUpMethod, ...]:
    """Return what this person can use: who has an app uses it, for a password may have been seen."""
    return (StepUpMethod.TOTP,) if person.totp_secret else (StepUpMethod.PASSWORD,)


def stepped_up_until(opened: LogIn, now: datetime) -> datetime | None:
    """Return until when this phone need not prove it again; None: it must."""
    if opened.stepped_up_at is None or now >= opened.stepped_up_at + REMEMBERED:
        return None
    return opened.stepped_up_at + REMEMBERED


def require_step_up(opened: LogIn, now: datetime) -> None:
    """Pass when this phone has proved it lately.

    Raises:
        StepUpNeeded: It has not.
    """
    if stepped_up_until(opened, now) is None:
        raise StepUpNeeded


def prove(session: Session, person: Person, method: StepUpMethod, secret: str, *, now: datetime) -> bool:
    """Return whether the proof is good; a wrong one is counted, and the caller commits the count.

    Raises:
        TooManyTries: Wrong too often; `params` say how many seconds to wait.
    """
    if method not in methods_of(person):
        return False
    if method is StepUpMethod.PASSWORD:
        return check_password(session, person.username, secret, now=now) == person.id
    return _check_code(person, secret, now)


def _check_code(person: Person, code: str, now: datetime) -> bool:
    refuse_while_waiting(person, now)
    step = _step_of(person.totp_secret or "", code.replace(" ", ""), now)
    if step is None or (person.totp_used is not None and step <= person.totp_used):
        count_failure(person, now)
        return False
    person.totp_used, person.failures, person.wait_until = step, 0, None
    return True


def note_step_up(
    session: Session, opened: LogIn, method: StepUpMethod, *, now: datetime, address: str
) -> datetime:
    """Remember the proof on this phone; returns until when."""
    opened.stepped_up_at = now
    record(
        session, now, "step_up", person_id=opened.person_id, address=address, detail={"method": method.value}
    )
    return now + REMEMBERED


def give_totp(session: Session, person: Person, *, now: datetime) -> str:
    """Give a person a new secret for an authenticator app, and return the address that the app reads."""
    person.totp_secret = base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    person.totp_used = None
    record(session, now, "give_totp", subject=person.username)
    return totp_uri(person.username, person.totp_secret)


def take_totp(session: Session, person: Person, *, now: datetime) -> None:
    """Take the secret away: a lost phone must not stay able to confirm."""
    person.totp_secret = person.totp_used = None
    record(session, now, "take_totp", subject=person.username)


def totp_uri(username: str, secret: str) -> str:
    """Return the ``otpauth:`` address of a secret. Pure."""
    options = f"secret={secret}&issuer=LoaCast&digits={DIGITS}&period={STEP_S}"
    return f"otpauth://totp/LoaCast:{quote(username)}?{options}"


def code_at(secret: str, at: datetime) -> str:
    """Return the code that an app shows at an instant. Pure."""
    return _totp(secret).generate(int(at.timestamp())).decode()


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        return None
    step = int(now.timestamp()) // STEP_S
    for each in range(step - _DRIFT_STEPS, step + _DRIFT_STEPS + 1):
        try:
            _totp(secret).verify(code.encode(), each * STEP_S)
        except (InvalidToken, binascii.Error):
            continue
        return each
    return None


def _totp(secret: str) -> TOTP:
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_S)  # noqa: S303 - what every app computes
