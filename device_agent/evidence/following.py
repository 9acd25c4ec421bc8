"""Which items are being followed with the probe. Safe from the two threads that know of it."""

from dataclasses import replace
from threading import Lock

from device_agent.evidence.hearing import Hearing
from device_agent.evidence.timeline import Timeline
from device_agent.evidence.verdict import NOT_VERIFIABLE, Finding

FOLLOWED = 8
"""Items of which it is kept what was heard: one sounds, and those that it cut off come back."""


class Following:
    """Follows what sounds.

    Args:
        written: What the device was given.
    """

    def __init__(self, written: Timeline) -> None:
        self._written = written
        self._lock = Lock()
        self._hearings: dict[str, Hearing] = {}
        self._sounding: set[str] = set()

    def begin(self, broadcast_id: str, at_ns: int) -> None:
        """Follow an item whose first sample sounds at a monotonic instant, or goes on there."""
        with self._lock:
            held = self._hearings.pop(broadcast_id, None)
            # An item that was cut off and comes back is judged by all of it.
            hearing = Hearing(at_ns, at_ns)
            if held is not None:
                hearing = replace(held, begins_ns=at_ns, stretch_ns=at_ns)
            self._hearings[broadcast_id] = hearing
            self._sounding.add(broadcast_id)
            while len(self._hearings) > FOLLOWED:
                del self._hearings[next(iter(self._hearings))]

    def follow(self, heard: Timeline) -> None:
        """Judge what of them has been heard by now."""
        with self._lock:
            for broadcast_id in self._sounding & self._hearings.keys():
                self._hearings[broadcast_id].follow(self._written, heard)

    def end(self, broadcast_id: str, played_ms: int, heard: Timeline | None) -> Finding:
        """Return what there is to say of an item of which no sample will come for now.

        Args:
            broadcast_id: The item.
            played_ms: Since it began, or went on.
            heard: What the probe hears; None if there is no probe now.
        """
        with self._lock:
            self._sounding.discard(broadcast_id)
            hearing = self._hearings.get(broadcast_id)
            if hearing is None or heard is None:
                return NOT_VERIFIABLE
            hearing.finish(self._written, heard, hearing.begins_ns + played_ms * 1_000_000)
            return hearing.finding
