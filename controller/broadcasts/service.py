"""Making, stopping and cancelling broadcasts. Nothing is sent here; the dispatcher does, after the commit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.audit.service import record
from controller.broadcasts.audience import Audience, choose
from controller.broadcasts.delivery import OPEN, DeliveryState, Progress, Route, deadline, on_withdrawn
from controller.broadcasts.models import Broadcast, Delivery, DeliveryHistory
from controller.bulk import insert_rows, update_rows
from controller.bulletins.models import Bulletin
from controller.clips.models import Clip
from controller.columns import new_id
from controller.errors import AlreadyOver, InQuietHours, NotFound
from controller.gateways.models import GatewayState
from controller.outbox.models import OrderKind
from controller.outbox.service import put_order
from controller.people.access import Actor, Permission
from schedules.quiet_hours import QuietHours
from wire.messages import ClipRef, Item
from wire.types import LatenessPolicy, Mode, Priority

STOP_VALID = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Playing:
    """How something is to be played, the same for every occurrence."""

    bulletin: Bulletin
    clip: Clip
    title: str
    audience: Audience
    priority: Priority = Priority.NORMAL
    mode: Mode = Mode.ACTUAL
    repeat: int = 1
    gap_ms: int = 0
    lateness: LatenessPolicy = LatenessPolicy.PLAY_FROM_START
    late_limit_ms: int = 120_000

    @property
    def duration_ms(self) -> int:
        """All repeats and the gaps between them."""
        return self.clip.duration_ms * self.repeat + self.gap_ms * (self.repeat - 1)


def play_now(
    session: Session, actor: Actor, playing: Playing, *, now: datetime, quiet: QuietHours, limit_ms: int
) -> Broadcast:
    """Order something to be played at once: one broadcast, one delivery and one order per gateway.

    Args:
        session: A writing transaction.
        actor: Who orders it.
        playing: What, and how.
        now: The present.
        quiet: Hours that only an emergency breaks.
        limit_ms: How late a gateway may start while it still fetches the clip.

    Raises:
        InQuietHours: It would sound within them.
        Problem: As `controller.broadcasts.audience.choose` does.
    """
    resolved = choose(session, actor, playing.audience, now.astimezone(ZoneInfo(quiet.zone)).date())
    if playing.priority is not Priority.EMERGENCY:
        refuse_quiet_hours(now, playing.duration_ms, quiet)
    broadcast = _broadcast(playing, resolved.area_id, now, now=now, late_limit_ms=limit_ms)
    broadcast.created_by = actor.person_id
    session.add(broadcast)
    session.flush()
    add_deliveries(session, broadcast, resolved.gateway_ids, Route.ORDER)
    put_order(
        session,
        OrderKind.PLAY,
        {"item": item_of(broadcast)},
        resolved.gateway_ids,
        now=now,
        expires_at=now + timedelta(milliseconds=limit_ms),
        broadcast_id=broadcast.id,
        emergency=broadcast.priority is Priority.EMERGENCY,
    )
    _audit(session, actor, "play_now", broadcast, now, gateways=len(resolved.gateway_ids))
    return broadcast


def refuse_quiet_hours(start_at: datetime, duration_ms: int, quiet: QuietHours) -> None:
    """Pass when nothing would sound within the quiet hours.

    Raises:
        InQuietHours: It would; `params` say when it would start, by the clock on the wall.
    """
    if quiet.touched_by(start_at, duration_ms) is not None:
        local = start_at.astimezone(ZoneInfo(quiet.zone))
        raise InQuietHours(field="start", time=f"{local:%H:%M}")


def plan_broadcast(
    session: Session,
    playing: Playing,
    start_at: datetime,
    gateway_ids: Sequence[str],
    *,
    schedule_id: str,
    area_id: int,
    created_by: int | None,
    now: datetime,
) -> Broadcast:
    """Add one future broadcast of a schedule and its deliveries, to travel with the gateways' plans."""
    broadcast = _broadcast(playing, area_id, start_at, now=now, late_limit_ms=playing.late_limit_ms)
    broadcast.schedule_id = schedule_id
    broadcast.created_by = created_by
    session.add(broadcast)
    session.flush()
    add_deliveries(session, broadcast, gateway_ids, Route.PLAN)
    return broadcast


