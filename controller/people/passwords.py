"""Passwords: Argon2id (RFC 9106) and how long to wait after wrong ones."""

from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

FREE_FAILURES = 4
LONGEST_WAIT = timedelta(minutes=15)

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = _hasher.hash("nobody has this password")


def hash_password(password: str) -> str:
    """Return the hash to store, with its parameters (OWASP's m = 19 MiB, t = 2, p = 1)."""
    return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether it is the password; an unknown person costs as much time as a known one."""
    try:
        return _hasher.verify(stored or _NOBODY, password) and stored is not None
    except (VerifyMismatchError, InvalidHashError):
        return False


def wait_until(failures: int, now: datetime) -> datetime | None:
    """Return when the next try is allowed after so many wrong ones in a row: doubling from 2 s."""
    if failures < FREE_FAILURES:
        return None
    return now + min(timedelta(seconds=2 ** (failures - FREE_FAILURES + 1)), LONGEST_WAIT)
