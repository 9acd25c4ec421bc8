"""Broadcasts as lists show them: what, when, where, and what became of them in one word and one sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.broadcasts.delivery import OPEN, DeliveryState
from controller.broadcasts.models import Broadcast, Delivery
from controller.broadcasts.summary import Summary, summarise
from controller.web.outcome import NEEDS_A_LOOK, WRONG, Outcome, outcome_of
from controller.web.places import Places
from wire.types import Sound

MOST = 1000
"""A page lists no more than this; a commune has some ten broadcasts a day."""


@dataclass(frozen=True, slots=True)
class Line:
    """One broadcast in a list."""

    broadcast: Broadcast
    summary: Summary
    outcome: Outcome
    audience: tuple[str, ...]

    @property
    def end_at(self) -> datetime:
        """When its last sound should be over."""
        return self.broadcast.start_at + timedelta(milliseconds=self.broadcast.duration_ms)

    @property
    def has_room_for_doubt(self) -> bool:
        """Whether somebody should look at it: as a whole, or at a gateway that has already said no."""
        wrong = any(part.state in WRONG for part in self.outcome.parts)
        return self.summary in NEEDS_A_LOOK or wrong or self.outcome.unheard > 0


def lines_between(
    session: Session, places: Places, path: str, after: datetime, before: datetime
) -> list[Line]:
    """Return the broadcasts of an area that start in a span of time, by their start."""
    found = session.exec(
        select(Broadcast)
        .join(Area, col(Area.id) == col(Broadcast.area_id))
        .where(
            col(Area.path).startswith(path),
            Broadcast.start_at >= after,
            Broadcast.start_at < before,
        )
        .order_by(col(Broadcast.start_at), col(Broadcast.id))
        .limit(MOST)
    ).all()
    return lines_of(session, places, found)


def sounding(session: Session, places: Places, path: str, now: datetime) -> list[Line]:
    """Return the broadcasts that have started and that some gateway has not ended."""
    found = session.exec(
        select(Broadcast)
        .join(Area, col(Area.id) == col(Broadcast.area_id))
        .join(Delivery, col(Delivery.broadcast_id) == col(Broadcast.id))
        .where(
            col(Area.path).startswith(path),
            Broadcast.start_at <= now,
            col(Delivery.state).in_(OPEN),
        )
        .distinct()
        .order_by(col(Broadcast.start_at), col(Broadcast.id))
        .limit(MOST)
    ).all()
    return lines_of(session, places, found)


def lines_of(session: Session, places: Places, broadcasts: Sequence[Broadcast]) -> list[Line]:
    """Return lists' lines of broadcasts."""
    ids = [broadcast.id for broadcast in broadcasts]
    states = _states(session, ids)
    unheard = _count(session, ids, col(Delivery.sound) == Sound.NOT_CONFIRMED)
    cut_short = _count(
        session, ids, (col(Delivery.state) == DeliveryState.CANCELLED) & col(Delivery.started_at).is_not(None)
    )
    lines = []
    for broadcast in broadcasts:
        outcome = outcome_of(
            states.get(broadcast.id, []),
            unheard=unheard.get(broadcast.id, 0),
            cut_short=cut_short.get(broadcast.id, 0),
        )
        counts = {part.state.value: part.count for part in outcome.parts}
        counts[DeliveryState.PLAYED.value] = outcome.played
        audience = tuple(places.audience(session, broadcast.audience))
        lines.append(Line(broadcast, summarise(counts, cut_short=outcome.cut_short), outcome, audience))
    return lines


def _states(
    session: Session, broadcast_ids: Sequence[str]
) -> dict[str, list[tuple[DeliveryState, str | None]]]:
    found: dict[str, list[tuple[DeliveryState, str | None]]] = {}
    for first in range(0, len(broadcast_ids), 500):
        rows = session.execute(
            sa.select(col(Delivery.broadcast_id), col(Delivery.state), col(Delivery.reason)).where(
                col(Delivery.broadcast_id).in_(broadcast_ids[first : first + 500])
            )
        )
        for broadcast_id, state, reason in rows:
            found.setdefault(broadcast_id, []).append((state, reason))
    return found


def _count(session: Session, broadcast_ids: Sequence[str], which: sa.ColumnElement[bool]) -> dict[str, int]:
    """Return how many deliveries of a broadcast are such, for those with any."""
    found: dict[str, int] = {}
    for first in range(0, len(broadcast_ids), 500):
        rows = session.execute(
            sa.select(col(Delivery.broadcast_id), sa.func.count())
            .where(
                col(Delivery.broadcast_id).in_(broadcast_ids[first : first + 500]),
                which,
            )
            .group_by(col(Delivery.broadcast_id))
        )
        found.update((broadcast_id, count) for broadcast_id, count in rows)
    return found
