"""A phone without a browser: its socket, its frames, its button."""

import contextlib
import threading
import time
from collections.abc import Sequence
from typing import Any

import httpx
import orjson
from support.town import PASSWORD, Api
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from wire.live import FRAME_MS

PRE_ROLL_FRAMES = 10


class Phone:
    """Someone who is logged in and holds a phone.

    Args:
        api: The log-in.
        host: Where the socket is opened: the controller's own address, or that of a line to it.
        port: As well.
        origin: Of the page; None is our own.
        prove: Whether they prove again who they are, which a live voice asks for.
    """

    def __init__(
        self, api: Api, host: str, port: int, *, origin: str | None = None, prove: bool = True
    ) -> None:
        if prove:
            proved = api.post("/step-up", json={"method": "password", "secret": PASSWORD})
            assert proved.status_code == httpx.codes.OK, proved.text
        self._csrf_token = api.client.headers["X-CSRF-Token"]
        self.messages: list[dict[str, Any]] = []
        self._said = threading.Condition()
        self._closed = False
        opening = connect(
            f"ws://{host}:{port}/api/v1/live",
            origin=Origin(origin or f"http://{host}:{port}"),
            additional_headers={"Cookie": f"loacast={api.client.cookies['loacast']}"},
            compression=None,
        )
        self._ending = contextlib.ExitStack()
        self.socket: ClientConnection = self._ending.enter_context(opening)
        self._thread = threading.Thread(target=self._listen, name="phone", daemon=True)
        self._thread.start()

    def say(self, type_: str, **more: Any) -> None:
        self.socket.send(orjson.dumps({"type": type_, **more}).decode())

    def arm(self, *areas: int, gateways: Sequence[str] = (), **more: Any) -> dict[str, Any]:
        audience = {"areas": list(areas), "gateways": list(gateways)}
        self.say("arm", csrf_token=self._csrf_token, audience=audience, **more)
        return self.heard("armed", "refused")

    def press(self, **more: Any) -> float:
        """Press, and return when that was, by the monotonic clock."""
        pressed_at = time.monotonic()
        self.say("press", **more)
        return pressed_at

    def send(self, number: int, frame: bytes) -> None:
        self.socket.send(number.to_bytes(4, "big") + frame)

    def speak(self, frames: Sequence[bytes], pressed_at: float) -> None:
        """Send frames as a microphone makes them; the first ten are from before the press."""
        for number, frame in enumerate(frames):
            made_at = pressed_at + (number + 1 - PRE_ROLL_FRAMES) * FRAME_MS / 1000
            time.sleep(max(0.0, made_at - time.monotonic()))  # noqa: TID251 - a microphone keeps time
            self.send(number, frame)

    def heard(self, *types: str, timeout_s: float = 10) -> dict[str, Any]:
        """Wait for a message of one of these types, and return it and forget those before it."""
        deadline = time.monotonic() + timeout_s
        with self._said:
            while True:
                for index, message in enumerate(self.messages):
                    if message["type"] in types:
                        self.messages = self.messages[index + 1 :]
                        return message
                left_s = deadline - time.monotonic()
                assert left_s > 0, f"none of {types} within {timeout_s} s"
                assert not self._closed, "the socket is closed"
                self._said.wait(left_s)

    def vanish(self) -> None:
        """As a phone that falls into the water: the connection is cut, nobody says goodbye."""
        self.socket.socket.close()

    def hang_up(self) -> None:
        self._ending.close()
        self._thread.join(5)

    def _listen(self) -> None:
        try:
            for text in self.socket:
                with self._said:
                    self.messages.append(orjson.loads(text))
                    self._said.notify_all()
        except (ConnectionClosed, OSError):
            pass
        with self._said:
            self._closed = True
            self._said.notify_all()
