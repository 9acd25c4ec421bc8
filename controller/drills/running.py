"""What drills do by themselves: begin at their time, or never, and be scored. Called by the dispatcher."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, func, select

from controller.areas.models import Area
from controller.audit.service import record
from controller.broadcasts.audience import Audience
from controller.broadcasts.models import Broadcast
from controller.db import writing
from controller.drills.models import Drill, DrillState
from controller.drills.scoring import answers_of, is_open, score
from controller.drills.service import rehearsal
from controller.emergencies import service as emergencies
from controller.emergencies.models import Emergency, EmergencySource, EmergencyState
from controller.errors import NotAllowed, Problem, RealEmergency
from controller.events import Change
from controller.gateways.rules import HouseRules
from controller.people.access import Actor
from controller.people.models import Person
from wire.types import Mode

LATE_LIMIT = timedelta(minutes=10)
"""A controller that comes back later than this after a drill's time lets it be: nobody expects it now."""
SCORED_AFTER = timedelta(seconds=20)
"""After its end, though not every gateway has answered: those are silent."""
AMENDED_FOR = timedelta(days=1)
"""So long a gateway that comes back may still say that it had sounded."""
LOOK_EVERY = timedelta(seconds=5)


class DrillClock:
    """Begins and scores drills, looking at the tables no more often than there is something to find."""

    def __init__(self, engine: Engine, rules: HouseRules) -> None:
        self._engine = engine
        self._rules = rules
        self.next_at: datetime | None = None
        """When `step` has something to do; None is at once."""

    def step(self, now: datetime) -> list[Change]:
        """Do what is due, and return what changed."""
        if self.next_at is not None and now < self.next_at:
            return []
        with Session(self._engine) as session:
            is_due = _next_start(session, now) <= now or bool(_unsettled(session, now))
        changed: set[str] = set()
        if is_due:
            with Session(self._engine) as session, session.begin():
                writing(session)
                changed = start_due(session, now=now, rules=self._rules) | settle(session, now=now)
        with Session(self._engine) as session:
            self.next_at = min(_next_start(session, now), now + LOOK_EVERY)
        return [Change("drill", each) for each in sorted(changed)]


def start_due(session: Session, *, now: datetime, rules: HouseRules) -> set[str]:
    """Order each drill whose time has come, or note why not; returns those that changed."""
    due = session.exec(select(Drill).where(Drill.state == DrillState.SCHEDULED, Drill.start_at <= now)).all()
    for drill in due:
        if now - drill.start_at > LATE_LIMIT:
            drill.state = DrillState.MISSED
            _audit(session, drill, "miss_drill", now)
            continue
        try:
            drill.emergency_id = _order(session, drill, now=now, rules=rules).id
        except Problem as problem:
            drill.state, drill.reason = DrillState.REFUSED, problem.code
            _audit(session, drill, "refuse_drill", now)
        else:
            drill.state = DrillState.SOUNDING
    return {drill.id for drill in due}


def settle(session: Session, *, now: datetime) -> set[str]:
    """Score what is over, and again what gateways amend later; returns those whose score changed."""
    changed = set()
    for drill in _unsettled(session, now):
        broadcast = _broadcast_of(session, drill)
        if broadcast is None:
            continue
        ends_at = broadcast.start_at + timedelta(milliseconds=broadcast.duration_ms)
        if (
            drill.state is DrillState.SOUNDING
            and is_open(session, broadcast)
            and now < ends_at + SCORED_AFTER
        ):
            continue
        found = msgspec.to_builtins(score(answers_of(session, broadcast), broadcast.start_at))
        if found != drill.score:
            drill.score, drill.state, drill.scored_at = found, DrillState.SCORED, now
            changed.add(drill.id)
    return changed


def _order(session: Session, drill: Drill, *, now: datetime, rules: HouseRules) -> Emergency:
    """Order a drill's sound in the name of whoever scheduled it.

    Raises:
        NotAllowed: They may not warn any more.
        RealEmergency: Something real goes on there; nobody must take it for a drill, or the other way round.
        Problem: As `controller.emergencies.service.order` does.
    """
    actor = _scheduler(session, drill)
    area = session.get_one(Area, drill.area_id)
    if _is_real_emergency(session, area.path):
        raise RealEmergency
    found = rehearsal(session, area.path, drill.warning_key)
    new = emergencies.NewEmergency(
        title=drill.title,
        source=EmergencySource.WARNING,
        audience=Audience.load(drill.audience),
        clips=found.clips,
        mode=Mode.DRILL,
        text=found.warning.main.text,
        bulletin_id=found.warning.main.id,
        warning_key=drill.warning_key,
        hazard=found.warning.main.hazard,
        level=found.warning.main.level,
        gain_db=drill.gain_db,
    )
    return emergencies.order(session, actor, new, now=now, rules=rules)


def _scheduler(session: Session, drill: Drill) -> Actor:
    person = session.get(Person, drill.created_by) if drill.created_by is not None else None
    if person is None or not person.enabled:
        raise NotAllowed
    path = session.get_one(Area, person.area_id).path
    return Actor(person.id, person.name, person.role, person.area_id, path)


def _is_real_emergency(session: Session, area_path: str) -> bool:
    paths = session.exec(
        select(Area.path)
        .join(Emergency, col(Emergency.area_id) == col(Area.id))
        .where(Emergency.state == EmergencyState.ACTIVE, Emergency.mode == Mode.ACTUAL)
    )
    return any(path.startswith(area_path) or area_path.startswith(path) for path in paths)


def _next_start(session: Session, now: datetime) -> datetime:
    """Return when the next drill begins; a day ahead if none does."""
    found = session.exec(select(func.min(Drill.start_at)).where(Drill.state == DrillState.SCHEDULED)).one()
    return found or now + timedelta(days=1)


def _unsettled(session: Session, now: datetime) -> list[Drill]:
    """Return the drills that sound, and those of the last day that not everyone has answered."""
    rows = session.exec(
        select(Drill).where(
            col(Drill.state).in_((DrillState.SOUNDING, DrillState.SCORED)), Drill.start_at > now - AMENDED_FOR
        )
    )
    return [drill for drill in rows if drill.score is None or drill.score["silent"]]


def _broadcast_of(session: Session, drill: Drill) -> Broadcast | None:
    return session.exec(
        select(Broadcast)
        .where(Broadcast.emergency_id == drill.emergency_id)
        .order_by(col(Broadcast.id))
        .limit(1)
    ).first()


def _audit(session: Session, drill: Drill, action: str, now: datetime) -> None:
    record(
        session,
        now,
        action,
        person_id=drill.created_by,
        subject=drill.id,
        area_id=drill.area_id,
        detail={"title": drill.title, "start_at": drill.start_at.isoformat(), "reason": drill.reason},
    )
