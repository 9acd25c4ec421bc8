"""A prepared warning lies on every gateway; one small order lets all of them speak at once."""

from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from sqlmodel import Session, col, select
from support.broadcasting import enough, heard_at, now, wait_for_states, wait_until
from support.eventually import eventually
from support.sound import decode_clip
from support.town import Api, Town

from controller.db import make_engine
from controller.outbox.models import Order

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

WORDS = "Cảnh báo lũ khẩn cấp. Bà con rời khỏi vùng trũng ngay."
TINY = 600
"""Bytes of an order's body; a clip of these five seconds has twenty thousand."""


@pytest.fixture
def warning(town: Town) -> dict[str, Any]:
    officer = town.api("officer")
    clip = officer.speak(WORDS)["clip"]
    written = {"title": "Lũ khẩn cấp", "clip_sha256": clip["sha256"], "source": "speech", "text": WORDS}
    answer = officer.post("/bulletins", json=written)
    assert answer.status_code == 201, answer.text
    bulletin: dict[str, Any] = answer.json()
    assert bulletin["prepared"] is False
    put = officer.client.put(f"/api/v1/bulletins/{bulletin['id']}/prepared", json={"prepared": True})
    assert put.status_code == 202, put.text
    return bulletin


def is_kept(town: Town, sha256: str) -> bool:
    return all(
        any(sha256 in path.name for path in (town.directory / gateway_id / "clips").glob("**/*"))
        for gateway_id in town.gateway_ids
    )


def test_it_is_fetched_before_it_is_needed_and_a_tiny_order_starts_it_everywhere(
    town: Town, warning: dict[str, Any]
) -> None:
    officer = town.api("officer")
    eventually(lambda: is_kept(town, warning["clip_sha256"]), 60, "the warning on every gateway")
    for gateway_id in town.gateway_ids:
        found = eventually(lambda g=gateway_id: holds_its_configuration(officer, g), 30, gateway_id)
        assert found["config_told"] == found["config_wanted"]

    pressed_at = now()
    answer = officer.step_up().post(
        "/broadcasts",
        json={
            "bulletin_id": warning["id"],
            "audience": {"gateways": town.gateway_ids},
            "priority": "emergency",
        },
    )
    assert answer.status_code == 202, answer.text
    broadcast_id = answer.json()["id"]
    deliveries = wait_for_states(officer, broadcast_id, {"played"}, 60)
    # Played is said of what the device took; that it is in the recording as well comes a moment later.
    wait_until(now() + timedelta(seconds=2))
    speech = reference(town, warning)
    delays = []
    for gateway_id in deliveries:
        likeness, at = heard_at(town.recording(gateway_id), speech, pressed_at, now())
        assert likeness > enough(deliveries[gateway_id]), (gateway_id, deliveries[gateway_id]["underruns"])
        delays.append((at - pressed_at).total_seconds())
    assert max(delays) < 2.0, delays
    assert size_of_the_order(town, broadcast_id) < TINY


def holds_its_configuration(api: Api, gateway_id: str) -> dict[str, Any] | None:
    found: dict[str, Any] = api.get(f"/gateways/{gateway_id}")
    return found if found["config_told"] == found["config_wanted"] > 0 else None


def reference(town: Town, warning: dict[str, Any]) -> NDArray[np.float32]:
    return decode_clip(town.stored_clip(warning["clip_sha256"]))[4_800:]


def size_of_the_order(town: Town, broadcast_id: str) -> int:
    with Session(make_engine(town.settings.url)) as session:
        body = session.exec(select(Order.body).where(col(Order.broadcast_id) == broadcast_id)).one()
    return len(msgspec.json.encode(body))
