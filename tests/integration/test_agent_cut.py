"""An emergency cuts off what sounds, heard at the monitor of a real sound server."""

from pathlib import Path

import pytest
from support.pulse import needs_pulse

from tests.bench.cut import run

pytestmark = [pytest.mark.slow, needs_pulse]

ROUNDS = 7


def test_an_emergency_makes_what_sounds_fade_within_a_tenth_of_a_second_of_its_order(tmp_path: Path) -> None:
    result = run(tmp_path, ROUNDS)
    assert len(result.cuts) == ROUNDS
    # From the press of the button, over the broker and the disk, to what leaves the device; half of them,
    # for a busy machine delays some.
    assert result.fade_ms <= 100
    for cut in result.cuts:
        assert cut.began_ms >= cut.fade_ms
    assert result.old_ms == result.length_ms
