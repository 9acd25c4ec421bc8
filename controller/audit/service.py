"""Writing the audit trail, and looking whether it is whole."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from controller.audit.chain import BEGINNING, Break, Head, breaks, link
from controller.audit.models import AuditRow
from controller.counters import Counter, reserve

_COUNTER = "audit"


def record(
    session: Session,
    at: datetime,
    action: str,
    *,
    person_id: int | None = None,
    subject: str = "",
    area_id: int | None = None,
    address: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Add one row to the transaction that does the deed: no row, no deed.

    Its number is taken under a lock that is held to the transaction's end, so the chain has no fork.
    """
    n = reserve(session, _COUNTER, 1)
    before = session.exec(select(AuditRow.chained).where(AuditRow.n == n - 1)).first()
    row = AuditRow(
        at=at,
        person_id=person_id,
        action=action,
        subject=subject[:80],
        area_id=area_id,
        address=address,
        detail=detail or {},
        n=n,
        previous=before or BEGINNING,
    )
    row.chained = link(row)
    session.add(row)
    session.flush()


def head(session: Session) -> Head:
    """Return the newest row's number and hash; number 0 before the first."""
    row = session.exec(
        select(AuditRow).where(col(AuditRow.n).is_not(None)).order_by(col(AuditRow.n).desc())
    ).first()
    return Head(0, BEGINNING) if row is None or row.n is None else Head(row.n, row.chained)


def verify(session: Session, kept: Head | None = None) -> Iterator[Break]:
    """Yield every place where the trail is not as it was written; nothing means that it is whole."""
    counter = session.get(Counter, _COUNTER)
    rows = session.exec(select(AuditRow).where(col(AuditRow.n).is_not(None)).order_by(col(AuditRow.n)))
    yield from breaks(rows, 0 if counter is None else counter.value, kept)
