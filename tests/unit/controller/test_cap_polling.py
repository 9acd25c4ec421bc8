"""A feed is asked, what is new is handed over once, what failed is asked for again."""

from datetime import timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.alerts import alert_xml

from controller.cap.atom import Entry, read_entries
from controller.cap.desk import Outcome
from controller.cap.ears import topic_matches, unpack
from controller.cap.outbound import Fetched, FetchFailed, Limits
from controller.cap.polling import Asked, Memory, poll
from controller.cap.refusal import CapRefused, Refusal
from controller.cap.xml import parse, to_node

URL = "https://alerts.example/feed"
FEED = Asked(7, URL, (), private_allowed=False, interval=timedelta(seconds=60))


def atom(*entries: tuple[str, str]) -> bytes:
    inner = "".join(
        f'<entry><updated>{updated}</updated><link rel="self" href="x"/>'
        f'<link href="web.html" type="text/html"/><link type="application/cap+xml" href="{href}"/></entry>'
        for href, updated in entries
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom">{inner}</feed>'.encode()


class Noted(NamedTuple):
    reached: bool
    problem: str


class World:
    """The web and a desk."""

    def __init__(self, **pages: bytes) -> None:
        self.pages = {f"https://alerts.example/{name}": body for name, body in pages.items()}
        self.asked: list[str] = []
        self.taken: list[bytes] = []
        self.noted: list[Noted] = []

    def __call__(
        self, url: str, limits: Limits, *, etag: str | None = None, modified: str | None = None
    ) -> Fetched:
        assert limits.hosts == {"alerts.example"}
        self.asked.append(url.rsplit("/", 1)[-1])
        if url not in self.pages:
            raise FetchFailed(f"no {url}")
        same = etag == str(hash(self.pages[url]))
        return Fetched() if same else Fetched(self.pages[url], str(hash(self.pages[url])), modified)

    def take(self, feed_id: int, raw: bytes) -> Outcome:
        assert feed_id == FEED.id
        self.taken.append(raw)
        return Outcome(CapRefused(Refusal.NOT_XML, "bad") if raw == b"bad" else None)

    def note(self, _feed_id: int, *, reached: bool, problem: str = "") -> None:
        self.noted.append(Noted(reached, problem))


def test_alerts_are_handed_over_newest_first_and_once() -> None:
    world, memory = World(feed=atom(("b", "2"), ("a", "1")), a=b"alert a", b=b"alert b"), Memory()
    poll(FEED, memory, world, world)
    assert world.taken == [b"alert b", b"alert a"]
    assert world.noted == [Noted(True, "")]
    world.pages[URL] = atom(("c", "3"), ("b", "2"), ("a", "4"))
    world.pages["https://alerts.example/c"] = b"alert c"
    poll(FEED, memory, world, world)
    assert world.taken == [b"alert b", b"alert a", b"alert c", b"alert a"]


def test_a_feed_that_has_not_changed_is_a_success_without_more() -> None:
    world, memory = World(feed=atom(("a", "1")), a=b"alert a"), Memory()
    poll(FEED, memory, world, world)
    poll(FEED, memory, world, world)
    assert world.asked == ["feed", "a", "feed"]
    assert world.noted == [Noted(True, ""), Noted(True, "")]


def test_what_could_not_be_fetched_is_asked_for_again_though_the_feed_is_the_same() -> None:
    world, memory = World(feed=atom(("a", "1"))), Memory()
    poll(FEED, memory, world, world)
    assert world.noted[0].problem == "no https://alerts.example/a"
    world.pages["https://alerts.example/a"] = b"alert a"
    poll(FEED, memory, world, world)
    assert world.taken == [b"alert a"]


def test_a_feed_that_does_not_answer_or_is_none_is_not_reached() -> None:
    for pages in ({}, {"feed": b"<html/>"}, {"feed": b"<!DOCTYPE x>"}):
        world = World(**pages)
        poll(FEED, Memory(), world, world)
        assert not world.noted[0].reached
        assert world.noted[0].problem


def test_a_refused_alert_is_named_and_not_fetched_again() -> None:
    world, memory = World(feed=atom(("a", "1"), ("b", "1")), a=b"bad", b=b"alert b"), Memory()
    poll(FEED, memory, world, world)
    assert world.noted == [Noted(True, "cap_not_xml: bad")]
    poll(FEED, memory, world, world)
    assert world.taken == [b"bad", b"alert b"]


def test_an_alert_in_place_of_a_feed_is_taken_as_it_is() -> None:
    raw = alert_xml()
    world = World(feed=raw)
    poll(FEED, Memory(), world, world)
    assert world.taken == [raw]


def test_rss_is_read_as_well() -> None:
    rss = (
        b"<rss><channel><item><link>/a.xml</link><pubDate>1</pubDate></item>"
        b'<item><link>b.html</link><enclosure type="application/cap+xml" url="b.xml"/></item></channel></rss>'
    )
    assert read_entries(to_node(parse(rss)), "https://alerts.example/feed/") == (
        Entry("https://alerts.example/a.xml", "1"),
        Entry("https://alerts.example/feed/b.xml", ""),
    )


def test_a_message_of_the_cap_composer_is_unpacked() -> None:
    assert unpack(b'{"data": "PGFsZXJ0Lz4=", "filename": "a.xml"}') == b"<alert/>"
    assert unpack(b"  <alert/>") == b"  <alert/>"


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_other_message_is_refused_and_nothing_else(payload: bytes) -> None:
    try:
        unpack(payload)
    except CapRefused as refused:
        assert refused.refusal is Refusal.NOT_XML  # noqa: PT017 - or it is taken, which is as well


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("cap/kttv/alerts", "cap/kttv/alerts", True),
        ("cap/kttv/#", "cap/kttv/a/b", True),
        ("cap/kttv/#", "cap/kttv", True),
        ("cap/+/alerts", "cap/kttv/alerts", True),
        ("cap/+", "cap/kttv/alerts", False),
        ("cap/kttv/alerts", "cap/kttv", False),
        ("cap/kttv", "cap/other", False),
    ],
)
def test_a_topic_is_one_of_a_filter(pattern: str, topic: str, *, expected: bool) -> None:
    assert topic_matches(pattern, topic) is expected
