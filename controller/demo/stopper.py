"""Being asked to end: signals, taken at moments of our choosing."""

import queue
import signal
from dataclasses import dataclass, field


class AskedToStop(Exception):
    """Ctrl-C, SIGTERM, or the terminal is gone."""


@dataclass(slots=True)
class Stopper:
    """Turns signals into an exception at the next pause, never in the middle of something."""

    _asked: "queue.SimpleQueue[int]" = field(default_factory=queue.SimpleQueue)

    def listen(self) -> None:
        """Take over the signals that ask a process to end."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # A simple queue is safe to put into from a handler, a lock or an event is not.
            signal.signal(number, lambda caught, _frame: self._asked.put(caught))

    def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            AskedToStop: Someone asked.
        """
        try:
            self._asked.get(timeout=seconds)
        except queue.Empty:
            return
        raise AskedToStop