def add_deliveries(session: Session, broadcast: Broadcast, gateway_ids: Sequence[str], route: Route) -> None:
    """Add one planned delivery per gateway, in one statement however many there are."""
    until = deadline(broadcast.start_at, broadcast.late_limit_ms, broadcast.duration_ms)
    insert_rows(
        session,
        Delivery,
        [
            {
                "broadcast_id": broadcast.id,
                "gateway_id": gateway_id,
                "route": route,
                "state": DeliveryState.PLANNED,
                "start_at": broadcast.start_at,
                "deadline_at": until,
                "expected_ms": broadcast.duration_ms,
            }
            for gateway_id in gateway_ids
        ],
    )


def touch_plans(session: Session, gateway_ids: Iterable[str]) -> None:
    """Have the dispatcher build new plans for these gateways."""
    wanted = sorted(set(gateway_ids))
    for first in range(0, len(wanted), 500):
        session.execute(
            sa.update(GatewayState)
            .where(col(GatewayState.gateway_id).in_(wanted[first : first + 500]))
            .values(plan_wanted=GatewayState.plan_wanted + 1)
        )


def stop(session: Session, actor: Actor, broadcast_id: str, *, now: datetime) -> Broadcast:
    """Silence a broadcast that is due or sounding, and keep it from starting anywhere.

    Raises:
        NotFound: No such broadcast in the actor's area.
        AlreadyOver: Every delivery has ended.
    """
    broadcast = get_broadcast(session, actor, broadcast_id, Permission.STOP)
    open_ids = _open_gateways(session, broadcast.id)
    if not open_ids:
        raise AlreadyOver
    _withdraw(session, broadcast.id, now)
    put_order(
        session,
        OrderKind.STOP,
        {"broadcast_id": broadcast.id},
        open_ids,
        now=now,
        expires_at=max(now, broadcast.start_at) + STOP_VALID,
        broadcast_id=broadcast.id,
        emergency=broadcast.priority is Priority.EMERGENCY,
    )
    broadcast.stopped_at, broadcast.stopped_by = now, actor.person_id
    touch_plans(session, open_ids)
    _audit(session, actor, "stop", broadcast, now)
    return broadcast


def cancel(session: Session, actor: Actor, broadcast_id: str, *, now: datetime) -> Broadcast:
    """Cancel a broadcast that has not started yet; one that already sounds is stopped.

    Raises:
        NotFound: No such broadcast in the actor's area.
        AlreadyOver: Every delivery has ended.
    """
    broadcast = get_broadcast(session, actor, broadcast_id, Permission.STOP)
    if broadcast.start_at <= now:
        return stop(session, actor, broadcast_id, now=now)
    open_ids = _open_gateways(session, broadcast.id)
    if not open_ids:
        raise AlreadyOver
    cancel_row(session, broadcast, open_ids, now=now, person_id=actor.person_id)
    _audit(session, actor, "cancel", broadcast, now)
    return broadcast


def cancel_row(
    session: Session,
    broadcast: Broadcast,
    gateway_ids: Sequence[str],
    *,
    now: datetime,
    person_id: int | None,
) -> None:
    """Withdraw what no gateway knows of yet and tell the others."""
    _withdraw(session, broadcast.id, now)
    put_order(
        session,
        OrderKind.CANCEL,
        {"broadcast_ids": [broadcast.id]},
        gateway_ids,
        now=now,
        expires_at=broadcast.start_at + STOP_VALID,
        broadcast_id=broadcast.id,
    )
    broadcast.cancelled_at, broadcast.cancelled_by = now, person_id
    touch_plans(session, gateway_ids)


