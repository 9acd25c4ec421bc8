"""What goes on by itself: repeats, and the end of what is over. Called by the dispatcher."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from controller.audit.service import record
from controller.broadcasts.audience import Audience, resolve
from controller.emergencies.models import Emergency, EmergencyState, Ending
from controller.emergencies.sounding import sound
from controller.emergencies.superseding import open_broadcasts
from wire.types import Mode

AHEAD = 3
"""Repeats that gateways hold beforehand: they sound though the controller or the network is down."""


def next_repeats(emergency: Emergency, now: datetime) -> list[datetime]:
    """Return the starts of the repeats that are to be ordered now. Pure.

    Repeats keep to the times of the first one; those that went by unordered are left out.
    """
    if emergency.every_ms is None or emergency.ordered_until_at is None:
        return []
    every = timedelta(milliseconds=emergency.every_ms)
    start_at = emergency.ordered_until_at + every
    if start_at < now:
        start_at += every * -((start_at - now) // every)
    starts = []
    while start_at <= min(emergency.until_at, now + AHEAD * every):
        starts.append(start_at)
        start_at += every
    return starts


def go_on(session: Session, *, now: datetime, zone: ZoneInfo) -> set[str]:
    """Order repeats that are near, and end emergencies whose time is over; returns those that changed."""
    changed = set()
    active = session.exec(select(Emergency).where(col(Emergency.state) != EmergencyState.ENDED)).all()
    for emergency in active:
        if _is_over(session, emergency, now):
            continue_no_more(session, emergency, now=now)
            changed.add(emergency.id)
        elif emergency.state is EmergencyState.ACTIVE:
            changed.update(_repeat(session, emergency, now, zone))
    return changed


def continue_no_more(session: Session, emergency: Emergency, *, now: datetime) -> None:
    """End an emergency by itself; what sounds of it sounds to its end."""
    is_test = emergency.mode is not Mode.ACTUAL and emergency.until_at > now
    emergency.state, emergency.ended_at = EmergencyState.ENDED, now
    emergency.ending = Ending.FINISHED if is_test else Ending.EXPIRED
    record(
        session,
        now,
        f"end_{emergency.ending.value}",
        subject=emergency.id,
        area_id=emergency.area_id,
        detail={"title": emergency.title},
    )


def _is_over(session: Session, emergency: Emergency, now: datetime) -> bool:
    if emergency.until_at <= now:
        return True
    once_only = emergency.every_ms is None and emergency.mode is not Mode.ACTUAL
    is_on = emergency.state is EmergencyState.ACTIVE
    return once_only and is_on and not open_broadcasts(session, emergency.id)


def _repeat(session: Session, emergency: Emergency, now: datetime, zone: ZoneInfo) -> set[str]:
    starts = next_repeats(emergency, now)
    if not starts:
        return set()
    # Anew each time: a gateway that was enrolled or repaired since is meant as well.
    today = now.astimezone(zone).date()
    gateway_ids = resolve(session, Audience.load(emergency.audience), today)
    for start_at in starts:
        sound(session, emergency, gateway_ids, start_at=start_at, now=now)
    return {emergency.id}
