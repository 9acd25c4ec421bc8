"""What goes on is followed by name from the phone, ended in one or two taps, and looked back upon."""

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browsing import Seat
from support.emergency_page import (
    HAMLET,
    audience_of,
    choose_warning,
    emergencies,
    newest_broadcast,
    send,
    started_earlier,
)
from support.site import LivedIn

from controller.emergencies.models import EmergencyState, Ending
from controller.emergencies.roll_call import SILENT_AFTER
from wire.types import Event

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def test_who_sounds_is_counted_live_and_who_is_silent_is_named_with_a_number_to_ring(
    lived_in: LivedIn, page: Page, browser: Browser
) -> None:
    choose_warning(page)
    send(page)
    expect(page.get_by_test_id("heard")).to_have_text("0/8")
    broadcast_id, at = newest_broadcast(lived_in), lived_in.site.clock.now()
    heard = lived_in.commune.gateway_ids[:6]
    with lived_in.speaking(*heard) as voices:
        for voice in voices:
            voice.reports(Event.PLAYING, broadcast_id, at, started_at=at)
    expect(page.get_by_test_id("heard")).to_have_text("6/8")
    started_earlier(lived_in, broadcast_id, SILENT_AFTER)
    silent = page.locator(".silent .event")
    expect(silent).to_have_count(2)
    expect(silent.first).to_contain_text("Cầu kênh Ba")
    assert silent.first.locator("a[href^='tel:']").get_attribute("href") == "tel:0900000012"
    with Seat(browser, lived_in.base_url, "monitor") as regional:
        for path in ("/cum-loa", "/"):
            regional.goto(path)
            strip = regional.locator("[data-emergency]")
            expect(strip.get_by_test_id("heard")).to_have_text("6/8")
            expect(strip).to_contain_text(f"{HAMLET} 2/2")
        with lived_in.speaking("31672-007") as (late,):
            late.reports(Event.PLAYING, broadcast_id, at, started_at=at)
        expect(strip.get_by_test_id("heard")).to_have_text("7/8")


def test_a_false_alarm_takes_two_taps_and_is_told_where_it_was_heard(lived_in: LivedIn, page: Page) -> None:
    choose_warning(page)
    send(page)
    broadcast_id, at = newest_broadcast(lived_in), lived_in.site.clock.now()
    heard = lived_in.commune.gateway_ids[:3]
    with lived_in.speaking(*heard) as voices:
        for voice in voices:
            voice.reports(Event.PLAYING, broadcast_id, at, started_at=at)
    page.get_by_test_id("false-alarm").click()
    with lived_in.speaking("31672-004") as (another,):
        another.reports(Event.PLAYING, broadcast_id, at, started_at=at)
    expect(page.get_by_test_id("heard")).to_have_text("4/8")
    page.get_by_test_id("end-confirm").click()
    expect(page.locator("[data-emergency]")).to_have_count(0)
    expect(page.locator("#said")).to_contain_text("báo lại")
    assert emergencies(lived_in)[-1].ending is Ending.FALSE_ALARM
    assert audience_of(lived_in, newest_broadcast(lived_in)) == {*heard, "31672-004"}


def test_one_tap_stops_everything_and_says_what_it_did(lived_in: LivedIn, page: Page) -> None:
    choose_warning(page)
    send(page)
    page.get_by_test_id("stop-all").click()
    expect(page.locator("#said")).to_contain_text("cụm loa")
    expect(page.locator("#said")).to_be_in_viewport()
    expect(page.locator("[data-emergency]")).to_have_count(0)
    last = emergencies(lived_in)[-1]
    assert (last.state, last.ending) == (EmergencyState.ENDED, Ending.STOPPED)


def test_a_review_of_what_was_learnt_is_kept(lived_in: LivedIn, page: Page) -> None:
    choose_warning(page)
    send(page)
    page.get_by_test_id("stop-all").click()
    expect(page.locator("[data-emergency]")).to_have_count(0)
    page.goto("/khan-cap")
    newest = page.locator("[data-ended]").first
    newest.locator("summary").click()
    newest.locator("textarea").fill("Loa ấp Bờ Sông yếu.")
    newest.locator("button[type=submit]").click()
    expect(page.locator("#said")).to_be_visible()
    assert emergencies(lived_in)[-1].review == "Loa ấp Bờ Sông yếu."