def stop_all(session: Session, actor: Actor, area: Area, *, now: datetime) -> int:
    """Silence everything that is due or sounding in an area; returns how many gateways were told."""
    actor.require(Permission.STOP, area.path)
    from controller.gateways.service import gateways_in  # noqa: PLC0415 - gateways know broadcasts too

    gateway_ids = [gateway.id for gateway in gateways_in(session, area.path) if gateway.enabled]
    if gateway_ids:
        put_order(session, OrderKind.STOP, {}, gateway_ids, now=now, expires_at=now + timedelta(minutes=10))
    record(
        session,
        now,
        "stop_all",
        person_id=actor.person_id,
        area_id=area.id,
        address=actor.address,
        detail={"gateways": len(gateway_ids)},
    )
    return len(gateway_ids)


def get_broadcast(
    session: Session, actor: Actor, broadcast_id: str, permission: Permission = Permission.READ
) -> Broadcast:
    """Return a broadcast whose area is the actor's.

    Raises:
        NotFound: There is none, or it is someone else's; which of the two is not said.
        NotAllowed: The role does not do this.
    """
    actor.require(permission)
    broadcast = session.get(Broadcast, broadcast_id)
    area = session.get(Area, broadcast.area_id) if broadcast else None
    if broadcast is None or area is None or not area.path.startswith(actor.area_path):
        raise NotFound
    return broadcast


def item_of(broadcast: Broadcast) -> Item:
    """Return a broadcast as gateways know it."""
    return Item(
        broadcast_id=broadcast.id,
        start_at=broadcast.start_at,
        clips=(
            ClipRef(
                sha256=broadcast.clip_sha256,
                size_bytes=broadcast.clip_size_bytes,
                duration_ms=broadcast.clip_duration_ms,
            ),
        ),
        repeat=broadcast.repeat,
        gap_ms=broadcast.gap_ms,
        priority=broadcast.priority,
        mode=broadcast.mode,
        lateness=broadcast.lateness,
        late_limit_ms=broadcast.late_limit_ms,
    )


def _broadcast(
    playing: Playing, area_id: int, start_at: datetime, *, now: datetime, late_limit_ms: int
) -> Broadcast:
    return Broadcast(
        id=new_id(),
        area_id=area_id,
        bulletin_id=playing.bulletin.id,
        title=playing.title,
        start_at=start_at,
        duration_ms=playing.duration_ms,
        clip_sha256=playing.clip.sha256,
        clip_size_bytes=playing.clip.size_bytes,
        clip_duration_ms=playing.clip.duration_ms,
        repeat=playing.repeat,
        gap_ms=playing.gap_ms,
        priority=playing.priority,
        mode=playing.mode,
        lateness=playing.lateness,
        late_limit_ms=late_limit_ms,
        audience=playing.audience.stored(),
        created_at=now,
    )


def _open_gateways(session: Session, broadcast_id: str) -> list[str]:
    return list(
        session.exec(
            select(Delivery.gateway_id).where(
                Delivery.broadcast_id == broadcast_id, col(Delivery.state).in_(OPEN)
            )
        )
    )


def _withdraw(session: Session, broadcast_id: str, now: datetime) -> None:
    """Cancel at once what no gateway can have heard of."""
    rows = session.execute(
        sa.select(col(Delivery.id), col(Delivery.state), col(Delivery.deadline_at)).where(
            col(Delivery.broadcast_id) == broadcast_id, col(Delivery.state) == DeliveryState.PLANNED
        )
    ).all()
    updates, history = [], []
    for delivery_id, state, deadline_at in rows:
        after = on_withdrawn(Progress(state, deadline_at), now)
        settled = {"state": after.state, "reason": after.reason, "settled_at": after.settled_at}
        updates.append({"id": delivery_id, **settled})
        history.append(
            {"delivery_id": delivery_id, "at": now, "old": state, "new": after.state, "reason": after.reason}
        )
    if updates:
        update_rows(session, Delivery, updates)
        session.execute(sa.insert(DeliveryHistory), history)


def _audit(
    session: Session, actor: Actor, action: str, broadcast: Broadcast, now: datetime, **detail: object
) -> None:
    record(
        session,
        now,
        action,
        person_id=actor.person_id,
        subject=broadcast.id,
        area_id=broadcast.area_id,
        address=actor.address,
        detail={"title": broadcast.title, **detail},
    )
