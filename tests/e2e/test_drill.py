"""A drill over a real broker and real agents: it says first and last what it is, and is quieter."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlmodel import Session
from support.broadcasting import enough, heard_at, now, wait_until, whole_second_in
from support.eventually import eventually
from support.media import RATE, murmur
from support.sound import decode_clip
from support.town import Town
from support.voices import write_sound

from controller.areas.models import Area
from controller.bulletins.models import Source
from controller.bulletins.service import NewBulletin
from controller.clock import SystemClock
from controller.db import make_engine
from controller.warnings.keeping import Keeper
from wire.types import Priority

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
    officer, engine = town.api("officer"), make_engine(town.settings.url)
    with Session(engine, expire_on_commit=False) as session:
        hamlet = session.get_one(Area, officer.area(HAMLET))
    keeper = Keeper(town.settings, engine, SystemClock(), hamlet)
    clips = {}
    for seed, key in enumerate(KEYS, start=70):
        path = write_sound(tmp_path / f"{key}.wav", murmur(2_000, seed))
        clip = officer.upload(path, opening_chime="false")["clip"]
        new = NewBulletin(key, clip["sha256"], Source.UPLOAD, priority=Priority.EMERGENCY, warning_key=key)
        keeper.keep(new)
        clips[key] = clip["sha256"]
    engine.dispose()
    eventually(lambda: all(is_kept(town, sha256) for sha256 in clips.values()), 60, "clips on the gateways")
    return {key: decode_clip(town.stored_clip(sha256)) for key, sha256 in clips.items()}


def is_kept(town: Town, sha256: str) -> bool:
    return all(
        any(sha256 in path.name for path in (town.directory / gateway_id / "clips").glob("**/*"))
        for gateway_id in GATEWAYS
    )


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
