"""The emergency page is one tap away, light, and can be used by everyone who may."""

import gzip
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect
from support.browsing import DESKTOP, PHONE, Seat, violations
from support.emergency_page import choose_warning, send
from support.site import LivedIn

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


SHARED = {
    "app.css",
    "emergency.css",
    "app.js",
    "live.js",
    "actions.js",
    "api.js",
    "words.js",
    "shapes.svg",
    "icon.svg",
}
"""What every page loads; a phone that has seen another page asks only whether it has changed."""


DEFERRED = {
    *(f"{name}.js" for name in ("recorder", "speaking", "talk", "microphone", "recording", "unsent")),
    "ban-thu-san",
}
"""What comes once the page can be used."""


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_it_is_one_tap_away_and_its_button_covers_nothing(page: Page, viewport: ViewportSize) -> None:
    page.set_viewport_size(viewport)
    for path in ("/", "/soan", "/cum-loa"):
        page.goto(path)
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        free = page.evaluate(
            """() => {
              const button = document.querySelector("[data-test=emergency]").getBoundingClientRect();
              const all = [...document.querySelectorAll("main > *")];
              const shown = all.filter((each) => each.offsetParent);
              const last = shown.at(-1).getBoundingClientRect();
              return last.bottom <= button.top || last.left >= button.right;
            }"""
        )
        assert free, path
    page.get_by_test_id("emergency").click()
    page.wait_for_url("**/khan-cap")
    expect(page.get_by_test_id("stop-all")).to_be_in_viewport()
    page.set_viewport_size(PHONE)


def test_who_may_not_warn_is_told_why_and_whom_to_ask(lived_in: LivedIn, browser: Browser) -> None:
    with Seat(browser, lived_in.base_url, "monitor") as page:
        page.goto("/khan-cap")
        expect(page.get_by_test_id("may-not")).to_contain_text("Giám sát khu vực")
        expect(page.get_by_test_id("may-not")).to_contain_text("Trần Văn Nam")
        assert page.locator("#warn").count() == 0
        assert page.get_by_test_id("stop-all").count() == 0


@pytest.mark.parametrize(
    ("how", "language"),
    [({"viewport": PHONE, "color_scheme": "dark"}, "vi"), ({"viewport": DESKTOP}, "en")],
    ids=["phone-dark-vi", "desktop-light-en"],
)
def test_an_emergency_that_goes_on_can_be_followed_by_everyone(
    lived_in: LivedIn, page: Page, browser: Browser, how: dict[str, Any], language: str
) -> None:
    choose_warning(page)
    send(page)
    with Seat(browser, lived_in.base_url, "officer", language, **how) as other:
        other.goto("/khan-cap")
        choose_warning(other)
        other.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
        for source in ("text", "recording", "voice", "warning"):
            other.locator(f"[name=source][value={source}]").check()
            assert other.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, source
        found = violations(other)
        other.goto("/ngoai-tuyen")
        found += violations(other)
    assert found == []


def test_its_first_load_is_light_enough_for_a_slow_link(page: Page) -> None:
    page.wait_for_load_state("load")
    loaded = page.evaluate("() => performance.getEntriesByType('resource').map(({ name }) => name)")
    urls = {url.split("#")[0] for url in [page.url, *loaded] if "/events" not in url}
    sizes = {url.rsplit("/", 1)[-1]: len(gzip.compress(page.request.get(url).body())) for url in urls}
    own = sum(size for name, size in sizes.items() if name not in SHARED | DEFERRED)
    assert {"khan-cap", "emergency.js", "emergency.css"} < sizes.keys()
    # With the emergencies of other tests in its history, which weigh a hundred bytes each.
    assert own < 16_000, sizes
    assert sum(size for name, size in sizes.items() if name not in DEFERRED) < 40_000, sizes
