"""Asking feeds of alerts every so often, each by itself: one that is slow keeps no other waiting."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from controller.cap.atom import Entry, read_entries
from controller.cap.desk import Outcome
from controller.cap.models import CapFeed, FeedKind
from controller.cap.outbound import Fetched, FetchFailed, Limits, fetch, limits_of
from controller.cap.refusal import CapRefused
from controller.cap.xml import parse, to_node
from controller.clock import Clock

log = structlog.get_logger(__name__)

LOOK_S = 1.0
WORKERS = 8
INTERVAL_S = 60
MOST_SEEN = 5_000
LONGEST = timedelta(seconds=60)
"""After this no more of a feed's alerts are begun to be fetched at one time; the rest come the next time."""


class Fetch(Protocol):
    """Asks for a document; `controller.cap.outbound.fetch` is one."""

    def __call__(
        self, url: str, limits: Limits, *, etag: str | None = None, modified: str | None = None
    ) -> Fetched:
        """Return it, or raise `FetchFailed`."""
        ...


class Desk(Protocol):
    """What takes alerts; `controller.cap.desk.CapDesk` is one."""

    def take(self, feed_id: int, raw: bytes) -> Outcome:
        """Take an alert that a feed brought."""
        ...

    def note(self, feed_id: int, *, reached: bool, problem: str = "") -> None:
        """Note how asking a feed went."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A feed as it is asked."""

    id: int
    url: str
    hosts: tuple[str, ...]
    private_allowed: bool
    interval: timedelta


@dataclass(slots=True)
class Memory:
    """What is remembered of a feed. Forgotten in a restart, it is asked for once more and nothing doubles."""

    etag: str | None = None
    modified: str | None = None
    seen: dict[str, str] = field(default_factory=dict)
    """When each entry was updated, by its address."""


def poll(feed: Asked, memory: Memory, fetching: Fetch, desk: Desk) -> None:
    """Ask a feed once, and hand over what is new."""
    try:
        limits = limits_of(feed.url, feed.hosts, private_allowed=feed.private_allowed)
        answer = fetching(feed.url, limits, etag=memory.etag, modified=memory.modified)
        problems: list[str] = []
        if answer.body:
            root = to_node(parse(answer.body))
            if root.name == "alert":
                problems = _hand_over(desk, feed.id, answer.body)
            else:
                entries = read_entries(root, feed.url)
                problems = _hand_over_new(entries, feed.id, memory, desk, lambda url: fetching(url, limits))
            # What could not be fetched is to be asked for again, though the feed itself has not changed.
            memory.etag, memory.modified = (None, None) if problems else (answer.etag, answer.modified)
    except FetchFailed as failed:
        desk.note(feed.id, reached=False, problem=str(failed))
    except CapRefused as refused:
        desk.note(feed.id, reached=False, problem=f"{refused.code}: {refused.params['detail']}")
    else:
        desk.note(feed.id, reached=True, problem="; ".join(problems))


def _hand_over_new(
    entries: Iterable[Entry], feed_id: int, memory: Memory, desk: Desk, get: Callable[[str], Fetched]
) -> list[str]:
    """Hand over the alerts that are new; returns what went wrong."""
    problems = []
    for entry in entries:
        if memory.seen.get(entry.url) == entry.updated:
            continue
        try:
            body = get(entry.url).body
        except FetchFailed as failed:
            problems.append(str(failed))
            continue
        problems += _hand_over(desk, feed_id, body)
        memory.seen[entry.url] = entry.updated
    while len(memory.seen) > MOST_SEEN:
        del memory.seen[next(iter(memory.seen))]
    return problems


def _hand_over(desk: Desk, feed_id: int, raw: bytes) -> list[str]:
    refused = desk.take(feed_id, raw).refused
    return [] if refused is None else [f"{refused.code}: {refused.params['detail']}"]


class CapPoller:
    """Asks every feed in its time. `ask_due` can be called by hand in tests."""

    def __init__(self, *, engine: Engine, clock: Clock, desk: Desk, fetching: Fetch = fetch) -> None:
        self._engine = engine
        self._clock = clock
        self._desk = desk
        self._fetch = fetching
        self._memories: dict[int, Memory] = {}
        self._asked_at: dict[int, datetime] = {}
        self._running: dict[int, Future[None]] = {}
        self._pool = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="cap-poll")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cap-poller", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; what is being asked ends by its own limits."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10.0)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def ask_due(self) -> list[Future[None]]:
        """Begin to ask the feeds whose time has come and that are not being asked."""
        now = self._clock.now()
        begun = []
        for feed in self._feeds():
            running = self._running.get(feed.id)
            asked_at = self._asked_at.get(feed.id)
            if (running is not None and not running.done()) or (
                asked_at is not None and now - asked_at < feed.interval
            ):
                continue
            self._asked_at[feed.id] = now
            memory = self._memories.setdefault(feed.id, Memory())
            self._running[feed.id] = self._pool.submit(self._poll, feed, memory)
            begun.append(self._running[feed.id])
        return begun

    def _poll(self, feed: Asked, memory: Memory) -> None:
        began_at = self._clock.now()

        def fetching(
            url: str, limits: Limits, *, etag: str | None = None, modified: str | None = None
        ) -> Fetched:
            if self._stopping.is_set() or self._clock.now() - began_at > LONGEST:
                raise FetchFailed("left for the next time")
            return self._fetch(url, limits, etag=etag, modified=modified)

        try:
            poll(feed, memory, fetching, self._desk)
        except Exception:  # one feed must not end the asking of the others
            log.exception("cap_poll_failed", feed=feed.id)

    def _feeds(self) -> list[Asked]:
        with Session(self._engine) as session:
            rows = session.exec(
                select(CapFeed)
                .where(CapFeed.kind == FeedKind.HTTP, col(CapFeed.enabled), col(CapFeed.url).is_not(None))
                .order_by(col(CapFeed.id))
            )
            return [
                Asked(
                    feed.id,
                    feed.url or "",
                    tuple(feed.hosts),
                    feed.private_allowed,
                    timedelta(seconds=feed.interval_s or INTERVAL_S),
                )
                for feed in rows
            ]

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            try:
                self.ask_due()
            except Exception:  # the thread must outlive a locked or absent database
                log.exception("cap_poller_failed")
