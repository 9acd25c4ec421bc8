"""The roll-call: who has heard an emergency, hamlet by hamlet, and whom to ring where it is silent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.broadcasts.delivery import DeliveryState
from controller.broadcasts.models import Broadcast, Delivery
from controller.emergencies.models import Emergency
from controller.emergencies.nearest import Keeper, nearest_keeper
from controller.gateways.models import Gateway

SILENT_AFTER = timedelta(seconds=10)
"""A gateway that has not begun by then is named."""


class Phase(StrEnum):
    """How far an emergency is at one gateway."""

    WAITING = "waiting"
    """Not handed to the broker yet."""
    SENT = "sent"
    RECEIVED = "received"
    """Confirmed by the gateway, not sounding yet."""
    SOUNDING = "sounding"
    FINISHED = "finished"
    """It has sounded: to its end, or as far as it came."""
    FAILED = "failed"
    UNKNOWN = "unknown"


_S = DeliveryState
PHASES = {
    _S.PLANNED: Phase.WAITING,
    _S.SENT: Phase.SENT,
    _S.RECEIVED: Phase.RECEIVED,
    _S.READY: Phase.RECEIVED,
    _S.PLAYING: Phase.SOUNDING,
    _S.PLAYED: Phase.FINISHED,
    _S.PARTIAL: Phase.FINISHED,
    _S.PREEMPTED: Phase.FINISHED,
    _S.FAILED: Phase.FAILED,
    _S.REJECTED: Phase.FAILED,
    _S.CANCELLED: Phase.FAILED,
    _S.EXPIRED: Phase.FAILED,
    _S.MISSED: Phase.FAILED,
    _S.UNKNOWN: Phase.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One gateway in the roll-call."""

    gateway_id: str
    name: str
    area_id: int
    area: str
    state: DeliveryState
    reason: str | None = None
    started: bool = False

    @property
    def phase(self) -> Phase:
        """How far it is. What sounded and was then stopped has sounded."""
        phase = PHASES[self.state]
        return Phase.FINISHED if phase is Phase.FAILED and self.started else phase


@dataclass(frozen=True, slots=True)
class Silent:
    """A gateway that is not heard, and whom to ring."""

    answer: Answer
    person: str = ""
    phone: str = ""


@dataclass(slots=True)
class HamletCount:
    """How many gateways of a hamlet are how far."""

    area_id: int
    name: str
    counts: dict[Phase, int] = field(default_factory=lambda: dict.fromkeys(Phase, 0))

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    @property
    def heard(self) -> int:
        """Where it sounds or has sounded."""
        return self.counts[Phase.SOUNDING] + self.counts[Phase.FINISHED]


@dataclass(frozen=True, slots=True)
class RollCall:
    """Who has heard the newest sound of an emergency."""

    broadcast_id: str | None
    start_at: datetime | None
    hamlets: tuple[HamletCount, ...]
    silent: tuple[Silent, ...]

    @property
    def total(self) -> int:
        """All gateways that it was meant for."""
        return self.count()

    @property
    def heard(self) -> int:
        """Where it sounds or has sounded."""
        return self.count(Phase.SOUNDING, Phase.FINISHED)

    def count(self, *phases: Phase) -> int:
        """Return how many gateways are in one of these phases; all of them without any."""
        return sum(hamlet.counts[phase] for hamlet in self.hamlets for phase in phases or tuple(Phase))


def call(
    answers: Sequence[Answer],
    keepers: Iterable[Keeper],
    *,
    broadcast_id: str,
    start_at: datetime,
    now: datetime,
) -> RollCall:
    """Count answers by hamlet, and name those who are silent ten seconds after the start. Pure."""
    hamlets: dict[int, HamletCount] = {}
    for answer in answers:
        hamlet = hamlets.setdefault(answer.area_id, HamletCount(answer.area_id, answer.area))
        hamlet.counts[answer.phase] += 1
    known = {keeper.gateway_id: keeper for keeper in keepers}
    silent = []
    if now - start_at >= SILENT_AFTER:
        for answer in answers:
            if answer.phase not in {Phase.SOUNDING, Phase.FINISHED}:
                found = nearest_keeper(known[answer.gateway_id], known.values())
                silent.append(Silent(answer, found.name if found else "", found.phone if found else ""))
    by_name = sorted(hamlets.values(), key=lambda hamlet: (hamlet.name, hamlet.area_id))
    return RollCall(broadcast_id, start_at, tuple(by_name), tuple(silent))


def roll_call(session: Session, emergency: Emergency, *, now: datetime, within: str) -> RollCall:
    """Return who has heard the newest sound of an emergency that is due.

    Args:
        session: Only read from.
        emergency: Which.
        now: The present.
        within: Path of the area whose gateways are called: a neighbour's are none of the reader's business.
    """
    newest = session.exec(
        select(Broadcast)
        .where(Broadcast.emergency_id == emergency.id, Broadcast.start_at <= now)
        .order_by(col(Broadcast.start_at).desc(), col(Broadcast.id).desc())
        .limit(1)
    ).first()
    if newest is None:
        return RollCall(None, None, (), ())
    rows = session.execute(
        sa.select(
            col(Gateway.id),
            col(Gateway.name),
            col(Area.id),
            col(Area.name),
            col(Delivery.state),
            col(Delivery.reason),
            col(Delivery.started_at),
        )
        .join(Gateway, col(Gateway.id) == col(Delivery.gateway_id))
        .join(Area, col(Area.id) == col(Gateway.area_id))
        .where(col(Delivery.broadcast_id) == newest.id, col(Area.path).startswith(within))
        .order_by(col(Area.path), col(Gateway.id))
    ).all()
    answers = [
        Answer(gateway_id, name, area_id, area, state, reason, started=started_at is not None)
        for gateway_id, name, area_id, area, state, reason, started_at in rows
    ]
    return call(answers, _keepers(session, within), broadcast_id=newest.id, start_at=newest.start_at, now=now)


def _keepers(session: Session, within: str) -> list[Keeper]:
    rows = session.execute(
        sa.select(
            col(Gateway.id),
            col(Gateway.area_id),
            col(Gateway.keeper_name),
            col(Gateway.keeper_phone),
            col(Gateway.latitude),
            col(Gateway.longitude),
        )
        .join(Area, col(Area.id) == col(Gateway.area_id))
        .where(col(Area.path).startswith(within))
    )
    return [Keeper(*row) for row in rows]
