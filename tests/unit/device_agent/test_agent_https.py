"""The way over HTTPS at the gateway's end, against a real server that does what it is told."""

import queue
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from support.authority import authority
from support.dice import LowDice
from support.eventually import eventually
from support.far_end import now
from support.signing import GATEWAY

from device_agent.http_pool import Source
from device_agent.https_way import POST_TRIES, Connected, HttpsWay, LinkEvent, Lost
from wire.certificates import KnownTime, Pin
from wire.inbox import LONGEST_WAIT_S, InboxAnswer, InboxMessage, encode_answer
from wire.mqtt import Incoming, NotConnected
from wire.topics import down


class AtOnce(LowDice):
    """Waits for nothing."""

    def uniform(self, a: float, b: float) -> float:
        del a, b
        return 0.0


@dataclass
class Controller:
    """Answers with what is put into `answers`; what is asked and posted is kept."""

    answers: "queue.SimpleQueue[InboxAnswer]" = field(default_factory=queue.SimpleQueue)
    asked: list[tuple[str, float]] = field(default_factory=list)
    posted: list[tuple[str, bytes]] = field(default_factory=list)
    refuse_with: int | None = None
    refuse_posts_with: int | None = None

    def serve(self, context: ssl.SSLContext | None = None) -> ThreadingHTTPServer:
        controller = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                question = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
                controller.asked.append((question["after"][0], float(question["wait_s"][0])))
                if controller.refuse_with is not None:
                    self.reply(controller.refuse_with)
                    return
                at_once = float(question["wait_s"][0]) == 0
                if at_once and controller.answers.empty():
                    self.reply(200, encode_answer(InboxAnswer(cursor="start")))
                else:
                    self.reply(200, encode_answer(controller.answers.get()))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if controller.refuse_posts_with is not None:
                    self.reply(controller.refuse_posts_with)
                    return
                controller.posted.append((self.path.rsplit("/", 1)[1], body))
                self.reply(202)

            def reply(self, status: int, body: bytes = b"") -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if status == 302:
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server


def an_answer(cursor: str, *envelopes: bytes, channel: str = "order") -> InboxAnswer:
    return InboxAnswer(
        cursor=cursor,
        messages=tuple(InboxMessage(channel=channel, envelope=msgspec.Raw(each)) for each in envelopes),
    )


@dataclass
class Scene:
    """A controller, and the way of one gateway to it."""

    controller: Controller
    way: HttpsWay
    heard: "queue.SimpleQueue[LinkEvent]"

    def next(self) -> LinkEvent:
        return self.heard.get(timeout=5)


@pytest.fixture
def begin() -> Iterator[Callable[..., Scene]]:
    ways: list[HttpsWay] = []
    controllers: list[tuple[Controller, ThreadingHTTPServer]] = []

    def started(
        controller: Controller | None = None, context: ssl.SSLContext | None = None, pin: Pin | None = None
    ) -> Scene:
        controller = controller or Controller()
        server = controller.serve(context)
        controllers.append((controller, server))
        scheme = "http" if context is None else "https"
        source = Source(f"{scheme}://127.0.0.1:{server.server_port}", GATEWAY, "s" * 43)
        heard: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
        ways.append(HttpsWay(source, heard.put, AtOnce(), pin).start())
        return Scene(controller, ways[-1], heard)

    yield started
    for way in ways:
        way.end()
    for controller, server in controllers:
        controller.answers.put(InboxAnswer(cursor="end"))
        server.shutdown()
        server.server_close()


def test_the_next_question_is_asked_when_all_of_the_answer_is_dealt_with(
    begin: Callable[..., Scene],
) -> None:
    scene = begin()
    assert scene.next() == Connected()
    scene.controller.answers.put(an_answer("one", b'{"n":1}', b'{"n":2}'))
    first, second = scene.next(), scene.next()
    assert isinstance(first, Incoming)
    assert isinstance(second, Incoming)
    assert (first.topic, first.payload) == (down(GATEWAY, "order"), b'{"n":1}')
    asked = list(scene.controller.asked)
    scene.way.ack(second)
    assert scene.controller.asked == asked
    scene.way.ack(first)
    eventually(lambda: len(scene.controller.asked) > len(asked), 5, "asked again")
    assert scene.controller.asked[-1] == ("one", LONGEST_WAIT_S)


