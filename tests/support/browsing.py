"""People at browsers: phones and desktops of a site's readers, watched for what must never happen."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    sync_playwright,
)
from support.browser import ARGUMENTS, EXECUTABLE
from support.commune import PASSWORD

PHONE: ViewportSize = {"width": 360, "height": 740}
ON_A_PHONE: dict[str, Any] = {
    "viewport": PHONE,
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


@contextmanager
def running_browser(*more: str) -> Iterator[Browser]:
    """Start Chromium, with more arguments if given, and close it whatever happens."""
    with sync_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-test")
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=[*ARGUMENTS, *more])
        yield browser
        browser.close()


class Seat:
    """One reader at one browser, on no page yet. As a context manager it checks what was seen on leaving.

    Raises:
        AssertionError: A script failed, the console had an error (a refused policy is one), or something was
            asked of another host.
    """

    def __init__(
        self, browser: Browser, base_url: str, username: str | None = None, language: str = "vi", **how: Any
    ) -> None:
        how = {"viewport": DESKTOP, "locale": f"{language}-VN", "timezone_id": "Europe/Paris"} | how
        self.context: BrowserContext = browser.new_context(base_url=base_url, **how)
        self.context.add_cookies([{"name": "loacast_language", "value": language, "url": base_url}])
        self.faults: list[str] = []
        self._host = urlsplit(base_url).netloc
        self.page: Page = self.context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("request", self._asked)
        if username is not None:
            self.log_in(username)

    def __enter__(self) -> Page:
        return self.page

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.context.close()
        if kind is None:
            assert self.faults == []

    def log_in(self, username: str) -> None:
        """Get the cookie as a program would: the form has tests of its own, and is a page to be drawn."""
        answer = self.context.request.post(
            "/api/v1/log-in", data={"username": username, "password": PASSWORD}
        )
        assert answer.ok, answer.text()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"{self.page.url}: {message.text}")

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).netloc != self._host:
            self.faults.append(f"{self.page.url} asked {request.url}")


def violations(page: Page) -> list[str]:
    """Return what axe finds on a page: which rule of WCAG, and where."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate("(rules) => axe.run(document, rules).then((told) => told.violations)", _RULES)
    return [
        f"{page.url} {each['id']}: {[node['html'][:160] for node in each['nodes'][:3]]}" for each in found
    ]
