"""People at browsers: phones and desktops of a site's readers, watched for what must never happen."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright
from support.browser import ARGUMENTS, EXECUTABLE
from support.commune import PASSWORD

PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 900}


@contextmanager
def running_browser(*more: str) -> Iterator[Browser]:
    """Start Chromium, with more arguments if given, and close it whatever happens."""
    with sync_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-test")
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=[*ARGUMENTS, *more])
        yield browser
        browser.close()


class Seat:
    """One reader at one browser. Use as a context manager: leaving it checks what was seen.

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
        self.page.goto("/dang-nhap")
        self.page.locator("[name=username]").fill(username)
        self.page.locator("[name=password]").fill(PASSWORD)
        self.page.get_by_test_id("log-in").click()
        self.page.wait_for_url("**/")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"{self.page.url}: {message.text}")

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).netloc != self._host:
            self.faults.append(f"{self.page.url} asked {request.url}")
