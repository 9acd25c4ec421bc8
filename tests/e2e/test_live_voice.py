"""Who may speak live, and who must wait: phones without a browser at the socket of the real controller."""

import httpx
import pytest
from support.phone import Phone
from support.sound import SAMPLE_RATE_HZ
from support.speaking import opus_frames
from support.town import Api, Town
from support.voice_heard import Sound
from websockets.exceptions import InvalidStatus

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

STATION, HAMLET = "Địa bàn đài Đại Ân 2", "Ấp Chợ"


@pytest.fixture(scope="module")
def officer(town: Town) -> Api:
    return town.api("officer").step_up()


def test_a_second_voice_is_told_who_speaks_and_a_stop_is_told_to_the_first(
    town: Town, officer: Api, reference: Sound
) -> None:
    frames = opus_frames(reference[:SAMPLE_RATE_HZ])
    leader = Phone(town.api("leader"), town.host, town.port)
    first = Phone(officer, town.host, town.port)
    try:
        assert first.arm(officer.area(HAMLET))["gateways"] == 2
        assert leader.arm(officer.area(STATION))["gateways"] == 8
        pressed_at = first.press()
        first.speak(frames[:40], pressed_at)
        emergency_id = first.heard("open")["emergency_id"]
        leader.press()
        refused = leader.heard("refused", "open")
        assert refused["problem"]["code"] == "someone_speaks"
        assert "officer" in refused["problem"]["message"]
        ended = officer.post(f"/emergencies/{emergency_id}/end", json={"ending": "stopped"})
        assert ended.is_success
        assert first.heard("ended", timeout_s=2)["reason"] == "stopped"
        leader.press()
        opened = leader.heard("open")
        leader.say("release", reason="too_short")
        assert officer.post(
            f"/emergencies/{opened['emergency_id']}/end", json={"ending": "stopped"}
        ).is_success
    finally:
        leader.hang_up()
        first.hang_up()


def test_only_our_own_pages_people_and_areas_get_a_voice(town: Town, officer: Api) -> None:
    with pytest.raises(InvalidStatus) as refused:
        Phone(officer, town.host, town.port, origin="https://example.org")
    assert refused.value.response.status_code == httpx.codes.FORBIDDEN
    phone = Phone(officer, town.host, town.port)
    try:
        phone.say("press")
        assert phone.heard("refused")["problem"]["code"] == "invalid_input"
        phone.say("arm", csrf_token="guessed", audience={"areas": [officer.area(STATION)]})
        assert phone.heard("refused")["problem"]["code"] == "csrf_mismatch"
        assert phone.arm(town.api("admin").area("Ấp Hội Trung"))["problem"]["code"] == "foreign_area"
    finally:
        phone.hang_up()
    monitor = Phone(town.api("monitor"), town.host, town.port)
    try:
        assert monitor.arm(officer.area(STATION))["problem"]["code"] == "not_allowed"
    finally:
        monitor.hang_up()


def test_whoever_has_not_proved_again_who_they_are_does_not_speak(town: Town) -> None:
    phone = Phone(town.api("leader"), town.host, town.port, prove=False)
    try:
        phone.arm(town.api("monitor").area(HAMLET))
        phone.press()
        assert phone.heard("refused", "open")["problem"]["code"] == "step_up_needed"
    finally:
        phone.hang_up()
