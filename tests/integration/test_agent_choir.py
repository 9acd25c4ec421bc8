"""Ten agent processes on one clock begin together, on the samples that they recorded."""

from datetime import timedelta
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from support.choir import Choir, starts_from
from support.far_end import now
from support.media import opus, warble

pytestmark = [pytest.mark.slow]

GATEWAYS = 10
TURNS = 8


def test_ten_gateways_begin_within_twenty_milliseconds(tmp_path: Path) -> None:
    choir = Choir(tmp_path, GATEWAYS, opus(warble(500)), 500)
    try:
        choir.start()
        starts = starts_from(now() + timedelta(seconds=6), 800, TURNS)
        choir.plan(starts, patience_s=5)
        choir.wait_played(TURNS, 30)
    finally:
        choir.stop()
    apart_ms = []
    for start_at in starts:
        began = [
            pole.recording.first_sample_at(start_at - timedelta(milliseconds=150))
            for pole in choir.poles.values()
        ]
        seconds = [at.timestamp() for at in began if at is not None]
        assert len(seconds) == GATEWAYS
        apart_ms += [abs(one - other) * 1_000 for one, other in combinations(seconds, 2)]
    assert np.percentile(apart_ms, 99) <= 20
