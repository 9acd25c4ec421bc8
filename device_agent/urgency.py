"""The inbox of the agent's loop: first come, first served, but emergencies before everything.

Twelve hundred orders may have waited at the broker for a gateway that was away; each costs a write to the
disk. An emergency behind them is taken out first. So is word of the line itself, in its order with them: what
comes again after a new connection is told from a replay by it.
"""

import itertools
import queue
from typing import Generic, TypeVar

from device_agent.https_way import Connected, Lost
from wire.mqtt import Incoming
from wire.topics import down

T = TypeVar("T")


class UrgentFirst(Generic[T]):
    """A queue between threads.

    Args:
        gateway_id: Whose emergencies are meant.
    """

    def __init__(self, gateway_id: str) -> None:
        self._emergency = down(gateway_id, "emergency")
        self._numbers = itertools.count()
        self._queue: queue.PriorityQueue[tuple[bool, int, T]] = queue.PriorityQueue()

    def put(self, event: T) -> None:
        """Add an event; never waits."""
        if isinstance(event, Incoming):
            urgent = event.topic == self._emergency
        else:
            urgent = isinstance(event, Connected | Lost)
        self._queue.put((not urgent, next(self._numbers), event))

    def get(self, timeout: float) -> T:
        """Return the next event.

        Raises:
            queue.Empty: None came in so many seconds.
        """
        return self._queue.get(timeout=timeout)[2]
