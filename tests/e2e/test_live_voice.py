"""Someone speaks from a browser's microphone, and it is heard where it was meant, and ends when it should."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser
from support.eventually import eventually
from support.phone import Phone
from support.sound import SAMPLE_RATE_HZ, decode_clip, normalised_cross_correlation
from support.speaking import opus_frames
from support.talking import TalkPage
from support.town import PASSWORD, Api, Town
from websockets.exceptions import InvalidStatus

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

STATION, HAMLET = "Địa bàn đài Đại Ân 2", "Ấp Chợ"
HAMLETS_GATEWAYS = ("31672-001", "31672-002")
LIKE = 0.9
LIKE_PLAIN = 0.85
"""Of plain samples at 16 kHz, 0.93 by their own nature."""
THINNED = 3
"""Speech is compared at a third of the rate: what lies above 8 kHz says nothing about who is heard."""
PIECE = SAMPLE_RATE_HZ // THINNED // 4
"""What is compared at once: where a busy machine let a gateway run dry for 20 ms, only that piece is lost."""

ON_ITS_WAY_S = 2.0
"""What was said before the release still sounds: some 400 ms behind the mouth, more on a busy machine."""

Sound = NDArray[np.float32]


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - recordings are dated by the wall clock


@pytest.fixture(scope="module")
def said(microphone: Path) -> Sound:
    """Two rounds, thinned, of what the microphone hears: wherever someone begins, what they say is in it."""
    return np.tile(thinned(decode_clip(microphone)), 2)


@pytest.fixture(scope="module")
def officer(town: Town) -> Api:
    api = town.api("officer")
    proved = api.post("/step-up", json={"method": "password", "secret": PASSWORD})
    assert proved.status_code == httpx.codes.OK
    return api


@pytest.fixture
def talk(browser: Browser, officer: Api) -> Iterator[Callable[[str], TalkPage]]:
    """Open a page that talks to an area; closed afterwards."""
    contexts = []

    def opened(area: str) -> TalkPage:
        contexts.append(browser.new_context())
        return TalkPage(contexts[-1].new_page(), officer, areas=[officer.area(area)])

    yield opened
    for context in contexts:
        context.close()


def heard(town: Town, gateway_id: str, since: datetime, seconds: float) -> Sound:
    """What a gateway let sound from its first sample on, once there is so much of it."""

    def there() -> list[Sound]:
        recording = town.recording(gateway_id)
        first = recording.first_sample_at(since)
        long_enough = first is not None and recording.runs[-1].end_s >= first.timestamp() + seconds
        return [recording.between(first, first + timedelta(seconds=seconds))] if first and long_enough else []

    return eventually(there, 10, f"{gateway_id} sounds for {seconds} s")[0]


def thinned(sound: Sound) -> Sound:
    return sound[: len(sound) // THINNED * THINNED].reshape(-1, THINNED).mean(axis=1)


def likeness(sound: Sound, said: Sound) -> float:
    """How much like what was said it is: what a third of its pieces that are not silent come up to.

    A machine that is busy with other tests lets a page's microphone, or a gateway, run dry again and again.
    """
    sound = thinned(sound)
    pieces = [sound[first : first + PIECE] for first in range(0, len(sound) - PIECE + 1, PIECE)]
    loud = [piece for piece in pieces if np.abs(piece).max() > 0.02]
    assert len(loud) * 2 > len(pieces), "mostly silent"
    likenesses = [normalised_cross_correlation(said, piece)[0] for piece in loud]
    return float(np.percentile(likenesses, 66))


def silent_since(town: Town, gateway_id: str, at: datetime) -> bool:
    return town.recording(gateway_id).first_sample_at(at) is None


def settled(api: Api, broadcast_id: str) -> dict[str, dict[str, Any]]:
    def all_over() -> dict[str, dict[str, Any]]:
        deliveries = api.deliveries(broadcast_id)
        return deliveries if all(each["settled_at"] for each in deliveries.values()) else {}

    return eventually(all_over, 10, "every delivery has ended")


def test_what_is_spoken_sounds_at_every_gateway_and_is_kept(
    town: Town, officer: Api, talk: Callable[[str], TalkPage], said: Sound
) -> None:
    page = talk(STATION)
    page.arm()
    assert page.frames_sent == 0, "armed is not talking"
    pressed_at = now()
    page.press()
    talking = page.wait_for("talking")
    page.page.wait_for_timeout(3_000)
    page.release()
    page.wait_for("closed", reason="released")
    for gateway_id in town.gateway_ids:
        assert likeness(heard(town, gateway_id, pressed_at, 2.9), said) >= LIKE, gateway_id
    eventually(lambda: page.page.evaluate("told.at(-1).clipSha256"), 5, "what was said is stored")
    closed = page.wait_for("closed", reason="released")
    clip = decode_clip(town.stored_clip(closed["clipSha256"]))
    assert len(clip) / SAMPLE_RATE_HZ == pytest.approx(closed["saidMs"] / 1000, abs=0.02)
    assert likeness(clip, said) >= LIKE
    deliveries = settled(officer, talking["broadcastId"])
    assert {each["state"] for each in deliveries.values()} == {"played"}
    shown = officer.client.get(f"/phat/{talking['broadcastId']}").text
    assert "Người nói đã nói xong." in shown
    assert f"/api/v1/clips/{closed['clipSha256']}/audio" in shown
    assert officer.client.get(f"/api/v1/clips/{closed['clipSha256']}/audio").status_code == httpx.codes.OK


def test_a_phone_that_freezes_in_the_middle_ends_it_within_two_seconds_and_that_is_written_down(
    town: Town, officer: Api, talk: Callable[[str], TalkPage], said: Sound
) -> None:
    page = talk(HAMLET)
    page.arm()
    pressed_at = now()
    page.press()
    talking = page.wait_for("talking")
    for gateway_id in HAMLETS_GATEWAYS:
        assert likeness(heard(town, gateway_id, pressed_at, 1.5), said) >= LIKE
    lost_at = now()
    page.freeze(3_500)
    deliveries = settled(officer, talking["broadcastId"])
    assert set(deliveries) == set(HAMLETS_GATEWAYS)
    for gateway_id in HAMLETS_GATEWAYS:
        assert silent_since(town, gateway_id, lost_at + timedelta(seconds=2))
    for gateway_id in set(town.gateway_ids) - set(HAMLETS_GATEWAYS):
        assert silent_since(town, gateway_id, pressed_at), "another hamlet"
    eventually(
        lambda: (
            "Mất kết nối với điện thoại của người nói."
            in officer.client.get(f"/phat/{talking['broadcastId']}").text
        ),
        5,
        "the page says how it ended",
    )


def test_after_a_tap_and_after_any_release_nothing_more_is_sent(
    town: Town, talk: Callable[[str], TalkPage]
) -> None:
    page = talk(HAMLET)
    page.arm()
    for held_ms in (30, 400):
        page.forget()
        page.page.evaluate(
            """async (held) => {
              talk.press();
              await new Promise((resolve) => setTimeout(resolve, held));
              talk.release();
            }""",
            held_ms,
        )
        page.wait_for("closed")
        count = page.frames_sent
        page.page.wait_for_timeout(500)
        assert page.frames_sent == count
        assert page.page.evaluate("sentAt.at(-1)[1]") == "release", "not even a frame still in the encoder"
    page.page.evaluate("told.length = 0")
    page.press()
    page.wait_for("talking")
    page.page.wait_for_timeout(300)
    page.page.evaluate("dispatchEvent(new Event('pagehide'))")
    page.wait_for("closed", reason="hidden")
    page.wait_for("idle")
    hidden_at = now()
    assert page.page.evaluate("sentAt.at(-1)[1]") == "release"
    page.page.wait_for_timeout(2_200)
    assert silent_since(town, HAMLETS_GATEWAYS[0], hidden_at + timedelta(seconds=ON_ITS_WAY_S))


def test_a_line_that_carries_nothing_makes_a_recording_that_is_played_after_the_release(
    town: Town, talk: Callable[[str], TalkPage], said: Sound
) -> None:
    page = talk(HAMLET)
    page.arm()
    page.press()
    page.wait_for("talking")
    page.page.wait_for_timeout(700)
    page.page.evaluate("Object.defineProperty(socket, 'bufferedAmount', { value: 20_000 })")
    page.wait_for("talking", droppedMs=20)
    page.wait_for("bad_link", stage="recording")
    page.page.wait_for_timeout(300)
    released_at = now()
    page.release()
    page.wait_for("bad_link", stage="uploading")
    sent = page.wait_for("bad_link", stage="sent", timeout_s=20)
    assert sent["emergencyId"]
    for gateway_id in HAMLETS_GATEWAYS:
        assert likeness(heard(town, gateway_id, released_at + timedelta(seconds=0.5), 1.5), said) >= LIKE


def test_a_socket_that_breaks_while_nobody_talks_is_opened_again(talk: Callable[[str], TalkPage]) -> None:
    page = talk(HAMLET)
    page.arm()
    page.forget()
    page.page.evaluate("socket.close()")
    page.wait_for("lost")
    page.wait_for("armed")


def test_a_browser_that_cannot_encode_sends_plain_samples(
    town: Town, talk: Callable[[str], TalkPage], said: Sound
) -> None:
    page = talk(HAMLET)
    page.page.evaluate("delete window.AudioEncoder")
    page.arm()
    pressed_at = now()
    page.press()
    page.page.wait_for_timeout(1_700)
    page.release()
    page.wait_for("closed", reason="released")
    for gateway_id in HAMLETS_GATEWAYS:
        assert likeness(heard(town, gateway_id, pressed_at, 1.5), said) >= LIKE_PLAIN


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
        leader.heard("open")
        leader.say("release", reason="too_short")
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
