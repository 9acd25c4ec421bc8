"""`talk.js` on a page of ours that has no button for it, with a microphone that plays a file."""

from pathlib import Path
from typing import Any

import orjson
from playwright.sync_api import Page, Route
from playwright.sync_api import TimeoutError as TooLate
from support.town import Api

_SCRIPT = """
import { Talk } from "/static/talk.js";
const wanted = JSON.parse(decodeURIComponent(location.hash.slice(1)));
window.told = [];
window.levels = [];
window.sentAt = [];
// The browser's own taking away of noise changes waves, and waves are what is compared.
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = ({ audio }) =>
  open({ audio: { ...audio, noiseSuppression: false, autoGainControl: false } });
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  window.socket = this;
  window.sentAt.push([performance.now(), typeof data === "string" ? JSON.parse(data).type : data.length]);
  send.call(this, data);
};
window.talk = new Talk({
  audience: () => wanted.audience,
  mode: () => wanted.mode,
  onState: (state, detail) => window.told.push({ state, ...detail, problem: detail.problem?.code }),
  onLevel: (db) => window.levels.push(db),
});
document.getElementById("main").insertAdjacentHTML("afterbegin", '<button id="arm">arm</button>');
document.getElementById("arm").addEventListener("click", () => talk.arm());
"""


def fake_microphone(wav: Path) -> list[str]:
    """Return Chromium's arguments for a microphone that plays a WAV file again and again."""
    return [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={wav}",
    ]


class TalkPage:
    """The page, opened by someone who is logged in through `api`."""

    def __init__(self, page: Page, api: Api, *, areas: list[int], mode: str = "actual") -> None:
        self.page = page
        base_url = str(api.client.base_url)
        cookie = {"name": "loacast", "value": api.client.cookies["loacast"], "url": base_url}
        page.context.add_cookies([cookie])  # type: ignore[list-item] - a dict is one
        page.route("**/thu-micro.js", _answer)
        wanted = orjson.dumps({"audience": {"areas": areas, "gateways": []}, "mode": mode}).decode()
        page.goto(f"{base_url}/cum-loa#{wanted}")
        page.add_script_tag(type="module", url="/thu-micro.js")

    def arm(self) -> None:
        self.page.click("#arm")
        self.wait_for("armed")

    def press(self) -> None:
        self.page.evaluate("talk.press()")

    def release(self) -> None:
        self.page.evaluate("talk.release()")

    def freeze(self, for_ms: int) -> None:
        """Let the page hang: its socket stays open, and nothing comes through it."""
        self.page.evaluate(
            "(ms) => void setTimeout(() => { for (const end = Date.now() + ms; Date.now() < end; ); })",
            for_ms,
        )

    def wait_for(self, state: str, timeout_s: float = 10, **detail: Any) -> dict[str, Any]:
        """Wait until the page was told a state, with these details, and return the last of that kind."""
        looked_for = orjson.dumps({"state": state, **detail}).decode()
        try:
            handle = self.page.wait_for_function(
                """(wanted) =>
                  told.findLast((each) => Object.keys(wanted).every((key) => each[key] === wanted[key]))""",
                arg=orjson.loads(looked_for),
                timeout=timeout_s * 1000,
            )
        except TooLate as error:
            raise AssertionError(f"not {looked_for}, but {self.page.evaluate('told.slice(-4)')}") from error
        found: dict[str, Any] = handle.json_value()
        return found

    def forget(self) -> None:
        """Forget what was told and sent so far."""
        self.page.evaluate("told.length = sentAt.length = 0")

    @property
    def frames_sent(self) -> int:
        return int(self.page.evaluate("sentAt.filter(([, what]) => typeof what === 'number').length"))


def _answer(route: Route) -> None:
    route.fulfill(body=_SCRIPT, content_type="text/javascript; charset=utf-8")
