"""Asking archives for alerts that others refer to and that never came."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from controller.cap.alert import Key
from controller.cap.archive import Wanted, address, wanted
from controller.cap.deciding import OLDEST, Reason, State
from controller.cap.desk import Outcome
from controller.cap.intake import Asked
from controller.cap.models import CapAlert, CapFeed
from controller.cap.outbound import FetchFailed, Limits, fetch, limits_of
from controller.cap.polling import Fetch
from controller.clock import Clock

log = structlog.get_logger(__name__)

LOOK_S = 5.0
TRIES = 3
"""So often an archive is asked quickly; after that what is older than the one that it does not have is asked
for as well, and the missing one now and then."""
SOON, LATER = timedelta(minutes=1), timedelta(minutes=30)
LONGEST = timedelta(seconds=60)
"""After this the rest of a feed is left for the next look: a slow archive keeps no other waiting for long."""


class Desk(Protocol):
    """What takes alerts; `controller.cap.desk.CapDesk` is one."""

    def take(self, feed_id: int, raw: bytes, asked: Asked | None = None) -> Outcome:
        """Take an alert that an archive brought."""
        ...

    def note(self, feed_id: int, *, reached: bool, problem: str = "") -> None:
        """Note how asking went."""
        ...


@dataclass(frozen=True, slots=True)
class Search:
    """What is missing of one feed, the newest first, and where it may be."""

    feed_id: int
    template: str
    private_allowed: bool
    missing: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """How often an archive was asked for an alert in vain, and when it is to be asked again."""

    count: int
    again_at: datetime

    @property
    def given_up(self) -> bool:
        """Whether older ones need wait for it no more."""
        return self.count >= TRIES


def searches(session: Session, now: datetime) -> list[Search]:
    """Return what is missing, for each feed that has an archive.

    It is what orphans refer to, and what the last heartbeat named, as far as it is of the feed's senders and
    not older than what would be taken.
    """
    found = []
    for feed in session.exec(
        select(CapFeed).where(col(CapFeed.archive_url).is_not(None), col(CapFeed.enabled))
    ):
        asked = {each.key: each for each in map(wanted, _named(session, feed))}
        asked = {
            key: each
            for key, each in asked.items()
            if key.sender in feed.senders and key.sent_at >= now - OLDEST
        }
        missing = [asked[key] for key in asked.keys() - _held(session, asked)]
        missing.sort(key=lambda each: each.key.sent_at, reverse=True)
        if missing:
            found.append(Search(feed.id, feed.archive_url or "", feed.private_allowed, tuple(missing)))
    return found


def _named(session: Session, feed: CapFeed) -> Iterator[str]:
    orphans = session.exec(
        select(CapAlert.references).where(
            CapAlert.feed_id == feed.id, CapAlert.state == State.IN_FORCE, CapAlert.reason == Reason.ORPHAN
        )
    )
    for references in orphans:
        yield from (",".join(each) for each in references)
    yield from feed.mentioned


def _held(session: Session, keys: Iterable[Key]) -> set[Key]:
    names = {each.identifier for each in keys}
    rows = session.exec(
        select(CapAlert.sender, CapAlert.identifier, CapAlert.sent_at).where(
            col(CapAlert.identifier).in_(names)
        )
    )
    return {Key(*row) for row in rows}


class CapArchives:
    """Asks archives for what is missing. `look` can be called by hand in tests."""

    def __init__(self, *, engine: Engine, clock: Clock, desk: Desk, fetching: Fetch = fetch) -> None:
        self._engine = engine
        self._clock = clock
        self._desk = desk
        self._fetch = fetching
        self._tried: dict[tuple[int, Key], Tried] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cap-archives", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; what is being asked ends by its own limits."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10.0)

    def look(self) -> None:
        """Ask once for each alert that is missing and whose time has come."""
        with Session(self._engine) as session:
            found = searches(session, self._clock.now())
        missing = {(search.feed_id, each.key) for search in found for each in search.missing}
        self._tried = {key: tried for key, tried in self._tried.items() if key in missing}
        for search in found:
            self._ask_for(search)

    def _ask_for(self, search: Search) -> None:
        """Ask for the newest first, so that none sounds before what took its place has come."""
        began_at = self._clock.now()
        for each in search.missing:
            tried = self._tried.get((search.feed_id, each.key))
            if self._stopping.is_set() or self._clock.now() - began_at > LONGEST:
                return
            if tried is None or self._clock.now() >= tried.again_at:
                problem = self._ask(search, each)
                if not problem and tried is not None:
                    self._desk.note(search.feed_id, reached=False)
                tried = self._failed(search.feed_id, each.key, problem) if problem else None
            if tried is not None and not tried.given_up:
                return

    def _ask(self, search: Search, asked: Wanted) -> str:
        """Ask for one alert and hand it over; returns what went wrong."""
        url = address(search.template, asked)
        try:
            body = self._fetch(url, _limits(search)).body
        except FetchFailed as failed:
            return str(failed)
        refused = self._desk.take(search.feed_id, body, Asked(asked.key, url)).refused
        return "" if refused is None else f"{refused.code}: {refused.params['detail']}"

    def _failed(self, feed_id: int, key: Key, problem: str) -> Tried:
        before = self._tried.get((feed_id, key))
        count = 1 if before is None else before.count + 1
        tried = Tried(count, self._clock.now() + (SOON if count < TRIES else LATER))
        self._tried[feed_id, key] = tried
        log.warning("cap_not_in_archive", feed=feed_id, alert=key.identifier, reason=problem)
        self._desk.note(feed_id, reached=False, problem=f"archive: {key.identifier}: {problem}")
        return tried

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            try:
                self.look()
            except Exception:  # the thread must outlive a locked or absent database
                log.exception("cap_archives_failed")


def _limits(search: Search) -> Limits:
    return limits_of(search.template, private_allowed=search.private_allowed)
