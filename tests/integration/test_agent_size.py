"""A gateway stays small: bounds wide enough for a busy machine, narrow enough to notice a heavy import."""

from pathlib import Path

import pytest
from support.broker import Broker
from support.far_end import FarEnd
from support.media import MediaServer

from tests.bench.gateway import run_once

pytestmark = [pytest.mark.slow]


def test_an_agent_takes_little_memory_little_time_to_start_and_little_of_a_core(
    tmp_path: Path, broker: Broker
) -> None:
    media, far_end = MediaServer(), FarEnd(broker.controller_address())
    try:
        cost = run_once(tmp_path / "pole", broker, media, far_end, seconds=3)
    finally:
        far_end.stop()
        media.stop()
    assert 20 < cost.idle_mb < 66
    assert cost.idle_mb <= cost.playing_mb < 68
    assert 0 < cost.ready_s < 10
    assert 0 < cost.playing_percent < 30
