"""The thread that keeps clips whole on disk, with real files over real HTTP."""

import hashlib
import os
import queue
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.media import MediaServer

from device_agent.cache import Cache
from device_agent.checking import BEFORE_USE
from device_agent.clock import Clock
from device_agent.effects import Want
from device_agent.fetcher import LONGEST_CHECK_BYTES, ClipNews, ClipsLost, ClipsReady, Fetcher
from device_agent.http_pool import Source
from wire.messages import ClipRef

CONTENT = bytes(range(256)) * 1_000


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "clips", budget_bytes=1_000_000)


class ClockAhead(Clock):
    """This machine's monotonic clock, and as much more as was said to have passed."""

    def __init__(self) -> None:
        self._passed_ns = 0
        self.years = 0

    def pass_s(self, duration_s: float) -> None:
        self._passed_ns += round(duration_s * 1e9)

    def now(self) -> datetime:
        return super().now() + self.years * timedelta(days=365)

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + self._passed_ns


class HighDice(random.Random):
    """Always throws the most."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


class Fetching:
    """A fetcher with its thread, and what it said."""

    def __init__(self, cache: Cache, media: MediaServer) -> None:
        self.news: queue.Queue[ClipNews] = queue.Queue()
        self.clock = ClockAhead()
        self.fetcher = Fetcher(cache, self.clock, random.Random(1), self.news.put)
        self.source = Source(media.url, "31672-001", "secret")

    def want(self, *clips: ClipRef) -> None:
        soon = Clock().now() + timedelta(seconds=30)
        self.fetcher.want(self.source, tuple(Want(clip.sha256, clip.size_bytes, soon) for clip in clips))


@pytest.fixture
def fetching(cache: Cache, media: MediaServer) -> Iterator[Fetching]:
    fetching = Fetching(cache, media)
    yield fetching
    fetching.fetcher.stop()


def test_clips_from_before_a_restart_are_checked_once_and_not_fetched(
    fetching: Fetching, cache: Cache, media: MediaServer
) -> None:
    kept, rotten = media.add(b"kept", 1), media.add(b"rotten", 1)
    cache.path(kept.sha256).write_bytes(b"kept")
    cache.path(rotten.sha256).write_bytes(b"ROTTEN")
    fetching.want(kept, rotten)
    fetching.fetcher.start()
    news = {fetching.news.get(timeout=5), fetching.news.get(timeout=5)}
    assert news == {ClipsReady((kept.sha256,)), ClipsReady((rotten.sha256,))}
    assert media.requests == [(rotten.sha256, None)]


def test_a_clip_that_could_not_be_decoded_is_fetched_again(fetching: Fetching, media: MediaServer) -> None:
    clip = media.add(b"sound", 1)
    fetching.fetcher.start()
    fetching.want(clip)
    assert fetching.news.get(timeout=5) == ClipsReady((clip.sha256,))
    fetching.fetcher.distrust(clip.sha256)
    assert {fetching.news.get(timeout=5), fetching.news.get(timeout=5)} == {
        ClipsLost((clip.sha256,)),
        ClipsReady((clip.sha256,)),
    }
    assert len(media.requests) == 2
    assert fetching.fetcher.damaged == 0


def test_a_damaged_clip_is_noticed_when_it_is_opened_and_a_long_one_is_believed(
    fetching: Fetching, cache: Cache, media: MediaServer
) -> None:
    clip = media.add(CONTENT, 1)
    fetching.fetcher.start()
    fetching.want(clip)
    assert fetching.news.get(timeout=5) == ClipsReady((clip.sha256,))
    assert fetching.fetcher.is_whole(clip.sha256, clip.size_bytes)
    flip_a_bit(cache.path(clip.sha256))
    assert fetching.fetcher.is_whole(clip.sha256, LONGEST_CHECK_BYTES + 1)
    assert not fetching.fetcher.is_whole(clip.sha256, clip.size_bytes)
    assert fetching.news.get(timeout=5) == ClipsLost((clip.sha256,))
    assert fetching.news.get(timeout=5) == ClipsReady((clip.sha256,))
    assert fetching.fetcher.is_whole(clip.sha256, clip.size_bytes)
    assert fetching.fetcher.damaged == 1


def test_a_pinned_clip_stays_when_room_is_made_for_another(
    fetching: Fetching, cache: Cache, media: MediaServer
) -> None:
    pinned, old, new = (media.add(letter * 400_000, 1) for letter in (b"p", b"o", b"n"))
    cache.path(pinned.sha256).write_bytes(b"p" * 400_000)
    cache.path(old.sha256).write_bytes(b"o" * 400_000)
    os.utime(cache.path(pinned.sha256), (1, 1))
    fetching.fetcher.pin(fetching.source, (pinned,))
    fetching.want(new)
    fetching.fetcher.start()
    news = [fetching.news.get(timeout=5) for _ in range(4)]
    assert set(news[:2]) == {ClipsReady((pinned.sha256,)), ClipsReady((old.sha256,))}
    assert news[2:] == [ClipsLost((old.sha256,)), ClipsReady((new.sha256,))]
    assert set(cache.names()) == {pinned.sha256, new.sha256}


def test_a_clip_that_rots_on_the_disk_is_told_lost_counted_and_fetched_again(
    fetching: Fetching, cache: Cache, media: MediaServer
) -> None:
    clip = media.add(CONTENT, 1)
    fetching.fetcher.start()
    fetching.want(clip)
    assert fetching.news.get(timeout=5) == ClipsReady((clip.sha256,))
    flip_a_bit(cache.path(clip.sha256))
    fetching.clock.pass_s(BEFORE_USE.total_seconds())
    fetching.want(clip)
    assert fetching.news.get(timeout=5) == ClipsLost((clip.sha256,))
    assert fetching.news.get(timeout=5) == ClipsReady((clip.sha256,))
    assert fetching.fetcher.damaged == 1
    assert cache.path(clip.sha256).read_bytes() == CONTENT


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_what_nobody_needs_gives_way_when_it_is_asked_to(
    fetching: Fetching, media: MediaServer, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "clips", budget_bytes=1_000)
    fetching.fetcher = Fetcher(cache, Clock(), random.Random(1), fetching.news.put)
    clip = media.add(CONTENT, 1)
    cache.path(clip.sha256).write_bytes(CONTENT)
    fetching.fetcher.start()
    assert fetching.news.get(timeout=5) == ClipsReady((clip.sha256,))
    fetching.fetcher.give_way()
    assert fetching.news.get(timeout=5) == ClipsLost((clip.sha256,))
    assert cache.names() == ()


def test_a_failed_fetch_is_named_and_tried_again(fetching: Fetching, media: MediaServer) -> None:
    clip = ClipRef(sha256=hashlib.sha256(b"late").hexdigest(), size_bytes=4, duration_ms=1)
    fetching.fetcher.start()
    fetching.want(clip)
    while not media.requests:
        fetching.fetcher._thread.join(0.01)
    media.add(b"late", 1)
    assert fetching.news.get(timeout=10) == ClipsReady((clip.sha256,))
    assert fetching.fetcher.last_error is None


@pytest.mark.parametrize("years", [-1, 1])
def test_how_near_a_start_is_is_told_by_the_true_time(cache: Cache, media: MediaServer, years: int) -> None:
    """A clock a year behind would spread it over half a minute; with one ahead none would wait."""
    clock, news = ClockAhead(), queue.Queue[ClipNews]()
    clock.years = years
    fetcher = Fetcher(cache, clock, HighDice(), news.put, true_now=Clock().now)
    soon, far = media.add(b"soon", 1), media.add(b"far", 1)
    starts = {soon: Clock().now() + timedelta(minutes=1), far: Clock().now() + timedelta(hours=3)}
    fetcher.start()
    try:
        fetcher.want(
            Source(media.url, "31672-001", "secret"),
            tuple(Want(clip.sha256, clip.size_bytes, at) for clip, at in starts.items()),
        )
        assert news.get(timeout=5) == ClipsReady((soon.sha256,))
        with pytest.raises(queue.Empty):
            news.get(timeout=0.3)
    finally:
        fetcher.stop()
