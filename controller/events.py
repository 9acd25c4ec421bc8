"""What changed, for pages that are open: one hub, fed from any thread, drained by each event stream."""

import asyncio
import threading
from typing import NamedTuple

from sqlmodel import Session

_ANNOUNCED = "changes"


class Change(NamedTuple):
    """One thing that a page may want to draw anew."""

    kind: str
    """``gateway``, ``broadcast``, ``security``, ``fault``, ``emergency``, ``drill`` or ``cap``."""
    id: str
    """Of what changed; of an alert or a feed the path of its area."""


def announce(session: Session, *changes: Change) -> None:
    """Have pages told once this transaction is committed."""
    session.info.setdefault(_ANNOUNCED, []).extend(changes)


def announced(session: Session) -> tuple[Change, ...]:
    """Return and forget what pages are to be told of."""
    return tuple(session.info.pop(_ANNOUNCED, ()))


class Subscriber:
    """The changes that one open page has not been told of yet; a set, so a busy page never falls behind."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pending: set[Change] = set()
        self._wake = asyncio.Event()

    async def next(self, timeout_s: float) -> list[Change]:
        """Wait for changes and take them; an empty list when the time is over."""
        try:
            await asyncio.wait_for(self._wake.wait(), timeout_s)
        except TimeoutError:
            return []
        self._wake.clear()
        changes, self._pending = sorted(self._pending), set()
        return changes

    def put(self, changes: frozenset[Change]) -> None:
        """Add changes; safe from any thread."""
        self._loop.call_soon_threadsafe(self._add, changes)

    def _add(self, changes: frozenset[Change]) -> None:
        self._pending |= changes
        self._wake.set()


class EventHub:
    """Passes changes to every open page. Call it after the commit, never before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: set[Subscriber] = set()

    def subscribe(self) -> Subscriber:
        """Return a new subscriber of the running loop."""
        subscriber = Subscriber(asyncio.get_running_loop())
        with self._lock:
            self._subscribers.add(subscriber)
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Forget a subscriber."""
        with self._lock:
            self._subscribers.discard(subscriber)

    def publish(self, *changes: Change) -> None:
        """Tell every open page; nothing is no news."""
        if not changes:
            return
        with self._lock:
            subscribers = tuple(self._subscribers)
        for subscriber in subscribers:
            try:
                subscriber.put(frozenset(changes))
            except RuntimeError:  # its loop has ended with the server
                self.unsubscribe(subscriber)
