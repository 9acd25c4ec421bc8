"""What was planned sounds on time with broker and controller gone, and is told when they are back."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.broadcasting import (
    enough,
    heard_at,
    schedule_once,
    times_heard,
    wait_for_states,
    wait_until,
    whole_second_in,
)
from support.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_a_planned_broadcast_sounds_on_time_while_broker_and_controller_are_dead(
    town: Town, spoken: Path, reference: NDArray[np.float32]
) -> None:
    api = town.api()
    clip = api.upload(spoken, opening_chime="false")["clip"]
    start_at = whole_second_in(12)
    areas = [api.area("Ấp Chợ"), api.area("Ấp Lâm Dồ")]
    broadcast = schedule_once(api, clip, start_at, areas=areas)
    meant = set(wait_for_states(api, broadcast["id"], {"ready"}, 10))
    assert meant == {"31672-001", "31672-002", "31672-007", "31672-008"}

    town.broker.kill()
    town.controller.kill()
    end_at = start_at + timedelta(milliseconds=clip["duration_ms"])
    wait_until(end_at + timedelta(seconds=1.5))
    town.broker.start()
    town.controller.start()
    town.wait_for_controller()

    told = wait_for_states(town.api(), broadcast["id"], {"played"}, 60)
    assert {len(each["history"]) for each in told.values()} == {1}, "told once, not twice"
    assert all(each["played_ms"] >= 0.98 * each["expected_ms"] for each in told.values())

    after, before = start_at - timedelta(seconds=2), end_at + timedelta(seconds=1)
    for gateway_id in town.gateway_ids:
        recording = town.recording(gateway_id)
        if gateway_id not in meant:
            assert recording.is_silent(after, before), gateway_id
            continue
        correlation, at = heard_at(recording, reference, after, before)
        surely = enough(told[gateway_id])
        assert correlation >= surely, (gateway_id, correlation)
        assert abs((at - start_at).total_seconds()) <= 0.250, (gateway_id, at)
        assert len(times_heard(recording, reference, after, before, surely=surely)) == 1
