"""How tests start a real browser here: Debian's Chromium, headless, silent towards the network."""

import shutil

EXECUTABLE = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