def test_the_first_question_wants_an_answer_at_once(begin: Callable[..., Scene]) -> None:
    scene = begin()
    scene.next()
    assert scene.controller.asked[0] == ("", 0)


def test_a_channel_that_is_none_of_ours_is_passed_over(begin: Callable[..., Scene]) -> None:
    scene = begin()
    scene.next()
    scene.controller.answers.put(an_answer("one", b"{}", channel="../up/state"))
    eventually(lambda: scene.controller.asked[-1][0] == "one", 5, "asked again")
    assert scene.heard.empty()


@pytest.mark.parametrize("status", [302, 401, 404, 500])
def test_a_refusal_is_a_lost_line_which_is_tried_again(begin: Callable[..., Scene], status: int) -> None:
    scene = begin()
    assert scene.next() == Connected()
    scene.controller.refuse_with = status
    scene.controller.answers.put(InboxAnswer(cursor="one"))
    assert scene.next() == Lost()
    with pytest.raises(NotConnected):
        scene.way.publish("health", b"{}")
    scene.controller.refuse_with = None
    assert scene.next() == Connected()


def test_what_is_said_is_posted_in_order_and_byte_for_byte(begin: Callable[..., Scene]) -> None:
    scene = begin()
    scene.next()
    said = [("state", b'{"a":1}'), ("report", b"\x00\xff"), ("health", b"{}")]
    for channel, payload in said:
        scene.way.publish(channel, payload)
    eventually(lambda: len(scene.controller.posted) == 3, 5, "posted")
    assert scene.controller.posted == said


def test_a_post_that_is_refused_again_and_again_is_a_lost_line(begin: Callable[..., Scene]) -> None:
    scene = begin()
    scene.next()
    scene.controller.refuse_posts_with = 503
    scene.way.publish("report", b"{}")
    assert scene.heard.get(timeout=POST_TRIES + 3) == Lost()


def test_after_the_end_nothing_is_said_and_goodbye_was_posted(begin: Callable[..., Scene]) -> None:
    scene = begin()
    scene.next()
    scene.way.end(b'{"online":false}')
    assert scene.controller.posted == [("state", b'{"online":false}')]
    scene.controller.answers.put(an_answer("one", b'{"n":1}'))
    with pytest.raises(queue.Empty):
        scene.heard.get(timeout=0.3)
    with pytest.raises(NotConnected):
        scene.way.publish("health", b"{}")


def test_only_a_controller_that_an_authority_we_trust_vouches_for_is_spoken_to(
    begin: Callable[..., Scene], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca, certificate, key = authority(tmp_path, "commune")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    scene = begin(context=context)
    with pytest.raises(queue.Empty):
        scene.heard.get(timeout=0.5)
    assert scene.controller.asked == []
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    assert begin(context=context).next() == Connected()


@pytest.mark.parametrize(
    ("known", "is_believed"),
    [
        (KnownTime(clock_is_right=True), False),
        (KnownTime(clock_is_right=False), True),
        (KnownTime(clock_is_right=False, now=now()), False),
        (KnownTime(clock_is_right=False, now=now() - timedelta(hours=2)), True),
    ],
)
def test_with_an_authority_of_ones_own_the_dates_are_judged_by_what_is_known_of_the_time(
    begin: Callable[..., Scene], tmp_path: Path, known: KnownTime, *, is_believed: bool
) -> None:
    ca, certificate, key = authority(tmp_path, "commune", timedelta(hours=-1))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    scene = begin(context=context, pin=Pin(ca, lambda: known))
    if is_believed:
        assert scene.next() == Connected()
    else:
        with pytest.raises(queue.Empty):
            scene.heard.get(timeout=0.3)
        assert scene.controller.asked == []
    stranger, _, _ = authority(tmp_path, "stranger")
    refused = begin(context=context, pin=Pin(stranger, lambda: known))
    with pytest.raises(queue.Empty):
        refused.heard.get(timeout=0.2)
    assert refused.controller.asked == []
