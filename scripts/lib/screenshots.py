"""Pictures of every page of a running LoaCast; see scripts/screenshots."""

import shutil
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Browser, Page, sync_playwright

SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
SCHEMES = ("light", "dark")
FEW = {
    ("emergency", "phone", "light"),
    ("today", "phone", "light"),
    ("today", "desktop", "light"),
    ("broadcast", "phone", "light"),
    ("compose", "phone", "dark"),
    ("week", "desktop", "light"),
    ("fleet", "desktop", "dark"),
}
"""What the README shows."""

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
)


def main(  # noqa: PLR0917 - typer makes options of them
    url: Annotated[str, typer.Option(help="Where LoaCast is served.")],
    user: Annotated[str, typer.Option(help="User name of someone who may write bulletins.")],
    password: Annotated[str, typer.Option(help="Their password.")],
    language: Annotated[str, typer.Option(help="vi or en.")] = "vi",
    few: Annotated[bool, typer.Option("--few", help="Only those of the README, to docs/images.")] = False,  # noqa: FBT002
    to: Annotated[Path | None, typer.Option(help="Directory; none is var/screenshots.")] = None,
) -> None:
    """Take the pictures."""
    directory = to or Path("docs/images" if few else "var/screenshots")
    directory.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=_ARGUMENTS)
        for size in SIZES:
            for scheme in SCHEMES:
                page = _seat(browser, url, size=size, scheme=scheme, language=language)
                page.goto("/dang-nhap")
                if not few:
                    page.screenshot(path=directory / f"log-in-{size}-{scheme}.png")
                _log_in(page, user, password)
                for name, path in _pages(page).items():
                    if not few or (name, size, scheme) in FEW:
                        _fit(page, size)
                        _take(page, path, directory / f"{name}-{size}-{scheme}.png", whole=not few)
        browser.close()


def _seat(browser: Browser, url: str, *, size: str, scheme: str, language: str) -> Page:
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        locale="vi-VN" if language == "vi" else "en-GB",
    )
    context.add_cookies([{"name": "loacast_language", "value": language, "url": url}])
    return context.new_page()


def _log_in(page: Page, user: str, password: str) -> None:
    page.locator("[name=username]").fill(user)
    page.locator("[name=password]").fill(password)
    page.get_by_role("button").first.click()
    page.wait_for_url(lambda where: "/dang-nhap" not in where)


def _pages(page: Page) -> dict[str, str]:
    """Return every page by name; a broadcast that has sounded and a gateway are looked for in the lists."""
    pages = {"emergency": "/khan-cap", "today": "/", "week": "/tuan", "compose": "/soan", "fleet": "/cum-loa"}
    page.goto("/tuan")
    slots = page.locator(".slot a")
    for state in ("unknown", "partly", "failed", "played", "playing"):
        found = page.locator(f".slot[data-state={state}] a")
        if found.count():
            slots = found
            break
    if slots.count():
        pages["broadcast"] = slots.first.get_attribute("href") or "/"
    page.goto("/cum-loa")
    gateways = page.locator("tr[id^=gateway-] a")
    if gateways.count():
        pages["gateway"] = gateways.first.get_attribute("href") or "/"
    return pages


def _fit(page: Page, size: str) -> None:
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})


def _take(page: Page, path: str, to: Path, *, whole: bool) -> None:
    page.goto(path)
    page.locator("h1").first.wait_for()
    if whole:
        # A window as high as the page: what is fixed to the lower edge would else lie across the middle.
        width, height = page.evaluate(
            "[innerWidth, Math.max(innerHeight, document.documentElement.scrollHeight)]"
        )
        page.set_viewport_size({"width": width, "height": height})
    page.screenshot(path=to)
    typer.echo(to)


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise typer.BadParameter("no Chromium is installed")
    return found


if __name__ == "__main__":
    typer.run(main)
