"""A drill over a real broker and real agents: it says first and last what it is, and is quieter."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.broadcasting import enough, heard_at, now, wait_until, whole_second_in
from support.eventually import eventually
from support.kept_sounds import keep_sounds
from support.media import RATE, murmur
from support.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

HAMLET = "Ấp Lâm Dồ"
GATEWAYS = ("31672-007", "31672-008")
KEYS = ("drill_opening", "fire", "drill_closing")
GAIN_DB = -12.0
PIECE_S = 0.8
"""Of each sound, from its start: short, so that a gap on a busy machine mostly falls elsewhere."""


@pytest.fixture
def prepared(town: Town, tmp_path: Path) -> dict[str, NDArray[np.float32]]:
    """Keep three short sounds on the hamlet's gateways, and return them as those decode them."""
    sounds = {key: murmur(2_000, seed) for seed, key in enumerate(KEYS, start=70)}
    return keep_sounds(town, HAMLET, sounds, GATEWAYS, tmp_path)


def level_db(samples: NDArray[np.float32]) -> float:
    return 10 * float(np.log10(np.mean(samples.astype(np.float64) ** 2)))


def test_a_drill_is_announced_in_its_sound_and_quieter_and_scored(
    town: Town, prepared: Mapping[str, NDArray[np.float32]]
) -> None:
    officer = town.api("officer")
    start_at = whole_second_in(4)
    wanted = {
        "key": "fire",
        "audience": {"areas": [officer.area(HAMLET)]},
        "start_at": start_at.isoformat(),
        "gain_db": GAIN_DB,
    }
    answer = officer.post("/drills", json=wanted)
    assert answer.status_code == 201, answer.text
    drill_id = answer.json()["id"]

    def scored() -> dict[str, object] | None:
        found = next(each for each in officer.get("/drills") if each["id"] == drill_id)
        return found if found["state"] == "scored" else None

    found = eventually(scored, 60, "the drill's score")
    assert found["score"] == {
        "total": 2,
        "sounded": 2,
        "in_time": 2,
        "probed": 0,
        "confirmed": 0,
        "percent": 100,
        "silent": [],
    }
    sounded = officer.get("/broadcasts", after=start_at.isoformat())[0]
    assert (sounded["mode"], sounded["priority"]) == ("drill", "priority")
    deliveries = officer.deliveries(sounded["id"])
    wait_until(now() + timedelta(seconds=1))
    pieces = {key: sound[: round(PIECE_S * RATE)] for key, sound in prepared.items()}
    for gateway_id in GATEWAYS:
        recording, least = town.recording(gateway_id), enough(deliveries[gateway_id])
        begins = {}
        for key, piece in pieces.items():
            likeness, begins[key] = heard_at(recording, piece, start_at, now())
            assert likeness > least, (gateway_id, key)
        first = recording.first_sample_at(start_at)
        assert first is not None
        assert abs((first - begins["drill_opening"]).total_seconds()) < 0.1
        assert begins["drill_opening"] < begins["fire"] < begins["drill_closing"]
        heard = recording.between(begins["fire"], begins["fire"] + timedelta(seconds=PIECE_S))
        assert level_db(heard) - level_db(pieces["fire"]) == pytest.approx(GAIN_DB, abs=1.5)
        # A busy machine may leave a gap, which the gateway then reports, and end so much later.
        over_at = begins["drill_closing"] + timedelta(seconds=2.1 + deliveries[gateway_id]["underruns"])
        wait_until(over_at + timedelta(seconds=1))
        assert town.recording(gateway_id).is_silent(over_at, now())
