"""How well a drill went: who sounded, how soon, who was heard, and who was silent. Pure but for two reads."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct
from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.broadcasts.delivery import OPEN, SOUNDED, DeliveryState
from controller.broadcasts.models import Broadcast, Delivery
from controller.gateways.models import Gateway
from wire.types import Sound

IN_TIME = timedelta(seconds=10)
"""Whoever begins later than this after the order was late: an emergency is promised to sound within it."""

NOT_HEARD = "not_heard"
"""The gateway played it, and the probe that listened did not hear it."""

_VERDICTS = frozenset({Sound.CONFIRMED, Sound.NOT_CONFIRMED})


class Answer(Struct, frozen=True, kw_only=True):
    """What one gateway said of a drill."""

    gateway_id: str
    name: str
    area: str
    state: DeliveryState
    reason: str | None = None
    started_at: datetime | None = None
    sound: Sound | None = None


class SilentGateway(Struct, frozen=True, kw_only=True):
    """A gateway that was not heard."""

    gateway_id: str
    name: str
    area: str
    reason: str
    """Its own reason, else the state its delivery is in, else `NOT_HEARD`."""


class Score(Struct, frozen=True, kw_only=True):
    """A drill in figures. Silence is never success: what has not answered has not sounded."""

    total: int
    sounded: int
    in_time: int
    """Of those that sounded, how many began within ten seconds, by the gateway's own clock."""
    probed: int
    """Gateways whose probe said for certain whether it sounded."""
    confirmed: int
    silent: tuple[SilentGateway, ...] = ()

    @property
    def percent(self) -> int:
        """Share that sounded in time, rounded down: 100 is all of them."""
        return self.in_time * 100 // self.total if self.total else 0


def score(answers: Sequence[Answer], start_at: datetime) -> Score:
    """Return how well a drill went, from what each gateway has said so far. Pure."""
    sounded = [each for each in answers if _why_silent(each) is None]
    return Score(
        total=len(answers),
        sounded=len(sounded),
        in_time=sum(_began_in_time(each, start_at) for each in sounded),
        probed=sum(each.sound in _VERDICTS for each in answers),
        confirmed=sum(each.sound is Sound.CONFIRMED for each in answers),
        silent=tuple(
            SilentGateway(gateway_id=each.gateway_id, name=each.name, area=each.area, reason=why)
            for each in answers
            if (why := _why_silent(each)) is not None
        ),
    )


def answers_of(session: Session, broadcast: Broadcast) -> list[Answer]:
    """Read what each gateway has said of a broadcast, by their ids."""
    rows = session.execute(
        sa.select(
            col(Gateway.id),
            col(Gateway.name),
            col(Area.name),
            col(Delivery.state),
            col(Delivery.reason),
            col(Delivery.started_at),
            col(Delivery.sound),
        )
        .join(Gateway, col(Gateway.id) == col(Delivery.gateway_id))
        .join(Area, col(Area.id) == col(Gateway.area_id))
        .where(col(Delivery.broadcast_id) == broadcast.id)
        .order_by(col(Gateway.id))
    )
    return [
        Answer(
            gateway_id=gateway_id,
            name=name,
            area=area,
            state=state,
            reason=reason,
            started_at=started_at,
            sound=sound,
        )
        for gateway_id, name, area, state, reason, started_at, sound in rows
    ]


def is_open(session: Session, broadcast: Broadcast) -> bool:
    """Whether a gateway may still say something of a broadcast in time."""
    query = select(Delivery.id).where(Delivery.broadcast_id == broadcast.id, col(Delivery.state).in_(OPEN))
    return session.exec(query.limit(1)).first() is not None


def _why_silent(answer: Answer) -> str | None:
    """Return why a gateway was not heard, None if it was."""
    if answer.started_at is None and answer.state not in SOUNDED:
        return answer.reason or answer.state.value
    return NOT_HEARD if answer.sound is Sound.NOT_CONFIRMED else None


def _began_in_time(answer: Answer, start_at: datetime) -> bool:
    return answer.started_at is not None and answer.started_at - start_at <= IN_TIME
