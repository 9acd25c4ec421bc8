"""Clips on their way to disk, and which of them stay."""

import hashlib
import os
import random
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from support.media import MediaServer
from support.signing import NOON

from device_agent.cache import Cache, CacheFull, CorruptClip
from device_agent.checking import BEFORE_USE, EVERY_S, Checks
from device_agent.download import Downloader, DownloadFailed
from device_agent.effects import Want
from device_agent.fetching import FIRST_WAIT_S, LONGEST_WAIT_S, PIN_SPREAD_S, SPREAD_S, FetchQueue, Job
from device_agent.http_pool import Source
from wire.messages import ClipRef

CONTENT = bytes(range(256)) * 1_000
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "clips", budget_bytes=1_000_000)


def gather(media: MediaServer, cache: Cache, size_bytes: int = len(CONTENT)) -> None:
    source = Source(media.url, "31672-001", "secret")
    downloader = Downloader()
    try:
        downloader.download(source, SHA, size_bytes, cache.partial(SHA), lambda _came: True)
    finally:
        downloader.close()


def test_a_clip_is_fetched_and_has_its_name_only_when_it_is_whole(media: MediaServer, cache: Cache) -> None:
    media.add(CONTENT, 1_000)
    gather(media, cache)
    assert cache.names() == ()
    cache.admit(SHA)
    assert cache.names() == (SHA,)
    assert cache.path(SHA).read_bytes() == CONTENT


def test_a_fetch_that_broke_off_goes_on_where_it_stopped(media: MediaServer, cache: Cache) -> None:
    media.add(CONTENT, 1_000)
    media.break_after = 100_000
    with pytest.raises(DownloadFailed, match=r"broke off|bytes came"):
        gather(media, cache)
    kept = cache.partial(SHA).stat().st_size
    assert 0 < kept <= 100_000
    gather(media, cache)
    assert media.requests == [(SHA, None), (SHA, f"bytes={kept}-")]
    cache.admit(SHA)


def test_a_wrong_hash_is_never_admitted_and_the_next_fetch_begins_at_zero(cache: Cache) -> None:
    cache.partial(SHA).write_bytes(b"x" * len(CONTENT))
    with pytest.raises(CorruptClip):
        cache.admit(SHA)
    assert not cache.partial(SHA).exists()
    assert cache.names() == ()


def test_what_is_longer_than_announced_is_refused(media: MediaServer, cache: Cache) -> None:
    media.add(CONTENT, 1_000)
    with pytest.raises(DownloadFailed, match="more than the clip"):
        gather(media, cache, size_bytes=1_000)
    assert not cache.partial(SHA).exists()


@pytest.mark.parametrize(("held", "passwords", "status"), [(0, {}, 404), (1, {"31672-001": "x"}, 401)])
def test_a_refusal_says_which(
    media: MediaServer, cache: Cache, held: int, passwords: dict[str, str], status: int
) -> None:
    media.passwords = passwords
    if held:
        media.add(CONTENT, 1_000)
    with pytest.raises(DownloadFailed, match=f"answered {status}"):
        gather(media, cache)


def test_a_controller_that_is_away_is_a_failed_fetch(cache: Cache) -> None:
    gone = Source("http://127.0.0.1:9", "31672-001", "secret")
    with pytest.raises(DownloadFailed, match="no connection"):
        Downloader().download(gone, SHA, 10, cache.partial(SHA), lambda _came: True)


def test_a_rotten_clip_is_found_and_deleted(cache: Cache) -> None:
    cache.path(SHA).write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(CorruptClip):
        cache.check(SHA)
    assert cache.names() == ()


def test_the_least_recently_used_clip_that_nobody_needs_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, budget_bytes=1_000, free_bytes=0)
    for age, name in enumerate(("new", "old", "needed")):
        path = cache.path(hashlib.sha256(name.encode()).hexdigest())
        path.write_bytes(b"x" * 300)
        os.utime(path, (1_000 - age, 1_000 - age))
    new, old, needed = (hashlib.sha256(name.encode()).hexdigest() for name in ("new", "old", "needed"))
    assert cache.make_room(300, {needed}) == (old,)
    assert set(cache.names()) == {new, needed}
    with pytest.raises(CacheFull):
        cache.make_room(900, {needed})
    assert set(cache.names()) == {new, needed}


