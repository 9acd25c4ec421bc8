"""Drills of a commune whose day is under way: one to come, and one of each way that they end."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy.engine import Engine
from sqlmodel import Session
from support.commune import Commune
from support.warning_pack import keep_warning

from controller.columns import new_id
from controller.drills.models import Drill, DrillState
from controller.drills.scoring import Score, SilentGateway

TITLE = "Bão mạnh, rủi ro cấp 4"


def rehearse(engine: Engine, commune: Commune, now: datetime) -> None:
    """Prepare the pack of the officer's station, and write down its drills."""
    area_id = commune.officer.area_id
    for key, title in (
        ("storm_4", TITLE),
        ("drill_opening", "Mở đầu diễn tập"),
        ("drill_closing", "Kết thúc diễn tập"),
    ):
        keep_warning(engine, area_id, title, at=now, key=key)
    silent = SilentGateway(gateway_id="31672-007", name="Cầu kênh Ba", area="Ấp Bờ Sông", reason="unknown")
    unheard = SilentGateway(gateway_id="31672-006", name="Nam Chánh", area="Ấp Lâm Dồ", reason="not_heard")
    score = Score(total=8, sounded=6, in_time=5, probed=3, confirmed=2, silent=(unheard, silent))
    perfect = Score(total=8, sounded=8, in_time=8, probed=0, confirmed=0)
    ends: list[tuple[float, DrillState, dict[str, Any]]] = [
        (1, DrillState.SCHEDULED, {}),
        (-20, DrillState.SCORED, {"score": msgspec.to_builtins(score)}),
        (-50, DrillState.SCORED, {"score": msgspec.to_builtins(perfect)}),
        (-60, DrillState.MISSED, {}),
        (-70, DrillState.REFUSED, {"reason": "real_emergency"}),
        (-80, DrillState.CANCELLED, {}),
    ]
    with Session(engine) as session, session.begin():
        for days, state, more in ends:
            session.add(
                Drill(
                    id=new_id(),
                    area_id=area_id,
                    title=TITLE,
                    warning_key="storm_4",
                    audience={"areas": [area_id], "gateways": []},
                    start_at=now + timedelta(days=days),
                    gain_db=-10.0,
                    state=state,
                    created_at=now - timedelta(days=90),
                    created_by=commune.officer.person_id,
                    **more,
                )
            )
