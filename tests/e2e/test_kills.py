"""`kill -9` of everything at random moments: nothing is lost, nothing sounds twice, everything is told."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.broadcasting import WITH_A_GAP, now, schedule_once, times_heard, wait_until, whole_second_in
from support.eventually import eventually
from support.sound import decode_clip
from support.town import Town, running_town
from support.voices import speech

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

BROADCASTS = 20
APART_S = 2
SEED = 20261124
SENTENCES = (
    "Mời bà con ra họp",
    "Ngày mai cúp điện",
    "Đóng cống ngăn mặn",
    "Tiêm phòng cho trẻ",
    "Trời sắp mưa to",
    "Giá tôm hôm nay",
    "Thu gom rác thải",
    "Bầu cử hội đồng",
    "Tàu cá vào bờ",
    "Lúa đã đến kỳ gặt",
    "Học sinh được nghỉ",
    "Nước sông dâng cao",
    "Khám bệnh miễn phí",
    "Chúc mừng năm mới",
    "Đăng ký tạm trú",
    "Tìm trẻ đi lạc",
    "Phòng cháy chữa cháy",
    "Làm căn cước mới",
    "Chợ phiên cuối tuần",
    "Bảo hiểm y tế hộ",
)


@dataclass
class Chaos:
    """Kills at random and starts again a moment later, until told to stop; remembers what it did when."""

    town: Town
    dice: random.Random
    stopping: threading.Event = field(default_factory=threading.Event)
    kills: list[tuple[datetime, str]] = field(default_factory=list)

    def run(self) -> None:
        while not self.stopping.is_set():
            victim = self.dice.choice(["controller", "broker", "gateway", "gateway"])
            gateway_id = self.dice.choice(self.town.gateway_ids)
            kill, start = self._means(victim, gateway_id)
            self.kills.append((now(), gateway_id if victim == "gateway" else victim))
            kill()
            self.stopping.wait(self.dice.uniform(0.2, 2.0))
            start()
            self.stopping.wait(self.dice.uniform(1.0, 4.0))

    def _means(self, victim: str, gateway_id: str) -> tuple[Callable[[], None], Callable[[], object]]:
        if victim == "broker":
            return self.town.broker.kill, self.town.broker.start
        process = self.town.controller if victim == "controller" else self.town.agents[gateway_id]
        return process.kill, process.start

    def killed_during(self, gateway_id: str, start: datetime, end: datetime) -> bool:
        return any(who == gateway_id and start <= at <= end for at, who in self.kills)


def test_nothing_is_lost_or_doubled_when_everything_is_killed_at_random(tmp_path: Path) -> None:
    with running_town(tmp_path / "town") as town:
        api = town.api()
        begun = [
            api.begin_upload(speech(tmp_path / f"{number}.wav", sentence), opening_chime="false")
            for number, sentence in enumerate(SENTENCES)
        ]
        prepared = [api.prepared(each)["clip"] for each in begun]
        clips = [(clip, decode_clip(town.stored_clip(clip["sha256"]))) for clip in prepared]
        first_at = whole_second_in(10)
        everyone = [api.area("Địa bàn đài Đại Ân 2")]
        broadcasts = [
            schedule_once(api, clip, first_at + timedelta(seconds=APART_S * number), areas=everyone)
            for number, (clip, _) in enumerate(clips)
        ]
        chaos = Chaos(town, random.Random(SEED))
        thread = threading.Thread(target=chaos.run)
        wait_until(first_at - timedelta(seconds=3))
        thread.start()
        wait_until(first_at + timedelta(seconds=APART_S * BROADCASTS + 3))
        chaos.stopping.set()
        thread.join()
        assert len(chaos.kills) >= 8
        town.wait_for_controller()
        api = town.api()

        def settled() -> bool:
            counts = [api.get(f"/broadcasts/{each['id']}")["deliveries"] for each in broadcasts]
            return all(not set(each) & {"planned", "sent", "received", "ready", "playing"} for each in counts)

        eventually(settled, 90, "every delivery has ended")
        after, before = first_at - timedelta(seconds=5), now()
        for broadcast, (_, reference) in zip(broadcasts, clips, strict=True):
            for gateway_id, delivery in api.deliveries(broadcast["id"]).items():
                where = (broadcast["title"], broadcast["start_at"], gateway_id, delivery, chaos.kills)
                heard = len(
                    times_heard(town.recording(gateway_id), reference, after, before, surely=WITH_A_GAP)
                )
                assert heard <= 1, where
                assert len(delivery["history"]) == 1, where
                if delivery["state"] == "played":
                    assert heard == 1, where
                    continue
                # Only a gateway killed while it was sounding may have played a part; it says so.
                assert (delivery["state"], delivery["reason"]) in {
                    ("partial", "restarted"),
                    ("failed", "restarted"),
                }, where
                started = datetime.fromisoformat(delivery["started_at"] or broadcast["start_at"])
                assert chaos.killed_during(
                    gateway_id,
                    started - timedelta(seconds=2),
                    started + timedelta(milliseconds=broadcast["duration_ms"] + 1000),
                ), where