def test_clips_leave_the_disk_some_room_whatever_their_budget_is(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    cache = Cache(tmp_path, budget_bytes=2 * free)
    cache.path(SHA).write_bytes(CONTENT)
    with pytest.raises(CacheFull, match="the disk"):
        cache.make_room(free, {SHA})
    assert cache.names() == (SHA,)


def want(name: str, minutes: float) -> Want:
    return Want(name * 64, 10, NOON + timedelta(minutes=minutes))


def job(owner: str, want: Want) -> Job:
    return Job(owner, want.sha256, want.size_bytes, want.needed_at)


def test_the_nearest_start_is_fetched_first() -> None:
    fetches = FetchQueue(random.Random(1))
    fetches.want("g1", (want("a", 9), want("b", 5)), NOON, 0.0)
    fetches.want("g2", (want("c", 1), want("a", 9)), NOON, 0.0)
    assert fetches.next_job((), NOON, 0.0) == job("g2", want("c", 1))
    assert fetches.next_job(("c" * 64,), NOON, 0.0) == job("g1", want("b", 5))
    assert fetches.next_job(("a" * 64, "b" * 64, "c" * 64), NOON, 0.0) is None


def test_a_far_start_is_spread_out_and_a_near_one_is_not() -> None:
    waits = []
    for seed in range(20):
        fetches = FetchQueue(random.Random(seed))
        fetches.want("g", (want("a", 600),), NOON, 100.0)
        waits.append(fetches.next_job((), NOON, 100.0))
    assert all(isinstance(wait, float) and 0 <= wait <= SPREAD_S for wait in waits)
    assert len(set(waits)) == 20
    fetches.want("g", (want("b", 1),), NOON, 100.0)
    assert fetches.next_job((), NOON, 100.0) == job("g", want("b", 1))


def test_a_pinned_clip_goes_before_what_is_not_about_to_start_and_after_what_is() -> None:
    fetches = FetchQueue(random.Random(1))
    pinned = ClipRef(sha256="d" * 64, size_bytes=10, duration_ms=1)
    fetches.want("g", (want("a", 1), want("b", 5)), NOON, 0.0)
    fetches.pin("g", (pinned,), 0.0)
    order: list[str] = []
    while isinstance(next_one := fetches.next_job(order, NOON, PIN_SPREAD_S), Job):
        order.append(next_one.sha256)
    assert order == ["a" * 64, "d" * 64, "b" * 64]


def test_pinned_clips_are_spread_out_over_the_gateways_and_needed_until_they_are_not() -> None:
    pinned = ClipRef(sha256="d" * 64, size_bytes=10, duration_ms=1)
    waits = set()
    for seed in range(20):
        fetches = FetchQueue(random.Random(seed))
        fetches.pin("g", (pinned,), 100.0)
        waits.add(fetches.next_job((), NOON, 100.0))
    assert len(waits) == 20
    assert all(isinstance(wait, float) and 0 <= wait <= PIN_SPREAD_S for wait in waits)
    fetches.want("g", (), NOON, 100.0)
    assert fetches.needed() == {"d" * 64}
    fetches.pin("g", (), 100.0)
    assert fetches.needed() == frozenset()


DAY_S, USE_S = EVERY_S, BEFORE_USE.total_seconds()
NOBODY: frozenset[str] = frozenset()


def test_a_clip_counts_as_here_only_once_it_was_read() -> None:
    checks = Checks()
    checks.found(["a", "b"])
    assert checks.here == NOBODY
    assert checks.next_check(frozenset("b"), NOBODY, 0.0) == "b"
    checks.whole("b", 0.0)
    assert (checks.here, checks.next_check(frozenset("b"), NOBODY, 0.0)) == (frozenset("b"), "a")
    checks.gone("a")
    assert checks.next_check(frozenset("b"), NOBODY, 0.0) == DAY_S


def test_a_clip_is_read_once_a_day_and_once_more_shortly_before_it_is_played() -> None:
    checks = Checks()
    checks.whole("a", 0.0)
    checks.whole("b", 1.0)
    assert checks.next_check(NOBODY, NOBODY, 100.0) == DAY_S - 100.0
    assert checks.next_check(NOBODY, frozenset("b"), 100.0) == pytest.approx(USE_S + 1.0 - 100.0)
    assert checks.next_check(NOBODY, frozenset("b"), USE_S + 1.0) == "b"
    checks.whole("b", USE_S + 1.0)
    assert checks.next_check(NOBODY, frozenset("b"), USE_S + 2.0) == pytest.approx(USE_S - 1.0)
    assert checks.next_check(NOBODY, NOBODY, DAY_S) == "a"
    assert Checks().next_check(NOBODY, NOBODY, 0.0) is None


def test_attempts_back_off_but_not_when_the_start_is_near() -> None:
    fetches = FetchQueue(random.Random(1))
    fetches.want("g", (want("a", 9),), NOON, 0.0)
    waits = []
    for _ in range(12):
        fetches.failed("a" * 64, 0.0)
        wait = fetches.next_job((), NOON, 0.0)
        assert isinstance(wait, float)
        waits.append(wait)
    assert waits[0] <= 2 * FIRST_WAIT_S
    assert LONGEST_WAIT_S / 2 <= waits[-1] <= LONGEST_WAIT_S
    near = fetches.next_job((), NOON + timedelta(minutes=8), 0.0)
    assert near == pytest.approx(FIRST_WAIT_S)
