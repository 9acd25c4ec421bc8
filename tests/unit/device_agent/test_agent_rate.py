"""How fast clips may come, when the cap gives way, and who may overtake whom."""

import queue
import random
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dice import LowDice
from support.eventually import eventually
from support.media import MediaServer
from support.signing import GATEWAY, NOON

from device_agent.cache import Cache
from device_agent.clock import Clock
from device_agent.effects import Want
from device_agent.fetcher import ClipNews, ClipsReady, Fetcher
from device_agent.fetching import FetchQueue, Job
from device_agent.http_pool import Source
from device_agent.https_way import Connected, Lost
from device_agent.rate import BURST_S, MARGIN, RateLimit
from device_agent.urgency import UrgentFirst
from wire.messages import ClipRef
from wire.mqtt import Incoming
from wire.topics import down


@given(st.lists(st.tuples(st.integers(1, 100_000), st.floats(0, 30)), min_size=1), st.floats(8, 10_000))
def test_never_more_comes_than_the_cap_and_one_burst_allow(
    pieces: list[tuple[int, float]], kbit_s: float
) -> None:
    limit, now_s, came = RateLimit(kbit_s), 0.0, 0
    for size, idle_s in pieces:
        came += size
        # Whoever waits as told is at the next piece within the cap.
        now_s += limit.wait_s(size, now_s)
        assert came * 8 / 1000 <= kbit_s * (now_s + BURST_S) * (1 + 1e-9)
        now_s += idle_s


def test_time_in_which_nothing_came_is_not_saved_up() -> None:
    limit = RateLimit(80.0)
    assert limit.wait_s(10_000, 1_000.0) == pytest.approx(0.0)
    assert limit.wait_s(10_000, 1_000.0) == pytest.approx(1.0)
    assert limit.wait_s(20_000, 2_000.0) == pytest.approx(1.0)


def test_the_cap_gives_way_when_it_would_make_a_clip_late() -> None:
    limit = RateLimit(8.0)  # a kilobyte a second
    start = NOON + MARGIN + timedelta(seconds=60)
    assert not limit.gives_way(59_000, start, NOON)
    assert limit.gives_way(61_000, start, NOON)
    assert limit.gives_way(1, NOON + MARGIN, NOON)
    assert not limit.gives_way(10**9, None, NOON), "a clip that is only to be kept is never late"


def test_a_clip_that_is_only_fetched_ahead_waits_for_one_that_is_about_to_sound() -> None:
    fetches = FetchQueue(random.Random(1))
    soon, later = (
        Want("a" * 64, 10, NOON + timedelta(seconds=30)),
        Want("b" * 64, 10, NOON + timedelta(hours=3)),
    )
    fetches.pin("g", (ClipRef(sha256="c" * 64, size_bytes=10, duration_ms=1),), 0.0)
    for slow in (Job("g", "b" * 64, 10, later.needed_at), Job("g", "c" * 64, 10, None)):
        fetches.want("g", (later,), NOON, 0.0)
        assert not fetches.overtaken(slow, (), NOON, 100.0)
        fetches.want("g", (later, soon), NOON, 100.0)
        assert fetches.overtaken(slow, (), NOON, 100.0)
        assert not fetches.overtaken(slow, ("a" * 64,), NOON, 100.0), "it is here already"
    fetches.failed("a" * 64, 100.0)
    assert not fetches.overtaken(slow, (), NOON, 100.1), "its last try has just failed"


def test_of_two_that_are_about_to_sound_only_the_nearer_overtakes() -> None:
    fetches = FetchQueue(random.Random(1))
    near, nearer = (Want(name * 64, 10, NOON + timedelta(seconds=at)) for name, at in (("a", 60), ("b", 20)))
    fetches.want("g", (near, nearer), NOON, 0.0)
    assert fetches.overtaken(Job("g", near.sha256, 10, near.needed_at), (), NOON, 1.0)
    assert not fetches.overtaken(Job("g", nearer.sha256, 10, nearer.needed_at), (), NOON, 1.0)


def heard(channel: str, payload: bytes) -> Incoming:
    return Incoming(down(GATEWAY, channel), payload, qos=1, retained=False, redelivered=False)


def test_an_emergency_is_taken_out_of_the_inbox_before_a_flood() -> None:
    inbox: UrgentFirst[object] = UrgentFirst(GATEWAY)
    for number in range(1_200):
        inbox.put(heard("order", b"%d" % number))
    inbox.put("a click of the player")
    inbox.put(Lost())
    inbox.put(Connected())
    inbox.put(heard("emergency", b"first"))
    inbox.put(heard("emergency", b"second"))
    lost, connected, first, second, *rest = [inbox.get(0.0) for _ in range(1_205)]
    assert (lost, connected) == (Lost(), Connected()), "or what comes again would pass for a replay"
    assert isinstance(first, Incoming)
    assert isinstance(second, Incoming)
    assert (first.payload, second.payload) == (b"first", b"second")
    assert [each.payload for each in rest if isinstance(each, Incoming)] == [b"%d" % n for n in range(1_200)]
    assert rest[-1] == "a click of the player"
    with pytest.raises(queue.Empty):
        inbox.get(0.0)


def test_a_capped_fetch_gives_way_to_what_sounds_soon_and_goes_on_where_it_was(tmp_path: Path) -> None:
    media, news = MediaServer(), queue.Queue[ClipNews]()
    large, small = media.add(bytes(range(256)) * 1_000, 1), media.add(b"small" * 1_000, 1)
    cache = Cache(tmp_path, budget_bytes=10**6)
    fetcher = Fetcher(cache, Clock(), LowDice(), news.put, limit=RateLimit(100.0))
    source = Source(media.url, GATEWAY, "s" * 43)
    now = Clock().now()
    ahead = Want(large.sha256, large.size_bytes, now + timedelta(hours=3))
    fetcher.start()
    try:
        fetcher.want(source, (ahead,))
        eventually(lambda: cache.partial(large.sha256).exists(), 5, "the large one is coming")
        fetcher.want(source, (ahead, Want(small.sha256, small.size_bytes, now)))
        assert news.get(timeout=5) == ClipsReady((small.sha256,))
        assert cache.partial(large.sha256).stat().st_size < large.size_bytes // 2, "it was held back"
        eventually(lambda: len(media.requests) == 3, 5, "the large one is asked for again")
    finally:
        fetcher.stop()
        media.stop()
    (_, first), (_, between), (sha256, again) = media.requests
    assert (first, between, sha256) == (None, None, large.sha256)
    assert again is not None
    assert again != "bytes=0-"
