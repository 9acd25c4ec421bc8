"""Faults that gateways report of themselves: one of a kind is open at a time, until they say it is over."""

from datetime import datetime

from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.gateways.models import Gateway, GatewayFault
from wire.messages import Report
from wire.types import Event


def note_fault(session: Session, gateway_id: str, report: Report, now: datetime) -> bool:
    """Take in a report that a fault began or is over; returns whether that was news.

    Args:
        session: A writing transaction.
        gateway_id: Who says so.
        report: Its event is ``fault`` or ``fault_over``.
        now: The present.
    """
    reason = (report.reason or "unknown")[:40]
    fault = session.exec(
        select(GatewayFault).where(
            GatewayFault.gateway_id == gateway_id,
            GatewayFault.reason == reason,
            col(GatewayFault.ended_at).is_(None),
        )
    ).first()
    if report.event is Event.FAULT and fault is None:
        session.add(
            GatewayFault(
                gateway_id=gateway_id,
                reason=reason,
                detail=report.detail or "",
                began_at=report.at,
                arrived_at=now,
            )
        )
        return True
    if report.event is Event.FAULT_OVER and fault is not None:
        fault.ended_at = report.at
        return True
    return False


def open_faults(session: Session, area_path: str) -> list[tuple[GatewayFault, Gateway]]:
    """Return what is wrong now with the gateways of an area, newest first."""
    rows = session.exec(
        select(GatewayFault, Gateway)
        .join(Gateway, col(Gateway.id) == col(GatewayFault.gateway_id))
        .join(Area, col(Area.id) == col(Gateway.area_id))
        .where(col(Area.path).startswith(area_path), col(GatewayFault.ended_at).is_(None))
        .order_by(col(GatewayFault.id).desc())
    )
    return [(fault, gateway) for fault, gateway in rows]


def faults_of(session: Session, gateway_id: str, limit: int = 10) -> list[GatewayFault]:
    """Return a gateway's faults, those that are not over first, then newest first."""
    query = (
        select(GatewayFault)
        .where(GatewayFault.gateway_id == gateway_id)
        .order_by(col(GatewayFault.ended_at).is_not(None), col(GatewayFault.id).desc())
        .limit(limit)
    )
    return list(session.exec(query))
