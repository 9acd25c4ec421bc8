"""Writing the audit trail."""

from datetime import datetime
from typing import Any

from sqlmodel import Session

from controller.audit.models import AuditRow


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
    """Add one row to the transaction that does the deed: no row, no deed."""
    session.add(
        AuditRow(
            at=at,
            person_id=person_id,
            action=action,
            subject=subject[:80],
            area_id=area_id,
            address=address,
            detail=detail or {},
        )
    )
