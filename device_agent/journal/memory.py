"""A journal that forgets when the process ends, for light gateways and machines under test."""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from msgspec.structs import replace as with_fields

from device_agent.freshness import Freshness, HeldPlan, Window
from device_agent.journal.contract import Changes, Held
from wire.messages import Report

_V = TypeVar("_V")


class MemoryJournal:
    """Holds everything in memory.

    Args:
        journal_id: A UUIDv7 of its own; light gateways start anew under a new one each time.
    """

    def __init__(self, journal_id: str) -> None:
        self._held = Held(journal_id, Freshness(), None, {}, {}, volume_percent=100, floor_at=None)
        self._reports: deque[Report] = deque()
        self._last_n = 0

    def load(self) -> Held:
        """Return what is held."""
        return self._held

    def commit(self, changes: Changes) -> tuple[Report, ...]:
        """Take all changes; see `Journal.commit`."""
        held = self._held
        self._held = replace(
            held,
            freshness=_fresher(held.freshness, changes),
            plan=changes.plan or held.plan,
            entries=_changed(held.entries, {e.broadcast_id: e for e in changes.entries}, changes.ended),
            settled=_changed(held.settled, changes.settled, changes.forgotten),
            volume_percent=held.volume_percent if changes.volume_percent is None else changes.volume_percent,
            floor_at=changes.floor_at or held.floor_at,
            clock_boot=changes.clock_boot or held.clock_boot,
            config=changes.config or held.config,
        )
        numbered = tuple(
            with_fields(report, n=n) for n, report in enumerate(changes.reports, start=self._last_n + 1)
        )
        self._last_n += len(numbered)
        self._reports.extend(numbered)
        while changes.receipted_up_to and self._reports and self._reports[0].n <= changes.receipted_up_to:
            self._reports.popleft()
        return numbered

    def prove(self) -> bool:
        """Nothing here survives the process."""
        return False

    def reports(self, after: int, limit: int) -> tuple[Report, ...]:
        """Return reports that wait for a receipt; see `Journal.reports`."""
        if not self._reports:
            return ()
        # They are numbered without a gap, so the place of a number is known.
        first = max(0, after + 1 - self._reports[0].n)
        last = min(len(self._reports), first + limit)
        return tuple(self._reports[index] for index in range(first, last))

    def waiting(self) -> int:
        """Return how many reports wait for a receipt."""
        return len(self._reports)

    def close(self) -> None:
        """Nothing to let go of."""


def _changed(held: Mapping[str, _V], put: Mapping[str, _V], gone: tuple[str, ...]) -> Mapping[str, _V]:
    if not put and not gone:
        return held
    changed = {**held, **put}
    for key in gone:
        changed.pop(key, None)
    return changed


def _fresher(freshness: Freshness, changes: Changes) -> Freshness:
    if changes.epoch is not None:
        freshness = replace(freshness, epoch=changes.epoch, windows={})
    windows = {stream: dict(window.accepted) for stream, window in freshness.windows.items()}
    for stream, message_id, seq in changes.accepted:
        windows.setdefault(stream, {})[message_id] = seq
    for stream, message_id in changes.dropped:
        windows[stream].pop(message_id, None)
    if changes.plan is not None:
        plan = changes.plan
        freshness = replace(freshness, plan=HeldPlan(plan.message_id, plan.epoch, plan.version))
    return replace(
        freshness,
        windows={stream: Window(accepted) for stream, accepted in windows.items()},
        done_orders=_changed(freshness.done_orders, changes.done_orders, changes.forgotten_orders),
    )
