"""Making broadcasts and finding them. Nothing is sent here; the dispatcher does, after the commit."""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Session, col

from controller.areas.models import Area
from controller.areas.owning import owned
from controller.audit.service import record
from controller.broadcasts.audience import choose
from controller.broadcasts.delivery import DeliveryState, Route, deadline
from controller.broadcasts.models import Broadcast, Delivery
from controller.broadcasts.playing import Playing, broadcast_of, item_of
from controller.bulk import insert_for_each
from controller.errors import InQuietHours, TooLong
from controller.gateways.models import Gateway, GatewayState
from controller.gateways.rules import HouseRules
from controller.outbox.models import OrderKind
from controller.outbox.service import put_order
from controller.people.access import Actor, Permission
from controller.people.second_person import require_second_person
from wire.types import Priority


def play_now(
    session: Session, actor: Actor, playing: Playing, *, now: datetime, rules: HouseRules, limit_ms: int
) -> Broadcast:
    """Order something to be played at once: one broadcast, one delivery and one order per gateway.

    Args:
        session: A writing transaction.
        actor: Who orders it.
        playing: What, and how.
        now: The present.
        rules: Hours and lengths that only an emergency breaks.
        limit_ms: How late a gateway may start while it still fetches the clip.

    Raises:
        InQuietHours: It would sound within the quiet hours.
        TooLong: It is longer than gateways may play.
        SecondPersonNeeded: It is an emergency for more than one commune, which is ordered as one.
        Problem: As `controller.broadcasts.audience.choose` does.
    """
    resolved = choose(session, actor, playing.audience, rules.today(now))
    if playing.priority is not Priority.EMERGENCY:
        refuse_against_rules(now, playing.duration_ms, rules)
    else:
        require_second_person(session.get_one(Area, resolved.area_id), playing.mode)
    broadcast = broadcast_of(playing, resolved.area_id, now, now=now, late_limit_ms=limit_ms)
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
    audit(session, actor, "play_now", broadcast, now, gateways=len(resolved.gateway_ids))
    return broadcast


def refuse_against_rules(start_at: datetime, duration_ms: int, rules: HouseRules) -> None:
    """Pass what gateways will let sound: the check that each of them makes again by itself.

    Raises:
        InQuietHours: It would sound in them; `params` say when it would start, by the clock on the wall.
        TooLong: `params` say how long it is, and how long it may be, in minutes.
    """
    quiet = rules.quiet
    if duration_ms > rules.longest_ms:
        minutes = math.ceil(duration_ms / 60_000)
        raise TooLong(field="repeat", minutes=minutes, longest=rules.longest_ms // 60_000)
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
    broadcast = broadcast_of(playing, area_id, start_at, now=now, late_limit_ms=playing.late_limit_ms)
    broadcast.schedule_id = schedule_id
    broadcast.created_by = created_by
    session.add(broadcast)
    session.flush()
    add_deliveries(session, broadcast, gateway_ids, Route.PLAN)
    return broadcast


def add_deliveries(session: Session, broadcast: Broadcast, gateway_ids: Sequence[str], route: Route) -> None:
    """Add one planned delivery per gateway, in one statement however many there are."""
    until = deadline(broadcast.start_at, broadcast.late_limit_ms, broadcast.duration_ms)
    insert_for_each(
        session,
        Delivery,
        {
            "broadcast_id": broadcast.id,
            "route": route,
            "state": DeliveryState.PLANNED,
            "start_at": broadcast.start_at,
            "deadline_at": until,
            "expected_ms": broadcast.duration_ms,
        },
        name="gateway_id",
        source=col(Gateway.id),
        keys=gateway_ids,
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


def get_broadcast(
    session: Session, actor: Actor, broadcast_id: str, permission: Permission = Permission.READ
) -> Broadcast:
    """Return a broadcast whose area is the actor's.

    Raises:
        NotFound: There is none, or it is someone else's; which of the two is not said.
        NotAllowed: The role does not do this.
    """
    actor.require(permission)
    return owned(session, actor, Broadcast, broadcast_id)


def audit(
    session: Session, actor: Actor, action: str, broadcast: Broadcast, now: datetime, **detail: object
) -> None:
    """Record what someone did to a broadcast, in the same transaction."""
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
