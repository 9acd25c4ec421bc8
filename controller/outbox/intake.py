"""What a batch of messages from gateways makes of the database. One instance, one transaction."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import sqlalchemy as sa
import structlog
from sqlmodel import Session, col, select

from controller.broadcasts.settling import Settling
from controller.gateways.faults import note_fault
from controller.gateways.liveness import apply_state, heard
from controller.gateways.models import SecurityEvent
from controller.gateways.standing import Standing, Standings
from controller.outbox.models import Outbox
from controller.outbox.service import confirm
from wire import topics
from wire.messages import (
    Health,
    Report,
    Reports,
    State,
    WireError,
    decode_health,
    decode_reports,
    decode_state,
)
from wire.mqtt import Incoming
from wire.types import Event

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Up to which report of which journal everything is in the transaction."""

    gateway_id: str
    journal: str
    up_to: int


@dataclass(slots=True)
class Result:
    """What the caller does after the commit."""

    receipts: list[Receipt] = field(default_factory=list)
    broadcasts: set[str] = field(default_factory=set)
    gateways: set[str] = field(default_factory=set)
    refusals: set[str] = field(default_factory=set)
    faults: set[str] = field(default_factory=set)
    returned: tuple[str, ...] = ()
    """Gateways that came back: they are told the time, and there may be something to send them."""


FAULTS = frozenset({Event.FAULT, Event.FAULT_OVER})

Message = State | Health | Reports


class Intake:
    """Applies messages in the order of their arrival."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now
        self._result = Result()
        self._settling = Settling(session, now)
        self._confirmed: list[tuple[str, str]] = []
        self._back: list[str] = []
        self._standings = Standings(session)

    def take(self, batch: Iterable[Incoming]) -> Result:
        """Apply everything; what cannot be read is logged and counts as dealt with."""
        messages = [
            (gateway_id, incoming, message) for incoming in batch for gateway_id, message in _read(incoming)
        ]
        self._standings.load(gateway_id for gateway_id, _, _ in messages)
        self._settling.load(
            (broadcast_id, gateway_id)
            for gateway_id, _, message in messages
            if isinstance(message, Reports)
            for report in message.reports
            for broadcast_id in report.broadcast_ids
        )
        for gateway_id, incoming, message in messages:
            row = self._standings.get(gateway_id)
            if row is not None:
                self._apply(row, message, incoming)
        self._standings.write()
        self._send_to_those_back()
        confirm(self._session, self._confirmed)
        self._result.broadcasts |= self._settling.write()
        return self._result

    def _apply(self, row: Standing, message: Message, incoming: Incoming) -> None:
        self._result.gateways.add(row.gateway_id)
        was = (row.online, row.boot)
        if isinstance(message, State):
            apply_state(self._session, row, message, retained=incoming.retained, now=self._now)
        elif isinstance(message, Health):
            heard(self._session, row, self._now)
            row.health, row.health_at = msgspec.to_builtins(message), self._now
            row.clock_offset_ms = message.clock_offset_ms
            row.volume_percent = message.volume_percent
        else:
            heard(self._session, row, self._now)
            self._reports(row, message)
        if row.online and was != (True, row.boot):
            row.plan_attempts, row.plan_sent_at = 0, None
            self._back.append(row.gateway_id)

    def _send_to_those_back(self) -> None:
        """Send at once what waited for gateways that have come back."""
        for first in range(0, len(self._back), 500):
            self._session.execute(
                sa.update(Outbox)
                .where(col(Outbox.gateway_id).in_(self._back[first : first + 500]))
                .values(next_attempt_at=self._now)
            )
        self._result.returned = tuple(self._back)

    def _reports(self, row: Standing, message: Reports) -> None:
        if row.journal != message.journal:
            row.journal, row.reports_up_to = message.journal, 0
        row.reports_up_to = max(row.reports_up_to, message.oldest - 1)
        for report in message.reports:
            if report.n <= row.reports_up_to:
                continue
            self._report(row, report)
            if report.n == row.reports_up_to + 1:
                row.reports_up_to = report.n
        self._result.receipts.append(Receipt(row.gateway_id, message.journal, row.reports_up_to))

    def _report(self, row: Standing, report: Report) -> None:
        if report.event is Event.PLAN_STORED and report.plan_version is not None:
            row.plan_confirmed = max(row.plan_confirmed, min(report.plan_version, row.plan_version))
            self._settling.plan_stored(row.gateway_id, report.plan_version, report.at)
        self._confirmed.extend((order_id, row.gateway_id) for order_id in report.orders)
        if report.event is Event.REJECTED:
            self._refusal(row, report)
        if report.event in FAULTS and note_fault(self._session, row.gateway_id, report, self._now):
            self._result.faults.add(row.gateway_id)
        for broadcast_id in report.broadcast_ids:
            if self._settling.news(broadcast_id, row.gateway_id, report):
                row.last_played_at = report.started_at or report.at
                row.last_played_id = broadcast_id

    def _refusal(self, row: Standing, report: Report) -> None:
        assert row.journal is not None  # noqa: S101 - set by _reports just before
        known = self._session.exec(
            select(SecurityEvent.id).where(
                SecurityEvent.gateway_id == row.gateway_id,
                SecurityEvent.journal == row.journal,
                SecurityEvent.n == report.n,
            )
        ).first()
        if known is None:
            self._session.add(
                SecurityEvent(
                    gateway_id=row.gateway_id,
                    at=report.at,
                    arrived_at=self._now,
                    reason=(report.reason or "unknown")[:40],
                    detail=report.detail or "",
                    journal=row.journal,
                    n=report.n,
                )
            )
            self._result.refusals.add(row.gateway_id)


def _read(incoming: Incoming) -> Iterable[tuple[str, Message]]:
    try:
        topic = topics.parse(incoming.topic)
        if topic.direction != "up":
            return
        yield topic.gateway_id, _DECODERS[topic.channel](incoming.payload)
    except WireError as error:
        log.warning("unreadable_message", topic=incoming.topic, reason=str(error)[:200])


_DECODERS: Mapping[str, Callable[[bytes], Message]] = {
    "state": decode_state,
    "health": decode_health,
    "report": decode_reports,
}
