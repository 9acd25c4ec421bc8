"""A commune that rehearses: its pack, a leader who schedules drills, and a dispatcher stepped by hand."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, select
from support.office import ALWAYS, Office
from support.warning_pack import keep_warning

from controller.areas.models import Area
from controller.audit.models import AuditRow
from controller.broadcasts.audience import Audience
from controller.broadcasts.models import Broadcast
from controller.db import writing
from controller.drills import service
from controller.drills.models import Drill
from controller.drills.service import NewDrill
from controller.gateways.rules import HouseRules
from controller.people.access import Actor
from controller.people.models import Person, Role

PACK = ("attention", "storm_4", "drill_opening", "drill_closing")
"""In the order in which they were prepared; each has a clip of its own."""


@dataclass(slots=True)
class Rehearsing:
    """An office with what a drill needs."""

    office: Office
    leader: Actor

    def schedule(
        self,
        *,
        in_s: float = 60,
        area: Area | None = None,
        actor: Actor | None = None,
        rules: HouseRules = ALWAYS,
        **how: object,
    ) -> Drill:
        """Schedule a drill of the storm, in the whole commune unless told otherwise."""
        office = self.office
        wanted = {"key": "storm_4", "gain_db": -10.0, "start_at": self.at(in_s), **how}
        audience = Audience(((area or office.commune).id,))
        with Session(office.engine, expire_on_commit=False) as session, session.begin():
            writing(session)
            new = NewDrill(audience=audience, **wanted)  # type: ignore[arg-type]
            return service.schedule(session, actor or self.leader, new, now=office.clock.now(), rules=rules)

    def cancel(self, drill: Drill, actor: Actor | None = None) -> Drill:
        with Session(self.office.engine, expire_on_commit=False) as session, session.begin():
            writing(session)
            return service.cancel(session, actor or self.leader, drill.id, now=self.office.clock.now())

    def at(self, in_s: float) -> datetime:
        return self.office.clock.now() + timedelta(seconds=in_s)

    def find(self, drill: Drill) -> Drill:
        with Session(self.office.engine) as session:
            return session.get_one(Drill, drill.id)

    def broadcast_of(self, drill: Drill) -> Broadcast:
        with Session(self.office.engine) as session:
            query = select(Broadcast).where(Broadcast.emergency_id == self.find(drill).emergency_id)
            return session.exec(query).one()

    def audited(self, drill: Drill) -> list[str]:
        with Session(self.office.engine) as session:
            query = select(AuditRow).where(AuditRow.subject == drill.id).order_by(AuditRow.n)  # type: ignore[arg-type]
            return [row.action for row in session.exec(query)]


def rehearsing_office(office: Office, *keys: str) -> Rehearsing:
    """Prepare the pack, all of it unless keys are named, and let a leader in."""
    for key in keys or PACK:
        keep_warning(office.engine, office.commune.id, key, at=office.clock.now(), key=key)
    with Session(office.engine, expire_on_commit=False) as session, session.begin():
        person = Person(
            username="leader",
            name="Trần Văn Nam",
            role=Role.LEADER,
            area_id=office.commune.id,
            password_hash="x",
        )
        session.add(person)
        session.flush()
        leader = Actor(person.id, person.name, Role.LEADER, office.commune.id, office.commune.path)
    return Rehearsing(office, leader)
