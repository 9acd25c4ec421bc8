"""Someone speaks on the emergency page: it is heard where it was meant, ends when it should, and is kept."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from support.broadcasting import heard_at, now
from support.browsing import ON_A_PHONE, Seat
from support.emergency_page import HAMLET, HAMLETS_GATEWAYS, prove
from support.eventually import eventually
from support.kept_sounds import keep_sounds
from support.media import RATE, murmur
from support.sound import SAMPLE_RATE_HZ, decode_clip
from support.talking import TalkPage
from support.town import PASSWORD, Api, Town
from support.voice_heard import LIKE, LIKE_PLAIN, Sound, heard, likeness, silent_since, thinned

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

STATION = "Địa bàn đài Đại Ân 2"
ON_ITS_WAY_S = 2.0
"""What was said before the release still sounds: some 400 ms behind the mouth, more on a busy machine."""
OPENING_MS = 1_000
BANDS = {"test": "THỬ", "drill": "DIỄN TẬP"}


@pytest.fixture(scope="module")
def said(microphone: Path) -> Sound:
    """Two rounds, thinned, of what the microphone hears: wherever someone begins, what they say is in it."""
    return np.tile(thinned(decode_clip(microphone)), 2)


@pytest.fixture(scope="module")
def officer(town: Town) -> Api:
    return town.api("officer")


@pytest.fixture(scope="module")
def phone(town: Town, browser: Browser, microphone: Path) -> Iterator[TalkPage]:
    assert microphone.exists()
    with Seat(browser, town.base_url, "officer", **ON_A_PHONE) as page:
        yield TalkPage(page)


@pytest.fixture
def talk(phone: TalkPage, officer: Api) -> Iterator[TalkPage]:
    """The phone; whatever was ordered from it is over afterwards."""
    yield phone
    phone.finger_up()
    phone.page.evaluate("dispatchEvent(new Event('pagehide'))")  # closes the microphone
    officer.post(f"/areas/{officer.area(STATION)}/stop").raise_for_status()


def settled(api: Api, broadcast_id: str) -> dict[str, dict[str, Any]]:
    def all_over() -> dict[str, dict[str, Any]]:
        deliveries = api.deliveries(broadcast_id)
        return deliveries if all(each["settled_at"] for each in deliveries.values()) else {}

    return eventually(all_over, 10, "every delivery has ended")


def newest(api: Api, since: datetime) -> dict[str, Any]:
    """Return the last broadcast that was ordered."""
    broadcasts: list[dict[str, Any]] = api.get("/broadcasts", after=since.isoformat())
    return max(broadcasts, key=lambda each: each["start_at"])


def test_what_is_spoken_sounds_at_every_gateway_and_is_kept(
    town: Town, officer: Api, talk: TalkPage, said: Sound
) -> None:
    page = talk.page
    page.context.clear_cookies()
    page.goto("/dang-nhap")
    page.locator("[name=username]").fill("officer")
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_test_id("log-in").click()
    page.get_by_test_id("emergency").click()
    talk.open()
    page.get_by_test_id("arm").click()
    expect(page.locator("#step-up")).to_be_visible()
    prove(page)
    expect(page.locator("#step-up")).to_be_hidden()
    talk.says("Micrô đã mở, chưa phát gì. Giữ nút lớn để nói với 8 cụm loa.")
    assert "frame" not in talk.sent, "armed is not talking"

    pressed_at = now()
    talk.finger_down()
    expect(talk.button).to_contain_text("Nói đi")
    talk.says("Loa đang phát lời bạn.")
    expect(page.locator(".band.actual")).to_be_visible()
    expect(page.get_by_test_id("heard")).to_have_text("8/8")
    page.wait_for_timeout(max(0.0, 3.1 - (now() - pressed_at).total_seconds()) * 1_000)
    talk.finger_up()
    talk.says("Đã lưu lại để nghe lại.")
    for gateway_id in town.gateway_ids:
        assert likeness(heard(town, gateway_id, pressed_at, 2.9), said) >= LIKE, gateway_id

    told = re.match(r"Đã phát ([\d,]+) giây\.", page.locator("#talk-said").inner_text())
    assert told is not None
    said_s = float(told[1].replace(",", "."))
    page.get_by_test_id("record-of").first.click()
    page.wait_for_url("**/phat/*")
    expect(page.locator("main")).to_contain_text("Người nói đã nói xong.")
    audio = page.locator("audio").first.get_attribute("src")
    assert audio is not None
    assert page.request.get(audio).ok
    clip = decode_clip(town.stored_clip(audio.split("/")[-2]))
    assert len(clip) / SAMPLE_RATE_HZ == pytest.approx(said_s, abs=0.06)
    assert likeness(clip, said) >= LIKE
    deliveries = settled(officer, page.url.rsplit("/", 1)[-1])
    assert set(deliveries) == set(town.gateway_ids)
    assert {each["state"] for each in deliveries.values()} == {"played"}


def test_the_space_bar_talks_for_as_long_as_it_is_held_and_to_nobody_else(
    town: Town, talk: TalkPage, said: Sound
) -> None:
    talk.open(HAMLET)
    talk.arm()
    pressed_at = now()
    talk.button.focus()
    talk.page.keyboard.down("Space")
    expect(talk.button).to_contain_text("Nói đi")
    talk.page.keyboard.down("Space")  # as a key that is held does, again and again
    talk.page.wait_for_timeout(1_500)
    talk.page.keyboard.up("Space")
    talk.says("Đã lưu lại để nghe lại.")
    assert talk.sent.count("press") == talk.sent.count("release") == 1
    for gateway_id in HAMLETS_GATEWAYS:
        assert likeness(heard(town, gateway_id, pressed_at, 1.5), said) >= LIKE, gateway_id
    for gateway_id in set(town.gateway_ids) - HAMLETS_GATEWAYS:
        assert silent_since(town, gateway_id, pressed_at), "another hamlet"


@pytest.fixture(scope="module")
def openings(town: Town, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sound]:
    """What says that it is a test, and that it is a drill, as the hamlet's gateways hold them."""
    sounds = {"test_opening": murmur(OPENING_MS, 81), "drill_opening": murmur(OPENING_MS, 82)}
    return keep_sounds(town, STATION, sounds, HAMLETS_GATEWAYS, tmp_path_factory.mktemp("openings"))


