"""Whether a gateway is there: what births, wills and silence mean."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from sqlmodel import Session, col, select

from controller.gateways.models import Connectivity, GatewayState
from controller.gateways.standing import Standing
from wire.messages import State

SILENCE = timedelta(seconds=150)
"""Health comes each minute; two and a half without any word is no contact, will or not. It catches what a
broker killed without warning never told us."""


class Contact(StrEnum):
    """What the fleet page shows of a gateway."""

    ONLINE = "online"
    OFFLINE = "offline"
    UNVERIFIED = "unverified"
    """Was there before we or the broker restarted; being asked."""
    NEVER = "never"


def contact(state: GatewayState) -> Contact:
    """Return whether a gateway is there, as far as we know."""
    if state.online is not None:
        return Contact.ONLINE if state.online else Contact.OFFLINE
    return Contact.NEVER if state.heard_at is None else Contact.UNVERIFIED


def apply_state(session: Session, row: Standing, message: State, *, retained: bool, now: datetime) -> None:
    """Apply a birth or a will.

    A will of another boot than the current one is old news and ignored. What the broker had retained may be
    older than the gateway's last breath: it is never taken as proof of life.
    """
    if not message.online:
        if row.boot is None or row.boot == message.boot:
            row.playing_id = None
            set_online(session, row, online=False, now=now)
        return
    row.boot = message.boot
    row.agent_version = message.agent_version
    row.clock_offset_ms = message.clock_offset_ms
    row.volume_percent = message.volume_percent
    row.config_version = message.config_version
    row.playing_id = message.playing
    row.plan_confirmed = min(row.plan_confirmed, message.plan_version)  # a new disk: it has to be told again
    if not retained:
        heard(session, row, now)


def heard(session: Session, row: Standing, now: datetime) -> None:
    """Note a live message: the gateway is there."""
    row.heard_at = now
    set_online(session, row, online=True, now=now)


class _Presence(Protocol):
    """A gateway's row, as mapped or as `Standing`."""

    gateway_id: str
    online: bool | None

    @property
    def changed_at(self) -> object: ...
    @changed_at.setter
    def changed_at(self, value: datetime) -> None: ...


def set_online(session: Session, row: _Presence, *, online: bool, now: datetime) -> None:
    """Note that a gateway went or came back; the same again changes nothing."""
    if row.online is online:
        return
    row.online = online
    row.changed_at = now
    session.add(Connectivity(gateway_id=row.gateway_id, at=now, online=online))


def doubt_everyone(session: Session) -> None:
    """After our own start nothing is known to be there until it was heard."""
    for row in session.exec(select(GatewayState).where(col(GatewayState.online).is_(True))):
        row.online = None


def note_silent_gateways(session: Session, now: datetime, *, verified_from: datetime) -> list[str]:
    """Set those offline that have not been heard for too long; returns their ids.

    Args:
        session: A writing transaction.
        now: The present.
        verified_from: When we last (re)joined the broker: silence before that was ours.
    """
    if now - verified_from < SILENCE:
        return []
    silent = session.exec(
        select(GatewayState).where(
            col(GatewayState.online).is_not(False),
            col(GatewayState.heard_at).is_not(None),
            col(GatewayState.heard_at) < now - SILENCE,
        )
    ).all()
    for row in silent:
        set_online(session, row, online=False, now=now)
    return [row.gateway_id for row in silent]
