"""Draws the icons of the web app from ``icon.svg``: run once whenever that changes."""

from pathlib import Path

from playwright.sync_api import sync_playwright

STATIC = Path(__file__).parents[2] / "controller" / "web" / "static"
SIZES = (192, 512)

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    for size in SIZES:
        page = browser.new_page(viewport={"width": size, "height": size})
        svg = (STATIC / "icon.svg").read_text().replace('rx="8" ', "")
        page.set_content(
            f"<style>*{{margin:0}}svg{{width:{size}px;height:{size}px;display:block}}</style>{svg}"
        )
        page.screenshot(path=STATIC / f"icon-{size}.png")
    browser.close()
