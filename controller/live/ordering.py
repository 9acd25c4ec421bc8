"""What a live voice orders at its press, and whether that still stands. Blocking: for worker threads."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from controller.broadcasts.audience import Audience, choose
from controller.broadcasts.delivery import OPEN
from controller.broadcasts.models import Broadcast, Delivery
from controller.db import writing
from controller.emergencies.models import Emergency, EmergencySource, EmergencyState
from controller.emergencies.service import NewEmergency, order
from controller.events import Change
from controller.people.access import Actor, Permission
from controller.people.service import who_is
from controller.people.step_up import require_step_up
from controller.services import Services
from controller.web.i18n import DEFAULT_LANGUAGE, sentence
from wire.messages import LiveSource
from wire.types import Mode


@dataclass(frozen=True, slots=True)
class Wanted:
    """What someone is about to say, to whom and how."""

    audience: Audience
    mode: Mode = Mode.ACTUAL
    title: str | None = None
    hazard: str | None = None
    level: int | None = None
    supersedes: tuple[str, ...] = ()
    alone_because: str = ""


@dataclass(frozen=True, slots=True)
class Ordered:
    """What was ordered, and by whom."""

    actor: Actor
    emergency_id: str
    broadcast_id: str
    gateways: int
    opens_in_ms: int
    """Until the announcement of a test or a drill is over; 0 for what is real."""


def look_around(
    svc: Services, token: str | None, address: str, wanted: Wanted
) -> tuple[tuple[str, ...], str]:
    """Return which gateways would hear it, and under which title; change nothing.

    Raises:
        NotLoggedIn: Nobody holds the token.
        Problem: As `controller.broadcasts.audience.choose` does.
    """
    now = svc.clock.now()
    with Session(svc.engine) as session:
        actor, _ = who_is(session, token, now=now, address=address)
        chosen = choose(session, actor, wanted.audience, svc.today(now), Permission.WARN)
        return tuple(chosen.gateway_ids), _title(actor)


def order_live(svc: Services, token: str | None, address: str, wanted: Wanted, source: LiveSource) -> Ordered:
    """Order it in one transaction, and have it sent.

    Raises:
        NotLoggedIn: Nobody holds the token any more.
        StepUpNeeded: They have not proved lately who they are.
        SomeoneSpeaks: At one of its gateways.
        Problem: As `controller.emergencies.service.order` does.
    """
    now = svc.clock.now()
    try:
        with Session(svc.engine) as session, session.begin():
            writing(session)
            actor, opened = who_is(session, token, now=now, address=address)
            actor.require(Permission.WARN)
            require_step_up(opened, now)
            chosen = choose(session, actor, wanted.audience, svc.today(now), Permission.WARN)
            svc.on_air.enter(source.session, actor.name, chosen.gateway_ids, phone=opened.token_sha256)
            emergency = order(session, actor, _new(actor, wanted, source), now=now, rules=svc.settings.rules)
            broadcasts = session.exec(select(Broadcast).where(Broadcast.emergency_id == emergency.id)).all()
            broadcast = next(each for each in broadcasts if each.live is not None)
            ordered = Ordered(
                actor,
                emergency.id,
                broadcast.id,
                len(chosen.gateway_ids),
                round((broadcast.start_at - now).total_seconds() * 1000),
            )
    except BaseException:
        svc.on_air.leave(source.session)
        raise
    svc.wake()
    svc.events.publish(Change("emergency", ordered.emergency_id), Change("broadcast", ordered.broadcast_id))
    return ordered


def still_stands(svc: Services, ordered: Ordered) -> bool:
    """Whether the emergency is not ended, and a gateway is left that may hear it."""
    with Session(svc.engine) as session:
        state = session.exec(select(Emergency.state).where(Emergency.id == ordered.emergency_id)).first()
        if state is not EmergencyState.ACTIVE:
            return False
        waiting = sa.exists().where(
            col(Delivery.broadcast_id) == ordered.broadcast_id, col(Delivery.state).in_(OPEN)
        )
        return bool(session.execute(sa.select(waiting)).scalar_one())


def _new(actor: Actor, wanted: Wanted, source: LiveSource) -> NewEmergency:
    return NewEmergency(
        title=wanted.title or _title(actor),
        source=EmergencySource.VOICE,
        audience=wanted.audience,
        live=source,
        mode=wanted.mode,
        hazard=wanted.hazard,
        level=wanted.level,
        supersedes=wanted.supersedes,
        alone_because=wanted.alone_because,
    )


def _title(actor: Actor) -> str:
    return sentence("live.title", DEFAULT_LANGUAGE, name=actor.name)
