"""As an app on a phone: what it shows and keeps without a network, and sends only when it is told anew."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import ARGUMENTS, EXECUTABLE
from support.browsing import PHONE, Seat
from support.commune import PASSWORD
from support.emergency_page import HAMLET, emergencies, send
from support.site import LivedIn

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def go_offline(page: Page) -> None:
    page.context.set_offline(True)
    page.wait_for_function("() => !navigator.onLine")


@pytest.fixture(scope="module")
def app(lived_in: LivedIn, browser: Browser) -> Iterator[Seat]:
    """A phone on which the service worker has settled."""
    seat = Seat(browser, lived_in.base_url, "officer", viewport=PHONE)
    seat.page.goto("/khan-cap")
    seat.page.evaluate("navigator.serviceWorker.ready")
    seat.page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    yield seat
    seat.context.close()


@pytest.fixture
def installed(app: Seat) -> Iterator[Page]:
    """The emergency page on it, seen with a network."""
    app.log_in("officer")
    app.page.goto("/khan-cap")
    yield app.page
    app.context.set_offline(False)


def test_without_a_network_every_page_says_so_and_the_emergency_page_stays(installed: Page) -> None:
    page = installed
    go_offline(page)
    for path in ("/", "/tuan", "/cum-loa/31672-001", "/phat/x"):
        page.goto(path)
        expect(page.locator("h1")).to_have_text("Không có mạng")
    page.goto("/khan-cap")
    expect(page.locator("#offline")).to_be_visible()
    assert page.locator("html").get_attribute("data-kept") is not None
    kept = page.evaluate(
        """async () => (await Promise.all((await caches.keys()).map(async (name) =>
          (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname)))).flat()"""
    )
    assert {"/khan-cap", "/ngoai-tuyen"} <= set(kept)
    assert not [path for path in kept if path.startswith(("/api", "/events", "/parts", "/media"))]
    page.context.set_offline(False)
    page.wait_for_function("() => !('kept' in document.documentElement.dataset)", timeout=15_000)
    expect(page.locator("#offline")).to_be_hidden()


@pytest.mark.usefixtures("microphone")
def test_what_was_recorded_without_a_network_is_sent_once_and_only_when_confirmed_anew(
    lived_in: LivedIn, installed: Page
) -> None:
    page, before = installed, len(emergencies(lived_in))
    page.locator("#audience label", has_text=HAMLET).click()
    go_offline(page)
    page.locator("[name=source][value=recording]").check()
    page.get_by_test_id("record").click()
    expect(page.get_by_test_id("record")).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(800)
    page.get_by_test_id("record").click()
    expect(page.locator("[data-unsent]")).to_have_count(1)
    expect(page.locator("[data-unsent]")).to_contain_text("Chưa gửi")
    page.context.set_offline(False)
    page.goto("/khan-cap")
    expect(page.locator("[data-unsent]")).to_have_count(1)
    assert len(emergencies(lived_in)) == before, "nothing is sent by itself"
    page.locator("[name=source][value=recording]").check()
    page.locator("#audience label", has_text=HAMLET).click()
    page.locator("[data-unsent] [data-take]").click()
    expect(page.get_by_test_id("preview")).to_be_visible(timeout=20_000)
    assert len(emergencies(lived_in)) == before
    send(page)
    expect(page.locator("[data-unsent]")).to_have_count(0)
    page.goto("/khan-cap")
    page.locator("[name=source][value=recording]").check()
    expect(page.locator("[data-unsent]")).to_have_count(0)
    sent = emergencies(lived_in)[before:]
    assert [each.source.value for each in sent] == ["recording"]
    page.get_by_test_id("stop-all").click()
    expect(page.locator("[data-emergency]")).to_have_count(0)


def test_the_log_out_takes_the_kept_page_away_and_leaves_the_page_for_no_network(installed: Page) -> None:
    page = installed
    page.get_by_test_id("account").click()
    page.get_by_test_id("log-out").click()
    page.wait_for_url("**/dang-nhap")
    page.wait_for_function("() => caches.match('/khan-cap').then((found) => found === undefined)")
    go_offline(page)
    page.goto("/khan-cap")
    expect(page.locator("h1")).to_have_text("Không có mạng")


def test_it_can_be_installed(lived_in: LivedIn, browser: Browser, tmp_path: Path) -> None:
    context = browser.browser_type.launch_persistent_context(
        str(tmp_path), executable_path=EXECUTABLE, args=ARGUMENTS
    )
    try:
        page = context.pages[0]
        log_in = f"{lived_in.base_url}/api/v1/log-in"
        assert context.request.post(log_in, data={"username": "officer", "password": PASSWORD}).ok
        page.goto(f"{lived_in.base_url}/")
        page.evaluate("navigator.serviceWorker.ready")
        session = context.new_cdp_session(page)
        errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
        told = session.send("Page.getAppManifest")
    finally:
        context.close()
    assert [each["errorId"] for each in errors] == []
    assert told["errors"] == []
    assert "/khan-cap" in told["data"]
