"""An emergency in an ordinary day: it cuts in, the day goes on at its place, and one press ends it all."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.broadcasting import HEARD, WITH_A_GAP, heard_at, now, wait_for_states, wait_until
from support.eventually import eventually
from support.recording import RATE
from support.sound import decode_clip
from support.town import Town
from support.voices import speech

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

LONG = (
    "Kính mời bà con ấp Chợ đến nhà văn hóa lúc bảy giờ tối nay để bàn việc nạo vét kênh nội đồng. "
    "Trạm y tế xã tiêm phòng cho trẻ em dưới năm tuổi vào sáng thứ bảy. Lịch xuống giống vụ đông xuân bắt "
    "đầu từ ngày mười lăm. Ngân hàng chính sách giải ngân vốn vay cho hộ nghèo vào chiều thứ tư. "
    "Trường tiểu học nhận hồ sơ học bổng đến hết tháng này. "
    "Đoàn thanh niên dọn vệ sinh bờ kênh sáng chủ nhật. "
    "Điện lực cắt điện tuyến sông Hậu từ tám giờ đến mười một giờ để sửa chữa."
)
URGENT = "Cảnh báo khẩn cấp. Nước lên rất nhanh. Bà con rời vùng trũng ngay."
HALTS_WITHIN = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Story:
    """What happened, and when."""

    long: NDArray[np.float32]
    urgent: NDArray[np.float32]
    broadcast_id: str
    emergency: dict[str, Any]
    began_at: datetime
    pressed_at: datetime
    roll_call: dict[str, Any]
    stopped_at: datetime
    ended_at: datetime
    underruns: int

    @property
    def surely(self) -> float:
        """How alike a sound must be; less where gateways themselves told of gaps."""
        return WITH_A_GAP if self.underruns else HEARD


@pytest.fixture(scope="module")
def story(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Story:
    officer = town.api("officer").step_up()
    audience = {"areas": [officer.area("Địa bàn đài Đại Ân 2")], "gateways": []}
    long = officer.upload(speech(tmp_path_factory.mktemp("long") / "long.wav", LONG))["clip"]
    urgent = officer.speak(URGENT)["clip"]
    bulletin = {"title": "Thông báo dài", "clip_sha256": long["sha256"], "source": "upload"}
    began = officer.post("/broadcasts", json={"bulletin": bulletin, "audience": audience})
    broadcast_id = began.json()["id"]
    deliveries = wait_for_states(officer, broadcast_id, {"playing"}, 20)
    began_at = max(datetime.fromisoformat(each["started_at"]) for each in deliveries.values())
    wait_until(began_at + timedelta(seconds=6))

    pressed_at = now()
    answer = officer.post(
        "/emergencies",
        json={"source": "text", "clip_sha256": urgent["sha256"], "text": URGENT, "audience": audience},
    )
    assert answer.status_code == 202, answer.text
    emergency = answer.json()

    def all_heard() -> dict[str, Any] | None:
        called: dict[str, Any] = officer.get(f"/emergencies/{emergency['id']}/roll-call")
        return called if called["heard"] == called["total"] else None

    def all_have_finished() -> bool:
        called: dict[str, Any] = officer.get(f"/emergencies/{emergency['id']}/roll-call")
        return all(each["finished"] == each["total"] for each in called["hamlets"])

    roll_call = eventually(all_heard, 20, "everyone has heard it")
    eventually(all_have_finished, 30, "it has been said everywhere")
    wait_until(now() + timedelta(seconds=6))
    stopped_at = now()
    assert officer.post(f"/areas/{audience['areas'][0]}/stop").json() == {"gateways": 8}
    ended = wait_for_states(officer, broadcast_id, {"cancelled"}, 20)
    wait_until(stopped_at + HALTS_WITHIN + timedelta(seconds=2))
    return Story(
        long=decode_clip(town.stored_clip(long["sha256"])),
        urgent=decode_clip(town.stored_clip(urgent["sha256"])),
        broadcast_id=broadcast_id,
        emergency=officer.get(f"/emergencies/{emergency['id']}"),
        began_at=began_at,
        pressed_at=pressed_at,
        roll_call=roll_call,
        stopped_at=stopped_at,
        ended_at=now(),
        underruns=sum(each["underruns"] or 0 for each in ended.values()),
    )


def test_it_is_heard_within_two_seconds_everywhere(town: Town, story: Story) -> None:
    delays = []
    for gateway_id in town.gateway_ids:
        likeness, at = heard_at(
            town.recording(gateway_id), story.urgent[4_800:], story.pressed_at, story.stopped_at
        )
        assert likeness >= story.surely, gateway_id
        delays.append((at - story.pressed_at).total_seconds())
    assert max(delays) <= 2.0, delays


def test_the_roll_call_counts_every_hamlet(story: Story) -> None:
    assert (story.roll_call["heard"], story.roll_call["total"], story.roll_call["silent"]) == (8, 8, [])
    assert {each["total"] for each in story.roll_call["hamlets"]} == {2}


def test_what_was_cut_off_comes_back_at_its_place(town: Town, story: Story) -> None:
    for gateway_id in town.gateway_ids:
        recording = town.recording(gateway_id)
        # A stretch from behind the place of the cut, as it sounds after the emergency.
        place = round((story.pressed_at - story.began_at).total_seconds() * RATE) + 2 * RATE
        stretch = story.long[place : place + 2 * RATE]
        likeness, at = heard_at(recording, stretch, story.pressed_at, story.stopped_at)
        assert likeness >= story.surely, gateway_id
        _, urgent_at = heard_at(recording, story.urgent[4_800:], story.pressed_at, story.stopped_at)
        lost_s = (at - story.pressed_at).total_seconds() - 2.0 - len(story.urgent) / RATE
        assert -0.5 <= lost_s <= 2.5, "nothing is left out, and little more than the emergency lies between"
        assert at > urgent_at


def test_one_press_silences_everything_within_three_seconds(town: Town, story: Story) -> None:
    for gateway_id in town.gateway_ids:
        assert town.recording(gateway_id).is_silent(story.stopped_at + HALTS_WITHIN, story.ended_at), (
            gateway_id
        )
    assert (story.emergency["state"], story.emergency["ending"]) == ("ended", "stopped")


def test_a_log_in_that_did_not_prove_itself_cannot_warn(town: Town) -> None:
    other = town.api("officer")
    wanted = {"source": "text", "clip_sha256": "0" * 64, "audience": {"gateways": ["31672-001"]}}
    bulletin = {"title": "x", "clip_sha256": "0" * 64, "source": "upload"}
    another_way = {"bulletin": bulletin, "audience": wanted["audience"], "priority": "emergency"}
    assert other.post("/emergencies", json=wanted).json()["code"] == "step_up_needed"
    assert other.post("/broadcasts", json=another_way).json()["code"] == "step_up_needed"
    refused = town.api("monitor").step_up().post("/emergencies", json=wanted)
    assert refused.json()["code"] == "not_allowed"
