"""Before the scripts have come, on a slow line: what cannot be pressed yet, and what counts all the same."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from support.browsing import PHONE, Seat
from support.emergency_page import HAMLET, choose_warning, emergencies, send
from support.eventually import eventually
from support.site import LivedIn

from controller.emergencies.models import EmergencyState, Ending

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


class SlowLine:
    """A phone's page whose scripts are under way until they are let through."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._held: dict[str, Route] = {}

    def hold(self, script: str) -> None:
        """Hold a script back from now on."""

        def keep(route: Route) -> None:
            self._held[script] = route

        self.page.route(f"**/static/{script}", keep)

    def let_through(self, script: str) -> None:
        """Let it come, now or when it is asked for."""
        if script in self._held:
            self._held.pop(script).continue_()
        self.page.unroute(f"**/static/{script}")

    def open(self) -> None:
        self.page.goto("/khan-cap", wait_until="commit")


@pytest.fixture
def slow(lived_in: LivedIn, browser: Browser) -> Iterator[SlowLine]:
    with Seat(browser, lived_in.base_url, "officer", viewport=PHONE) as page:
        # What a service worker asks for passes by the routes that hold scripts back.
        page.add_init_script("delete Navigator.prototype.serviceWorker")
        yield SlowLine(page)


def test_stopping_everything_waits_for_no_script(lived_in: LivedIn, page: Page, slow: SlowLine) -> None:
    choose_warning(page)
    send(page)
    slow.hold("emergency.js")
    slow.open()
    expect(slow.page.locator("[data-emergency]")).to_have_count(1)
    slow.page.get_by_test_id("stop-all").click(no_wait_after=True)
    expect(slow.page.locator("[data-emergency]")).to_have_count(0)
    expect(slow.page.locator(".band.calm")).to_be_visible()
    last = emergencies(lived_in)[-1]
    assert (last.state, last.ending) == (EmergencyState.ENDED, Ending.STOPPED)


def test_what_needs_a_script_cannot_be_pressed_before_it_is_there(page: Page, slow: SlowLine) -> None:
    choose_warning(page)
    send(page)
    slow.hold("emergency.js")
    slow.hold("speaking.js")
    slow.open()
    waiting = slow.page.locator("#waiting")
    expect(waiting).to_be_visible()
    for name in ("all-clear", "false-alarm", "end", "send"):
        expect(slow.page.get_by_test_id(name)).to_be_disabled()
    slow.let_through("emergency.js")
    for name in ("all-clear", "false-alarm", "end"):
        expect(slow.page.get_by_test_id(name)).to_be_enabled()
    expect(waiting).to_be_hidden()
    slow.page.locator("[name=source][value=voice]").check()
    expect(slow.page.get_by_test_id("arm")).to_be_disabled()
    expect(waiting).to_be_visible()
    slow.let_through("speaking.js")
    expect(slow.page.get_by_test_id("arm")).to_be_enabled()
    expect(waiting).to_be_hidden()


def test_what_was_chosen_before_the_script_came_is_what_will_be_sent(
    lived_in: LivedIn, slow: SlowLine
) -> None:
    slow.hold("emergency.js")
    slow.open()
    page, before = slow.page, len(emergencies(lived_in))
    page.locator("[name=mode][value=drill]").check()
    page.locator("#audience label", has_text=HAMLET).click()
    choose_warning(page)
    page.get_by_test_id("send").click(force=True, no_wait_after=True)
    slow.let_through("emergency.js")
    review = page.get_by_test_id("review")
    expect(review).to_contain_text("Lũ lớn, rủi ro cấp 3")
    expect(review).to_contain_text(HAMLET)
    expect(review).to_contain_text("2 cụm loa")
    expect(page.locator("[name=whole]")).not_to_be_checked()
    siren = page.locator("[name=key]:checked").get_attribute("data-siren")
    assert page.locator("[name=siren]").input_value() == siren != ""
    assert len(emergencies(lived_in)) == before, "what was pressed in vain is not pressed later"
    send(page)
    sent = eventually(lambda: emergencies(lived_in)[before:], 5, "it is ordered")
    assert [each.mode.value for each in sent] == ["drill"]
    page.get_by_test_id("stop-all").click()
    expect(page.locator("[data-emergency]")).to_have_count(0)
