"""The chain through the audit trail: each row's hash goes into the next one's. Pure.

Whoever changes, takes out or reorders a row has to make all later hashes anew, and the newest one, kept
elsewhere, no longer fits. (A hash list as in RFC 9162 §2.1 without the tree: a commune's trail is short.)
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC

import msgspec

from controller.audit.models import AuditRow

BEGINNING = "0" * 64


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold; `n` is the first row in doubt."""

    n: int
    why: str


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row of a chain: keep it elsewhere to notice a tail that was cut off."""

    n: int
    chained: str

    def __str__(self) -> str:
        """Return it as one word."""
        return f"{self.n}:{self.chained}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """Read what `str` wrote; raises `ValueError`."""
        number, _, chained = text.strip().partition(":")
        if len(chained) != len(BEGINNING):
            raise ValueError(f"no head of a chain: {text!r}")
        return cls(int(number), chained)


def link(row: AuditRow) -> str:
    """Return the hash of a row, over all that it says and the hash before it."""
    said = {
        "n": row.n,
        "at": row.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "person_id": row.person_id,
        "action": row.action,
        "subject": row.subject,
        "area_id": row.area_id,
        "address": row.address,
        "detail": row.detail,
        "previous": row.previous,
    }
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()


def breaks(rows: Iterable[AuditRow], counted: int, kept: Head | None = None) -> Iterator[Break]:
    """Yield every place where the chain does not hold.

    Args:
        rows: All numbered rows, by their numbers.
        counted: How many numbers were given.
        kept: A head from an earlier time, kept elsewhere.
    """
    previous, n = BEGINNING, 0
    for row in rows:
        n += 1
        if row.n != n:
            yield Break(n, f"row {n} is missing")
            n = row.n or n
        elif row.previous != previous:
            yield Break(n, "it does not follow from the row before it")
        if row.chained != link(row):
            yield Break(n, "it was changed")
        if kept is not None and kept.n == n and kept.chained != row.chained:
            yield Break(n, "it is not the row whose hash was kept")
        previous = row.chained
    if n != counted:
        yield Break(n + 1, f"{counted} rows were written")
    if kept is not None and kept.n > n:
        yield Break(n + 1, f"row {kept.n} was there when its hash was kept")
