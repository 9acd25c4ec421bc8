"""Holding to talk on the emergency page, with a microphone that plays a file."""

import re
from datetime import datetime, timedelta
from pathlib import Path

from playwright.sync_api import Locator, Page, expect
from support.broadcasting import now
from support.emergency_page import prove

_EARS = """
(() => {
  // The browser's own taking away of noise changes waves, and waves are what is compared.
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = ({ audio }) =>
    open({ audio: { ...audio, noiseSuppression: false, autoGainControl: false } });
  window.sent = [];
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    window.socket = this;
    window.sent.push(typeof data === "string" ? JSON.parse(data).type : "frame");
    send.call(this, data);
  };
  window.said = [];
  addEventListener("DOMContentLoaded", () => {
    const line = document.getElementById("talk-said");
    if (line) {
      const note = () => line.textContent && window.said.push(line.textContent);
      new MutationObserver(note).observe(line, { childList: true });
    }
  });
})();
"""


def fake_microphone(wav: Path) -> list[str]:
    """Return Chromium's arguments for a microphone that plays a WAV file again and again."""
    return [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={wav}",
    ]


class TalkPage:
    """The page of someone who is logged in, listened to: what it sends, and what it says to the person."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.add_init_script(_EARS)
        self._fingers = page.context.new_cdp_session(page)
        self._touches = False

    def open(self, *hamlets: str, mode: str = "actual") -> None:
        """Choose the voice, and these hamlets instead of the whole of one's own area."""
        self.page.goto("/khan-cap")
        self.page.locator(f"[name=mode][value={mode}]").check()
        self.page.locator("[name=source][value=voice]").check()
        for hamlet in hamlets:
            self.page.locator("#audience label", has_text=hamlet).click()

    def arm(self) -> None:
        """Tap, prove who one is if that is asked, and see the microphone's level move."""
        self.page.get_by_test_id("arm").click()
        expect(self.page.locator("#step-up[open], #hold:enabled").first).to_be_visible(timeout=10_000)
        if self.page.locator("#step-up[open]").count():
            prove(self.page)
            expect(self.page.locator("#step-up")).to_be_hidden()
        expect(self.button).to_be_enabled()
        self.page.wait_for_function("() => document.getElementById('level').value > -60")

    @property
    def button(self) -> Locator:
        return self.page.get_by_test_id("hold")

    def finger_down(self) -> None:
        """Touch the button where it is: whoever is in a hurry does not scroll."""
        self._touch_down(now())

    def finger_up(self) -> None:
        """Let go, if anything is held."""
        self._touch_up(now())

    def tap(self, ms: int) -> None:
        """Touch it for so long by the screen's own clock, though the page may come to look at it later."""
        at = now()
        self._touch_down(at)
        self._touch_up(at + timedelta(milliseconds=ms))

    def says(self, words: str) -> None:
        """Expect these words where the page says what becomes of the voice."""
        expect(self.page.locator("#talk-said")).to_have_text(re.compile(re.escape(words)), timeout=10_000)

    def has_said(self, words: str) -> None:
        """Expect these words to have been there, however soon others took their place."""
        said = "(words) => said.some((each) => each.includes(words))"
        self.page.wait_for_function(said, arg=words, timeout=10_000)

    def freeze(self, for_ms: int) -> None:
        """Let the page hang: its socket stays open, and nothing comes through it."""
        self.page.evaluate(
            "(ms) => void setTimeout(() => { for (const end = Date.now() + ms; Date.now() < end; ); })",
            for_ms,
        )

    @property
    def sent(self) -> list[str]:
        """What went through the socket so far: `frame`, or the type of a message."""
        sent: list[str] = self.page.evaluate("sent")
        return sent

    def _touch_down(self, at: datetime) -> None:
        box = self.button.bounding_box()
        assert box is not None
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        self._touch("touchStart", [place], at)
        self._touches = True

    def _touch_up(self, at: datetime) -> None:
        if self._touches:
            self._touch("touchEnd", [], at)
        self._touches = False

    def _touch(self, what: str, places: list[dict[str, float]], at: datetime) -> None:
        told = {"type": what, "touchPoints": places, "timestamp": at.timestamp()}
        self._fingers.send("Input.dispatchTouchEvent", told)
