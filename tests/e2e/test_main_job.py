"""The main job, as an officer does it: from a form on a phone to a loudspeaker and back."""

import contextlib
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect
from support.broadcasting import ZONE, enough, heard_at, now, times_heard, wait_until, whole_second_in
from support.browsing import ON_A_PHONE
from support.town import PASSWORD, Town

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

MEANT = {"31672-001", "31672-002", "31672-007", "31672-008"}
"""The gateways of Ấp Chợ and Ấp Lâm Dồ."""


@pytest.fixture
def phone(town: Town, browser: Browser) -> Iterator[Page]:
    how = {"locale": "vi-VN", "timezone_id": "Asia/Ho_Chi_Minh"}
    with contextlib.closing(browser.new_context(**ON_A_PHONE, **how)) as context:
        page = context.new_page()
        page.goto(f"{town.base_url}/")
        yield page


def test_an_officer_schedules_speech_from_a_phone_and_two_hamlets_hear_it(
    town: Town, phone: Page, spoken: Path, reference: NDArray[np.float32]
) -> None:
    phone.get_by_label("Tên đăng nhập").fill("officer")
    phone.get_by_label("Mật khẩu").fill(PASSWORD)
    phone.get_by_test_id("log-in").click()
    phone.get_by_test_id("compose").click()

    phone.locator('[name="title"]').fill("Mời họp dân")
    phone.locator('[name="file"]').set_input_files(spoken)
    expect(phone.get_by_test_id("preview")).to_be_visible(timeout=40_000)
    for hamlet in ("Ấp Chợ", "Ấp Lâm Dồ"):
        phone.get_by_role("checkbox", name=re.compile(f"^{hamlet}")).check()
    expect(phone.get_by_test_id("audience-count")).to_contain_text("4")
    phone.locator('[name="when"][value="once"]').check(force=True)
    start_at = whole_second_in(25)
    phone.locator('[name="start"]').fill(f"{start_at.astimezone(ZONE):%Y-%m-%dT%H:%M:%S}")
    phone.get_by_test_id("submit").click()
    confirm = phone.get_by_test_id("confirm")
    if confirm.is_visible():
        confirm.click()
    phone.wait_for_url("**/phat/*", timeout=15_000)
    broadcast_id = phone.url.rsplit("/", 1)[-1].split("?")[0]

    api = town.api()
    deliveries = api.deliveries(broadcast_id)
    assert set(deliveries) == MEANT
    duration = timedelta(milliseconds=next(iter(deliveries.values()))["expected_ms"])
    wait_until(start_at + duration + timedelta(seconds=1))

    for gateway_id in sorted(MEANT):
        cell = phone.locator(f'[data-gateway="{gateway_id}"][data-state]')
        expect(cell).to_have_attribute("data-state", "played", timeout=15_000)
        expect(cell).to_contain_text("đã phát", ignore_case=True)
        row = phone.locator("tr", has=cell)
        seconds_told = int(row.locator("[data-played-ms]").get_attribute("data-played-ms") or 0)
        assert abs(seconds_told - duration / timedelta(milliseconds=1)) <= 5, "the real length, not a guess"
    expect(phone.get_by_test_id("outcome")).to_contain_text("4")

    told = api.deliveries(broadcast_id)
    # A chime of a few seconds comes before the speech; the broadcast as a whole starts on the second.
    after, before = start_at - timedelta(seconds=2), now()
    for gateway_id in town.gateway_ids:
        recording = town.recording(gateway_id)
        if gateway_id not in MEANT:
            assert recording.is_silent(after, before), gateway_id
            continue
        first = recording.first_sample_at(after)
        assert first is not None
        assert abs((first - start_at).total_seconds()) <= 0.250, (gateway_id, first)
        correlation, _ = heard_at(recording, reference, after, before)
        surely = enough(told[gateway_id])
        assert correlation >= surely, (gateway_id, correlation)
        assert len(times_heard(recording, reference, after, before, surely=surely)) == 1

    registry = api.gateways()
    for gateway_id in MEANT:
        assert registry[gateway_id]["last_played_id"] == broadcast_id
    phone.goto(f"{town.base_url}/cum-loa/31672-001")
    expect(phone.get_by_role("main")).to_contain_text("Mời họp dân")
