"""Sounds of a test's own as prepared warnings on a town's gateways."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session
from support.eventually import eventually
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

Sound = NDArray[np.float32]


def keep_sounds(
    town: Town, area: str, sounds: Mapping[str, Sound], gateway_ids: Collection[str], directory: Path
) -> dict[str, Sound]:
    """Prepare sounds of an area under their keys, and return them as its gateways decode them.

    Args:
        town: Where.
        area: The name of an area of its officer's.
        sounds: By the key of the warning, mono at 48 kHz.
        gateway_ids: Those that must hold them before this returns.
        directory: For their files.
    """
    officer, engine = town.api("officer"), make_engine(town.settings.url)
    with Session(engine, expire_on_commit=False) as session:
        where = session.get_one(Area, officer.area(area))
    keeper = Keeper(town.settings, engine, SystemClock(), where)
    clips = {}
    for key, sound in sounds.items():
        path = write_sound(directory / f"{key}.wav", sound)
        clip = officer.upload(path, opening_chime="false")["clip"]
        new = NewBulletin(key, clip["sha256"], Source.UPLOAD, priority=Priority.EMERGENCY, warning_key=key)
        kept = keeper.keep(new)
        # Nothing new, but done by the controller's own process, which then sends it at once.
        put = officer.client.put(f"/api/v1/bulletins/{kept.id}/prepared", json={"prepared": True})
        assert put.is_success, put.text
        clips[key] = clip["sha256"]
    engine.dispose()

    def held() -> bool:
        return all(
            any(sha256 in path.name for path in (town.directory / gateway_id / "clips").glob("**/*"))
            for gateway_id in gateway_ids
            for sha256 in clips.values()
        )

    eventually(held, 60, "clips on the gateways")
    return {key: decode_clip(town.stored_clip(sha256)) for key, sha256 in clips.items()}
