"""Applying gateways' news to deliveries, many at once: load, decide with `delivery`, write back."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from controller.broadcasts.delivery import SETTLED, DeliveryState, News, Progress, Route, on_news
from controller.broadcasts.models import Delivery, DeliveryHistory
from controller.bulk import update_rows
from wire.messages import Report
from wire.types import Event

_FIELDS = tuple(each.name for each in fields(Progress))
_CHUNK = 400
Key = tuple[str, str]


class Settling:
    """The deliveries that one batch of reports is about."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now
        self._ids: dict[Key, int] = {}
        self._loaded: dict[Key, Progress] = {}
        self._current: dict[Key, Progress] = {}
        self._history: list[dict[str, Any]] = []
        self._plans: set[str] = set()

    def load(self, keys: Iterable[Key]) -> None:
        """Read the deliveries of (broadcast id, gateway id) pairs."""
        by_broadcast: dict[str, list[str]] = {}
        for broadcast_id, gateway_id in sorted(set(keys)):
            by_broadcast.setdefault(broadcast_id, []).append(gateway_id)
        columns = [getattr(Delivery, name) for name in ("id", "gateway_id", *_FIELDS)]
        for broadcast_id, gateway_ids in by_broadcast.items():
            for first in range(0, len(gateway_ids), _CHUNK):
                rows = self._session.execute(
                    sa.select(*columns).where(
                        col(Delivery.broadcast_id) == broadcast_id,
                        col(Delivery.gateway_id).in_(gateway_ids[first : first + _CHUNK]),
                    )
                )
                for delivery_id, gateway_id, *values in rows:
                    self._ids[broadcast_id, gateway_id] = delivery_id
                    self._loaded[broadcast_id, gateway_id] = Progress(*values)
        self._current = dict(self._loaded)

    def news(self, broadcast_id: str, gateway_id: str, report: Report) -> bool:
        """Apply one report to one delivery; returns whether it says that something sounded."""
        before = self._current.get((broadcast_id, gateway_id))
        if before is None:
            return False
        after = on_news(before, _news(report))
        if after is before:
            return False
        self._current[broadcast_id, gateway_id] = after
        if after.state in SETTLED:
            self._history.append(
                {
                    "delivery_id": self._ids[broadcast_id, gateway_id],
                    "at": self._now,
                    "old": before.state,
                    "new": after.state,
                    "reason": after.reason,
                }
            )
        return after.state in {DeliveryState.PLAYING, DeliveryState.PLAYED, DeliveryState.PARTIAL}

    def plan_stored(self, gateway_id: str, version: int, at: datetime) -> None:
        """Everything that travelled with this plan or an earlier one has been received."""
        waiting = self._session.execute(
            sa.select(col(Delivery.id), col(Delivery.broadcast_id)).where(
                col(Delivery.gateway_id) == gateway_id,
                col(Delivery.route) == Route.PLAN,
                col(Delivery.state).in_((DeliveryState.PLANNED, DeliveryState.SENT)),
                col(Delivery.plan_version) <= version,
            )
        ).all()
        if not waiting:
            return
        unseen = []
        for delivery_id, broadcast_id in waiting:
            self._plans.add(broadcast_id)
            key = (broadcast_id, gateway_id)
            if key in self._current:
                # The row may be older than what this batch has said of it already.
                self._current[key] = on_news(self._current[key], News(event=Event.PLAN_STORED, at=at))
            else:
                unseen.append(delivery_id)
        for first in range(0, len(unseen), _CHUNK):
            self._session.execute(
                sa.update(Delivery)
                .where(col(Delivery.id).in_(unseen[first : first + _CHUNK]))
                .values(state=DeliveryState.RECEIVED, received_at=at)
            )

    def write(self) -> set[str]:
        """Write what changed, and only that; returns the broadcasts concerned."""
        changed = [key for key, progress in self._current.items() if progress is not self._loaded[key]]
        update_rows(
            self._session,
            Delivery,
            [{"id": self._ids[key], **_changes(self._loaded[key], self._current[key])} for key in changed],
        )
        if self._history:
            self._session.execute(sa.insert(DeliveryHistory), self._history)
        return self._plans | {broadcast_id for broadcast_id, _ in changed}


def _changes(before: Progress, after: Progress) -> dict[str, Any]:
    return {name: value for name in _FIELDS if (value := getattr(after, name)) != getattr(before, name)}


def _news(report: Report) -> News:
    return News(
        event=report.event,
        at=report.at,
        reason=report.reason,
        started_at=report.started_at,
        played_ms=report.played_ms,
        expected_ms=report.expected_ms,
        underruns=report.underruns,
        peak_db=report.peak_db,
        rms_db=report.rms_db,
        sound=report.sound,
        sound_confidence=report.sound_confidence,
        by=report.by,
    )
