"""A broadcast at a glance: counts per state, and the one word that a list shows."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Session, col

from controller.broadcasts.delivery import OPEN, DeliveryState
from controller.broadcasts.models import Delivery

Counts = Mapping[str, int]


class Summary(StrEnum):
    """What became of a broadcast as a whole."""

    PLANNED = "planned"
    PLAYING = "playing"
    PLAYED = "played"
    """Every gateway says that it played."""
    PARTLY = "partly"
    """Some played, some did not, all have said so."""
    FAILED = "failed"
    """Nobody played."""
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    """Cancelled everywhere, but somewhere it had begun to sound."""
    UNKNOWN = "unknown"
    """At least one gateway has not said what became of it."""


def counts_of(session: Session, broadcast_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return how many deliveries are in which state, by broadcast."""
    found: dict[str, dict[str, int]] = {}
    for first in range(0, len(broadcast_ids), 500):
        rows = session.execute(
            sa.select(col(Delivery.broadcast_id), col(Delivery.state), sa.func.count())
            .where(col(Delivery.broadcast_id).in_(broadcast_ids[first : first + 500]))
            .group_by(col(Delivery.broadcast_id), col(Delivery.state))
        )
        for broadcast_id, state, count in rows:
            found.setdefault(broadcast_id, {})[state.value] = count
    return found


def summarise(counts: Counts, *, cut_short: int = 0) -> Summary:
    """Return the one word. Unknown is never hidden behind those that played.

    Args:
        counts: Deliveries by state.
        cut_short: How many of the cancelled ones had begun to sound.
    """
    states = {DeliveryState(state) for state, count in counts.items() if count}
    played = DeliveryState.PLAYED in states
    sounded = played or DeliveryState.PARTIAL in states or DeliveryState.PREEMPTED in states
    if DeliveryState.PLAYING in states:
        return Summary.PLAYING
    if states & OPEN:
        return Summary.PLAYING if sounded else Summary.PLANNED
    if DeliveryState.UNKNOWN in states:
        return Summary.UNKNOWN
    if states == {DeliveryState.PLAYED}:
        return Summary.PLAYED
    if states == {DeliveryState.CANCELLED}:
        return Summary.STOPPED if cut_short else Summary.CANCELLED
    return Summary.PARTLY if sounded else Summary.FAILED
