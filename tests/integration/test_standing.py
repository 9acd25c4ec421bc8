"""What a batch writes back of a gateway's state, beside others who write in the same row."""

import sqlalchemy as sa
from sqlmodel import Session, col
from support.office import Office

from controller.gateways.models import GatewayState
from controller.gateways.standing import Standings


def test_only_what_a_batch_changed_is_written_back(office: Office) -> None:
    office.births("g1")
    now = office.clock.now()
    with Session(office.engine) as session, session.begin():
        standings = Standings(session)
        standings.load(["g1", "g2", "nobody"])
        meanwhile = sa.update(GatewayState).where(col(GatewayState.gateway_id) == "g1")
        session.execute(meanwhile.values(plan_version=7, plan_attempts=3, boot="newer"))
        standing = standings.get("g1")
        assert standing is not None
        standing.heard_at = now
        standing.reports_up_to = 12
        standings.write()
        assert standings.get("nobody") is None
    with Session(office.engine) as session:
        row = session.get_one(GatewayState, "g1")
        assert (row.heard_at, row.reports_up_to) == (now, 12)
        assert (row.plan_version, row.plan_attempts, row.boot) == (7, 3, "newer")


def test_rows_that_changed_differently_are_each_written_as_they_changed(office: Office) -> None:
    with Session(office.engine) as session, session.begin():
        standings = Standings(session)
        standings.load(["g1", "g2"])
        first, second = standings.get("g1"), standings.get("g2")
        assert first is not None
        assert second is not None
        first.playing_id = "x"
        second.reports_up_to = 5
        standings.write()
    with Session(office.engine) as session:
        one, two = session.get_one(GatewayState, "g1"), session.get_one(GatewayState, "g2")
        assert (one.playing_id, one.reports_up_to) == ("x", 0)
        assert (two.playing_id, two.reports_up_to) == (None, 5)
