"""An emergency that makes way for a newer one."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from controller.broadcasts.delivery import OPEN
from controller.broadcasts.ending import forget, take_back
from controller.broadcasts.models import Broadcast, Delivery
from controller.emergencies.models import Emergency, EmergencyState, Ending

NAMED_AT_MOST = 64
"""As `wire.messages.Item.supersedes` holds."""


def supersede(
    session: Session,
    emergency: Emergency,
    *,
    by: str,
    still: Sequence[str],
    person_id: int | None,
    now: datetime,
) -> list[str]:
    """End an emergency that a newer one replaces.

    At gateways that hear the newer one, what sounds goes on until that really begins; elsewhere it falls
    silent. Repeats that have not begun never do.

    Args:
        session: A writing transaction.
        emergency: The older one.
        by: Id of the newer one.
        still: The newer one's gateways.
        person_id: Who orders the newer one.
        now: The present.

    Returns:
        The broadcasts that the newer one's item is to name.
    """
    present: list[str] = []
    future: list[str] = []
    for broadcast in open_broadcasts(session, emergency.id):
        (future if broadcast.start_at > now else present).append(broadcast.id)
    take_back(session, future, now=now)
    take_back(session, present, now=now, except_for=still)
    forget(session, present, still)
    if emergency.state is not EmergencyState.ENDED:
        emergency.state, emergency.ending = EmergencyState.ENDED, Ending.SUPERSEDED
        emergency.ended_at, emergency.ended_by = now, person_id
    emergency.superseded_by = by
    return present[-NAMED_AT_MOST:]


def open_broadcasts(session: Session, emergency_id: str) -> list[Broadcast]:
    """Return the broadcasts of an emergency that have not ended at every gateway, by their start."""
    return list(
        session.exec(
            select(Broadcast)
            .where(
                Broadcast.emergency_id == emergency_id,
                col(Broadcast.id).in_(
                    select(Delivery.broadcast_id)
                    .join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
                    .where(Broadcast.emergency_id == emergency_id, col(Delivery.state).in_(OPEN))
                ),
            )
            .order_by(col(Broadcast.start_at), col(Broadcast.id))
        )
    )