@pytest.mark.parametrize("mode", ["test", "drill"])
def test_a_test_and_a_drill_by_voice_say_first_what_they_are(
    town: Town, talk: TalkPage, said: Sound, openings: dict[str, Sound], mode: str
) -> None:
    talk.open(HAMLET, mode=mode)
    talk.arm()
    pressed_at = now()
    talk.finger_down()
    talk.says("Loa đang báo trước rằng đây không phải tin thật.")
    expect(talk.button).to_contain_text("Đợi báo xong")
    expect(talk.button).to_contain_text("Nói đi")
    expect(talk.page.locator(f".band.{mode}")).to_contain_text(BANDS[mode])
    talk.page.wait_for_timeout(1_300)
    talk.finger_up()
    talk.says("Đã lưu lại để nghe lại.")
    opening = openings[f"{mode}_opening"]
    for gateway_id in HAMLETS_GATEWAYS:
        recording = town.recording(gateway_id)
        alike, begins_at = heard_at(recording, opening[: RATE * 8 // 10], pressed_at, now())
        assert alike >= LIKE, gateway_id
        first = recording.first_sample_at(pressed_at)
        assert first is not None
        assert abs((first - begins_at).total_seconds()) < 0.1, "something sounded before it was announced"
        opened_at = begins_at + timedelta(milliseconds=OPENING_MS + 100)
        assert likeness(heard(town, gateway_id, opened_at, 1.0), said) >= LIKE, gateway_id
    for gateway_id in set(town.gateway_ids) - HAMLETS_GATEWAYS:
        assert silent_since(town, gateway_id, pressed_at), "another hamlet"
    spoken = newest(town.api("officer"), pressed_at)
    assert (spoken["mode"], spoken["priority"]) == (mode, "priority")


def test_a_phone_that_freezes_in_the_middle_ends_it_within_two_seconds_and_that_is_written_down(
    town: Town, officer: Api, talk: TalkPage, said: Sound
) -> None:
    talk.open(HAMLET)
    talk.arm()
    pressed_at = now()
    talk.finger_down()
    expect(talk.button).to_contain_text("Nói đi")
    for gateway_id in HAMLETS_GATEWAYS:
        assert likeness(heard(town, gateway_id, pressed_at, 1.5), said) >= LIKE
    lost_at = now()
    talk.freeze(3_500)
    broadcast_id = newest(officer, pressed_at)["id"]
    assert set(settled(officer, broadcast_id)) == HAMLETS_GATEWAYS
    for gateway_id in HAMLETS_GATEWAYS:
        assert silent_since(town, gateway_id, lost_at + timedelta(seconds=2))
    for gateway_id in set(town.gateway_ids) - HAMLETS_GATEWAYS:
        assert silent_since(town, gateway_id, pressed_at), "another hamlet"
    talk.has_said("Mất kết nối giữa chừng: loa đã ngừng sau")
    talk.finger_up()
    eventually(
        lambda: (
            "Mất kết nối với điện thoại của người nói." in officer.client.get(f"/phat/{broadcast_id}").text
        ),
        5,
        "the record says how it ended",
    )


def test_after_a_tap_and_after_any_release_nothing_more_is_sent(town: Town, talk: TalkPage) -> None:
    talk.open(HAMLET)
    talk.arm()
    for held_ms, says in ((30, "Nhấn quá nhanh"), (400, "Đã lưu lại")):
        talk.tap(held_ms)
        talk.has_said(says)
        count = len(talk.sent)
        talk.page.wait_for_timeout(500)
        assert len(talk.sent) == count
        assert talk.sent[-1] == "release", "not even a frame still in the encoder"
    talk.finger_down()
    expect(talk.button).to_contain_text("Nói đi")
    talk.page.evaluate("dispatchEvent(new Event('pagehide'))")
    talk.says("Trang bị ẩn nên đã ngừng")
    expect(talk.page.get_by_test_id("arm")).to_be_visible()
    hidden_at = now()
    assert talk.sent[-1] == "release"
    talk.page.wait_for_timeout(2_200)
    assert silent_since(town, min(HAMLETS_GATEWAYS), hidden_at + timedelta(seconds=ON_ITS_WAY_S))


def test_a_line_that_carries_nothing_makes_a_recording_that_is_played_after_the_release(
    town: Town, talk: TalkPage, said: Sound
) -> None:
    talk.open(HAMLET)
    talk.arm()
    talk.finger_down()
    expect(talk.button).to_contain_text("Nói đi")
    talk.page.wait_for_timeout(700)
    talk.page.evaluate("Object.defineProperty(socket, 'bufferedAmount', { value: 20_000 })")
    talk.has_said("Mạng chậm: một ít lời bị bỏ qua.")
    talk.says("Mạng quá yếu để nói trực tiếp. Điện thoại đang thu")
    talk.page.wait_for_timeout(300)
    released_at = now()
    talk.finger_up()
    talk.has_said("Đang gửi bản thu")
    talk.says("Đã gửi bản thu")
    for gateway_id in HAMLETS_GATEWAYS:
        assert likeness(heard(town, gateway_id, released_at + timedelta(seconds=0.5), 1.5), said) >= LIKE


def test_a_socket_that_breaks_while_nobody_talks_is_opened_again(talk: TalkPage) -> None:
    talk.open(HAMLET)
    talk.arm()
    talk.page.evaluate("socket.close()")
    talk.has_said("Mất kết nối với máy chủ; đang nối lại.")
    talk.says("Micrô đã mở, chưa phát gì.")


def test_a_browser_that_cannot_encode_sends_plain_samples_and_one_press_begins_what_another_ends(
    town: Town, talk: TalkPage, said: Sound
) -> None:
    talk.open(HAMLET)
    talk.page.evaluate("delete window.AudioEncoder")
    talk.arm()
    pressed_at = now()
    once = talk.page.locator("#press-once")
    once.press("Enter")
    expect(once).to_have_attribute("aria-pressed", "true")
    talk.page.wait_for_timeout(1_700)
    once.press("Enter")
    talk.says("Đã lưu lại để nghe lại.")
    for gateway_id in HAMLETS_GATEWAYS:
        assert likeness(heard(town, gateway_id, pressed_at, 1.5), said) >= LIKE_PLAIN
