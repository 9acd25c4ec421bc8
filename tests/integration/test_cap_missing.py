"""What an Update refers to is fetched from the feed's archive if it never came, or a person decides."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import combinations
from typing import Any

import pytest
from sqlmodel import Session
from support.alerts import SENDER, Signer, alert_xml, at, reference
from support.office import Office
from support.watch import ALERT, CANCEL, UPDATE, Watch, after

from controller.cap.looking_up import SOON, TRIES, CapArchives
from controller.cap.models import FeedKind
from controller.cap.outbound import Fetched, FetchFailed, Limits, fetch
from controller.cap.polling import Fetch
from controller.tables import CapFeed

pytestmark = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)

NAMED = [reference("KTTV-1"), reference("KTTV-2", after(minutes=1)), reference("KTTV-3", after(minutes=2))]


class Shelf:
    """An archive by ``identifier``, that counts; it stands for one over HTTPS."""

    def __init__(self, **alerts: bytes) -> None:
        self.alerts = {name.replace("_", "-"): raw for name, raw in alerts.items()}
        self.asked: list[str] = []

    def __call__(
        self, url: str, limits: Limits, *, etag: str | None = None, modified: str | None = None
    ) -> Fetched:
        assert limits == Limits("https", frozenset({"archive.example"}))
        assert (etag, modified) == (None, None)
        name = url.removeprefix("https://archive.example/").removesuffix(".xml")
        self.asked.append(name)
        if name not in self.alerts:
            raise FetchFailed("answered 404")
        return Fetched(self.alerts[name])


class Server:
    """A real archive: answers by the name that is asked for, and sends strangers elsewhere."""

    def __init__(self) -> None:
        self.alerts: dict[str, bytes] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                body = outer.alerts.get(self.path.removeprefix("/").removesuffix(".xml"))
                self.send_response(302 if body is None else 200)
                if body is None:
                    self.send_header("Location", f"http://127.0.0.1:{outer.port}/KTTV-1.xml")
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is given
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def template(self) -> str:
        return f"http://127.0.0.1:{self.port}/{{identifier}}.xml"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


@pytest.fixture
def watch(office: Office) -> Watch:
    office.births()
    office.step()
    office.clock.pass_time(180)
    return Watch(office)


def archives(watch: Watch, fetching: Fetch = fetch) -> CapArchives:
    return CapArchives(
        engine=watch.office.engine, clock=watch.office.clock, desk=watch.desk, fetching=fetching
    )


def look(watch: Watch, looking: CapArchives) -> None:
    looking.look()
    watch.desk.step()


def kept(watch: Watch, **how: Any) -> int:
    return watch.feed(archive_url="https://archive.example/{identifier}.xml", **how)


def test_an_update_takes_its_place_once_the_archive_has_its_alert(watch: Watch, server: Server) -> None:
    signer = Signer.make()
    server.alerts = {"KTTV-1": signer.sign(ALERT)}
    feed = watch.feed(archive_url=server.template, private_allowed=True, certificate_pem=signer.pem)
    watch.take(feed, signer.sign(UPDATE))
    assert watch.standing() == {"KTTV-2": ("in_force", "orphan")}
    looking = archives(watch)
    look(watch, looking)
    assert watch.standing() == {"KTTV-2": ("in_force", None), "KTTV-1": ("superseded", None)}
    assert watch.played() == [(each, "Bão số 9 đổ bộ") for each in watch.office.gateway_ids]
    look(watch, looking)
    assert server.asked == ["/KTTV-1.xml"], "what is known is not asked for again"
    received = {row.subject: row.detail for row in watch.audited("receive_cap")}
    assert received[f"{SENDER},KTTV-1"]["archive"] == f"http://127.0.0.1:{server.port}/KTTV-1.xml"
    assert watch.feed_row(feed).problem == ""


def test_what_an_archive_answers_is_trusted_no_more_than_what_the_feed_brings(
    watch: Watch, server: Server
) -> None:
    signer = Signer.make()
    feed = watch.feed(archive_url=server.template, private_allowed=True, certificate_pem=signer.pem)
    watch.take(feed, signer.sign(UPDATE))
    for answer, reason in (
        (Signer.make().sign(ALERT), "cap_bad_signature"),
        (signer.sign(alert_xml("KTTV-9")), "cap_another_alert"),
        (signer.sign(alert_xml(sent=at(after(minutes=-1)))), "cap_another_alert"),
        (signer.sign(alert_xml(sender="someone@else.example")), "cap_unknown_sender"),
        (b"<!DOCTYPE alert>" + ALERT, "cap_doctype"),
        (bytes(2**20 + 1), "answered more than"),
    ):
        server.alerts = {"KTTV-1": answer}
        look(watch, archives(watch))
        assert reason in watch.feed_row(feed).problem
        assert watch.standing() == {"KTTV-2": ("in_force", "orphan")}
    server.alerts = {}
    look(watch, archives(watch))
    assert server.asked[-1] == "/KTTV-1.xml"
    assert "answered 302" in watch.feed_row(feed).problem, "nothing is followed anywhere"
    assert watch.played() == []


def test_a_private_address_is_not_asked_unless_that_is_meant(watch: Watch, server: Server) -> None:
    signer = Signer.make()
    feed = watch.feed(archive_url=server.template, certificate_pem=signer.pem)
    watch.take(feed, signer.sign(UPDATE))
    look(watch, archives(watch))
    assert "not allowed" in watch.feed_row(feed).problem
    assert server.asked == []


def test_a_plain_archive_proves_nobody_without_a_certificate(watch: Watch, server: Server) -> None:
    server.alerts = {"KTTV-1": ALERT}
    watch.take(watch.feed(archive_url=server.template, private_allowed=True), UPDATE)
    look(watch, archives(watch))
    assert not watch.row("KTTV-1").proven
    assert watch.standing()["KTTV-1"] == ("superseded", None)


def test_a_heartbeat_that_anyone_could_have_sent_is_not_listened_to(watch: Watch) -> None:
    feed = kept(watch, kind=FeedKind.MQTT)
    watch.take(feed, alert_xml("beat", status="System", references=NAMED, sent=at(after(minutes=3))))
    assert watch.feed_row(feed).mentioned == [], "a broker's word is no proof"


def test_an_orphan_whose_alert_is_nowhere_waits_for_a_person(watch: Watch) -> None:
    shelf = Shelf()
    feed = kept(watch)
    watch.take(feed, UPDATE)
    looking = archives(watch, shelf)
    for _ in range(20):
        look(watch, looking)
        watch.office.clock.pass_time(SOON.total_seconds() / 2)
    assert shelf.asked == ["KTTV-1"] * TRIES, "thrice soon, then now and then"
    assert watch.standing() == {"KTTV-2": ("in_force", "orphan")}
    assert watch.states("KTTV-2") == [("draft", None)]
    assert watch.feed_row(feed).problem == "archive: KTTV-1: answered 404"
    shelf.alerts["KTTV-1"] = ALERT
    watch.office.clock.pass_time(30 * 60)
    look(watch, looking)
    assert watch.standing()["KTTV-2"] == ("in_force", None)
    assert watch.feed_row(feed).problem == ""


def test_a_heartbeat_names_what_was_missed_and_the_newest_is_fetched_first(watch: Watch) -> None:
    shelf = Shelf(KTTV_1=ALERT)
    feed = kept(watch)
    beat = alert_xml("beat", status="System", references=NAMED[:2], sent=at(after(minutes=3)), infos="")
    watch.take(feed, beat)
    looking = archives(watch, shelf)
    look(watch, looking)
    assert shelf.asked == ["KTTV-2"], "what may be stale does not come while its Update is away"
    shelf.alerts["KTTV-2"] = UPDATE
    watch.office.clock.pass_time(SOON.total_seconds())
    look(watch, looking)
    assert shelf.asked == ["KTTV-2", "KTTV-2", "KTTV-1"]
    assert {title for _, title in watch.played()} == {"Bão số 9 đổ bộ"}


def test_whatever_comes_by_feed_and_the_rest_by_archive_ends_the_same(watch: Watch) -> None:
    everything = {"KTTV-1": ALERT, "KTTV-2": UPDATE, "KTTV-3": CANCEL}
    for number, chosen in enumerate(each for size in range(3) for each in combinations(everything, size)):
        sender = f"s{number}@example.vn"
        mine = {name: raw.replace(SENDER.encode(), sender.encode()) for name, raw in everything.items()}
        named = [each.replace(SENDER, sender) for each in NAMED]
        feed = kept(watch, name=sender, senders=[sender])
        beat = alert_xml(
            "beat", sender=sender, status="System", references=named, sent=at(after(minutes=3)), infos=""
        )
        watch.take(feed, beat, *(mine[name] for name in reversed(chosen)))
        shelf = Shelf()
        shelf.alerts = mine
        look(watch, archives(watch, shelf))
        states = {row.identifier: row.state.value for row in watch.rows() if row.sender == sender}
        assert states == {"KTTV-1": "cancelled", "KTTV-2": "cancelled", "KTTV-3": "tombstone"}, chosen
        with Session(watch.office.engine) as session, session.begin():
            session.get_one(CapFeed, feed).mentioned = []
    assert {title for _, title in watch.played()} == set()


def test_what_is_older_than_would_be_taken_and_what_is_of_others_is_not_asked_for(watch: Watch) -> None:
    shelf = Shelf()
    feed = kept(watch)
    long_ago, stranger = reference("OLD", after(hours=-24 * 31)), reference("X", sender="x@else.example")
    beat = alert_xml(
        "beat", status="System", references=[long_ago, stranger], sent=at(after(minutes=3)), infos=""
    )
    watch.take(feed, beat)
    look(watch, archives(watch, shelf))
    assert shelf.asked == []
