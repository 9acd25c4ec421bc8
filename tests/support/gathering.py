"""Reads what a finished run has left behind into `support.evidence.Evidence`.

There are two ways to it: a `support.town.Town` has a real controller (`of_town`); poles with a
`support.far_end.FarEnd` have only what that heard (`of_poles`).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from sqlmodel import Session, col, select
from support.evidence import Committed, Deed, Ending, Evidence, Kept, Promise, Told
from support.far_end import FarEnd
from support.listening import Samples
from support.pole import Pole
from support.recording import Recording
from support.sound import decode_clip
from support.town import Town

from controller.audit.models import AuditRow
from controller.audit.service import verify
from controller.broadcasts.delivery import DeliveryState, News, Progress, deadline, on_news
from controller.broadcasts.models import Broadcast, Delivery, DeliveryHistory
from controller.db import make_engine
from controller.gateways.models import GatewayState
from device_agent.journal import JOURNAL_FILE, SqliteJournal
from wire.messages import Item, Report


def of_town(
    town: Town,
    *,
    checked_at: datetime,
    healed_at: datetime | None,
    promises: Iterable[Promise] = (),
    recordings: Mapping[str, Recording] | None = None,
) -> Evidence:
    """Read what a town has left behind; it may still be running.

    Args:
        town: The town.
        checked_at: The present.
        healed_at: When the last fault ended.
        promises: What the controller has answered 2xx to.
        recordings: Those to be used in place of what is on disk (clocks that were wrong, put right).
    """
    engine = make_engine(town.settings.url)
    with Session(engine) as session:
        broadcasts = {each.id: each for each in session.exec(select(Broadcast))}
        told = tuple(_told(session, broadcasts))
        committed = {
            each.gateway_id: Committed(each.journal, each.reports_up_to)
            for each in session.exec(select(GatewayState))
        }
        deeds = tuple(
            Deed(each.id, each.at, each.action, each.subject)
            for each in session.exec(select(AuditRow).order_by(col(AuditRow.id)))
        )
        broken = tuple(verify(session))
    engine.dispose()
    made = frozenset(each.schedule_id or each.id for each in broadcasts.values() if each.created_by)
    return Evidence(
        told=told,
        sounds={
            sha256: decode_clip(town.stored_clip(sha256))
            for sha256 in {each.clip_sha256 for each in broadcasts.values()}
        },
        recordings=recordings or {each: town.recording(each) for each in town.gateway_ids},
        kept={each: kept_in(town.directory / each) for each in town.gateway_ids},
        committed=committed,
        promises=tuple(promises),
        deeds=deeds,
        must_be_audited=made,
        breaks=broken,
        checked_at=checked_at,
        healed_at=healed_at,
    )


def _told(session: Session, broadcasts: Mapping[str, Broadcast]) -> Iterable[Told]:
    endings: dict[int, list[Ending]] = {}
    for row in session.exec(select(DeliveryHistory).order_by(col(DeliveryHistory.id))):
        endings.setdefault(row.delivery_id, []).append(Ending(row.at, row.old, row.new, row.reason))
    for each in session.exec(select(Delivery).order_by(col(Delivery.id))):
        broadcast = broadcasts[each.broadcast_id]
        yield Told(
            broadcast_id=each.broadcast_id,
            gateway_id=each.gateway_id,
            title=broadcast.title,
            start_at=each.start_at,
            duration_ms=broadcast.duration_ms,
            late_limit_ms=broadcast.late_limit_ms,
            deadline_at=each.deadline_at,
            sound=broadcast.clip_sha256,
            state=each.state,
            repeat=broadcast.repeat,
            lateness=broadcast.lateness,
            priority=broadcast.priority,
            reason=each.reason,
            received_at=each.received_at,
            started_at=each.started_at,
            played_ms=each.played_ms,
            expected_ms=each.expected_ms,
            underruns=each.underruns or 0,
            endings=tuple(endings.get(each.id, ())),
        )


def of_poles(
    far_end: FarEnd,
    poles: Iterable[Pole],
    ordered: Mapping[str, Iterable[Item]],
    sounds: Mapping[str, Samples],
    *,
    checked_at: datetime,
    healed_at: datetime | None,
    recordings: Mapping[str, Recording] | None = None,
) -> Evidence:
    """Read what poles have left behind whose orders came from a `FarEnd`.

    Args:
        far_end: What heard their reports.
        poles: The gateways.
        ordered: By gateway, what was ordered of it; each item of one clip.
        sounds: By the clip's hash, as the gateway decodes it.
        checked_at: The present.
        healed_at: When the last fault ended.
        recordings: Those to be used in place of what is on disk.
    """
    poles = tuple(poles)
    return Evidence(
        told=tuple(
            _from_reports(gateway_id, item, far_end.about(gateway_id, item.broadcast_id))
            for gateway_id, items in ordered.items()
            for item in items
        ),
        sounds=sounds,
        recordings=recordings or {each.gateway_id: each.recording for each in poles},
        kept={each.gateway_id: kept_in(each.directory / "state") for each in poles},
        promises=tuple(
            Promise(item.broadcast_id, frozenset({gateway_id}))
            for gateway_id, items in ordered.items()
            for item in items
        ),
        checked_at=checked_at,
        healed_at=healed_at,
    )


def _from_reports(gateway_id: str, item: Item, reports: Iterable[Report]) -> Told:
    until = deadline(item.start_at, item.late_limit_ms, item.duration_ms)
    progress, endings = Progress(DeliveryState.SENT, until), []
    for report in reports:
        after = on_news(progress, _news(report))
        if after.settled_at is not None and after is not progress:
            endings.append(Ending(report.at, progress.state, after.state, after.reason))
        progress = after
    return Told(
        broadcast_id=item.broadcast_id,
        gateway_id=gateway_id,
        title=item.broadcast_id,
        start_at=item.start_at,
        duration_ms=item.duration_ms,
        late_limit_ms=item.late_limit_ms,
        deadline_at=until,
        sound=item.clips[0].sha256,
        state=progress.state,
        repeat=item.repeat,
        lateness=item.lateness,
        priority=item.priority,
        reason=progress.reason,
        received_at=progress.received_at,
        started_at=progress.started_at,
        played_ms=progress.played_ms,
        expected_ms=progress.expected_ms,
        underruns=progress.underruns or 0,
        endings=tuple(endings),
    )


def _news(report: Report) -> News:
    return News(
        event=report.event,
        at=report.at,
        reason=report.reason,
        started_at=report.started_at,
        played_ms=report.played_ms,
        expected_ms=report.expected_ms,
        underruns=report.underruns,
        by=report.by,
    )


def kept_in(state_dir: Path) -> Kept:
    """Read a gateway's journal; its agent may be running."""
    journal = SqliteJournal.open_to_read(state_dir / JOURNAL_FILE)
    try:
        held = journal.load()
        waiting = tuple(report.n for report in journal.reports(0, 1_000_000))
        return Kept(
            journal_id=held.journal_id,
            held=frozenset(held.entries),
            ended=frozenset(held.settled),
            last_n=journal._last_n,
            waiting=waiting,
        )
    finally:
        journal.close()
