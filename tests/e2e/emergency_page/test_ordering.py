"""A warning is reviewed, held and proved before it is ordered, once; a test is never like the real thing."""

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlmodel import Session, select
from support.broadcasting import now
from support.browsing import PHONE, Seat
from support.emergency_page import (
    HAMLET,
    HAMLETS_GATEWAYS,
    audience_of,
    choose_warning,
    emergencies,
    hold,
    newest_broadcast,
    prove,
    send,
)
from support.eventually import eventually
from support.site import LivedIn
from support.town import Town

from controller.people.models import LogIn
from controller.web.i18n import LANGUAGES, catalogue

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def test_a_warning_is_reviewed_held_and_proved_before_it_is_ordered_once(
    lived_in: LivedIn, phone: Seat, page: Page
) -> None:
    with Session(lived_in.site.engine) as session, session.begin():
        for opened in session.exec(select(LogIn)):
            opened.stepped_up_at = None
    before = len(emergencies(lived_in))
    expect(page.get_by_test_id("send")).to_be_disabled()
    choose_warning(page)
    page.locator("#audience label", has_text=HAMLET).click()
    expect(page.get_by_test_id("review")).to_contain_text("Lũ lớn, rủi ro cấp 3")
    expect(page.get_by_test_id("review")).to_contain_text(HAMLET)
    expect(page.get_by_test_id("review")).to_contain_text("2 cụm loa")
    page.get_by_test_id("send").click()
    assert len(emergencies(lived_in)) == before, "a tap is not enough"
    hold(page)
    expect(page.locator("#step-up")).to_be_visible()
    secret = page.locator("#step-up [name=secret]")
    assert secret.get_attribute("autocomplete") == "current-password"
    secret.fill("falsch")
    with page.expect_response("**/step-up") as refused:
        page.get_by_test_id("step-up-confirm").click()
    assert refused.value.status == 403
    expect(page.locator("#step-up .fault")).to_be_visible()
    # The refused password is the one thing that the console may speak of.
    assert all("403" in each for each in phone.faults)
    phone.faults.clear()
    prove(page)
    expect(page.locator("[data-emergency]")).to_have_count(1)
    ordered = emergencies(lived_in)[before:]
    assert [(each.warning_key, each.level, each.mode.value) for each in ordered] == [("flood_3", 3, "actual")]
    assert audience_of(lived_in, newest_broadcast(lived_in)) == HAMLETS_GATEWAYS


def test_two_presses_of_a_key_confirm_what_one_does_not(lived_in: LivedIn, page: Page) -> None:
    before = len(emergencies(lived_in))
    choose_warning(page)
    page.get_by_test_id("send").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("send")).to_contain_text("lần nữa")
    assert len(emergencies(lived_in)) == before
    page.keyboard.press("Enter")
    expect(page.locator("#step-up[open], [data-emergency]").first).to_be_visible()
    if page.locator("#step-up[open]").count():
        prove(page)
    expect(page.locator("[data-emergency]")).to_have_count(1)


def test_what_is_confirmed_sounds_at_the_chosen_gateways_and_nowhere_else(
    town: Town, browser: Browser
) -> None:
    officer = town.api("officer")
    clip = officer.speak("Nước lên nhanh. Bà con rời vùng trũng ngay.")["clip"]
    written = {"title": "Lũ quét", "clip_sha256": clip["sha256"], "source": "speech"}
    bulletin = officer.post("/bulletins", json=written).json()
    put = officer.client.put(f"/api/v1/bulletins/{bulletin['id']}/prepared", json={"prepared": True})
    assert put.is_success, put.text
    with Seat(browser, town.base_url, "officer", viewport=PHONE) as page:
        page.goto("/khan-cap")
        choose_warning(page, bulletin["id"])
        page.locator("#audience label", has_text=HAMLET).click()
        held_at = now()
        send(page)
        expect(page.get_by_test_id("heard")).to_have_text("2/2", timeout=15_000)
        for gateway_id in HAMLETS_GATEWAYS:
            eventually(
                lambda g=gateway_id: town.recording(g).first_sample_at(held_at), 10, f"{gateway_id} sounds"
            )
        page.get_by_test_id("stop-all").click()
        expect(page.locator("[data-emergency]")).to_have_count(0)
    for gateway_id in set(town.gateway_ids) - HAMLETS_GATEWAYS:
        assert town.recording(gateway_id).first_sample_at(held_at) is None, gateway_id


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_confirms_something_real_shares_no_word_with_what_confirms_a_drill_or_a_test(
    language: str,
) -> None:
    words = catalogue(language)
    said = {
        mode: {word.strip(".,:").lower() for word in words[f"js.send.{mode}"].split()}
        for mode in ("actual", "drill", "test")
    }
    assert all(said.values())
    assert not said["actual"] & (said["drill"] | said["test"])
    assert not said["drill"] & said["test"]


def test_a_test_looks_and_reads_differently_and_is_ordered_as_a_test(lived_in: LivedIn, page: Page) -> None:
    choose_warning(page)
    looks, reads = set(), set()
    for mode in ("actual", "drill", "test"):
        page.locator(f"[name=mode][value={mode}]").check()
        button = page.get_by_test_id("send")
        looks.add(button.evaluate("(button) => getComputedStyle(button).backgroundColor"))
        reads.add(page.get_by_test_id("review").inner_text().split("“")[0] + button.inner_text())
    assert len(looks) == len(reads) == 3
    send(page)
    assert emergencies(lived_in)[-1].mode.value == "test"
    expect(page.locator(".band")).to_contain_text("THỬ")
