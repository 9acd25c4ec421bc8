"""A journal that a refusing disk does not stop: what cannot be written is owed to it, in memory.

ADR 7 says which promise wins. What is owed is written first of all when the disk takes writes again; until
then none of its reports has a number, so none is published, and nobody is told that anything was saved.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from device_agent.instants import seconds
from device_agent.journal.contract import Changes, Held, Journal, JournalError
from wire.messages import Report
from wire.types import DiskState, Event

RETRY = seconds(5)
"""Between two tries: a dying card may take seconds to refuse, and the gateway waits for each answer."""

PROVE = seconds(60)
"""A disk that nobody writes to tells nobody that it refuses; it is asked so often."""

MOST_OWED_REPORTS = 5_000
"""Beyond this, reports of refused messages are not kept: a flood of them must not fill the memory too."""

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class PatientJournal:
    """Writes to a journal, or remembers what to write. Sans-I/O but for the journal inside.

    Args:
        journal: Must be readable once; `load` raises `JournalError` if it is not.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._owed = Changes()
        self._waiting = 0
        self._saved_plan = 0
        self._next_try_at: datetime | None = None
        self._disk: DiskState | None = None
        self._error: str | None = None

    @property
    def disk(self) -> DiskState | None:
        """What the disk said last; None if it was not asked yet, or there is none."""
        return self._disk

    @property
    def error(self) -> str | None:
        """Why the disk refuses; None if it does not."""
        return self._error

    @property
    def owed_reports(self) -> int:
        """How many reports are in memory only."""
        return len(self._owed.reports)

    @property
    def saved_plan(self) -> int:
        """Version of the plan on the disk, 0 if there is none."""
        return self._saved_plan

    @property
    def wake_at(self) -> datetime | None:
        """When to call `settle` next."""
        return self._next_try_at

    def load(self) -> Held:
        """Return what the disk holds; raises `JournalError`."""
        held = self._journal.load()
        self._saved_plan = 0 if held.plan is None else held.plan.version
        self._waiting = self._journal.waiting()
        return held

    def commit(self, changes: Changes, now: datetime) -> tuple[Report, ...]:
        """Write these changes and what is owed, or owe them.

        Returns:
            The reports that now are on the disk, with their numbers: earlier ones too, or none.
        """
        if changes.is_empty:
            return ()
        if len(self._owed.reports) >= MOST_OWED_REPORTS:
            changes = _without_refusals(changes)
        self._owed = joined(self._owed, changes)
        return () if self._error is not None and not self._is_due(now) else self._write(now)

    def settle(self, now: datetime) -> tuple[Report, ...]:
        """Write what is owed if it is time for a try, or see whether the disk still takes writes."""
        return self._write(now) if self._is_due(now) else ()

    def clock_stepped(self, now: datetime) -> None:
        """Learn that the wall clock was set: try soon."""
        self._next_try_at = now

    def reports(self, after: int, limit: int) -> tuple[Report, ...]:
        """Return reports of the journal; none while it cannot be read."""
        try:
            return self._journal.reports(after, limit)
        except JournalError as error:
            self._refused(error)
            return ()

    def waiting(self) -> int:
        """Return how many reports of the journal are not receipted, as last read."""
        try:
            self._waiting = self._journal.waiting()
        except JournalError as error:
            self._refused(error)
        return self._waiting

    def close(self) -> None:
        """Let go of the journal."""
        self._journal.close()

    def _is_due(self, now: datetime) -> bool:
        return self._next_try_at is None or now >= self._next_try_at

    def _write(self, now: datetime) -> tuple[Report, ...]:
        reports: tuple[Report, ...] = ()
        try:
            if self._owed.is_empty:
                self._disk = DiskState.WRITABLE if self._journal.prove() else None
            else:
                reports = self._journal.commit(self._owed)
                self._disk = None if self._disk is None else DiskState.WRITABLE
        except JournalError as error:
            self._refused(error)
            self._next_try_at = now + RETRY
            return ()
        self._saved_plan = self._saved_plan if self._owed.plan is None else self._owed.plan.version
        self._owed, self._error = Changes(), None
        self._next_try_at = now + PROVE
        return reports

    def _refused(self, error: JournalError) -> None:
        self._disk, self._error = error.disk, str(error)


def joined(earlier: Changes, later: Changes) -> Changes:
    """Return what has the same outcome as writing `earlier` and then `later`."""
    if later.epoch is not None:
        earlier = replace(earlier, epoch=None, accepted=(), dropped=())
    return Changes(
        epoch=earlier.epoch if later.epoch is None else later.epoch,
        accepted=(*earlier.accepted, *later.accepted),
        dropped=(*earlier.dropped, *later.dropped),
        done_orders=_put(earlier.done_orders, later.done_orders),
        forgotten_orders=_gone(earlier.forgotten_orders, later.done_orders, later.forgotten_orders),
        plan=later.plan or earlier.plan,
        entries=tuple(
            _put(
                {entry.broadcast_id: entry for entry in earlier.entries},
                {entry.broadcast_id: entry for entry in later.entries},
            ).values()
        ),
        ended=_gone(earlier.ended, (entry.broadcast_id for entry in later.entries), later.ended),
        config=later.config or earlier.config,
        settled=_put(earlier.settled, later.settled),
        forgotten=_gone(earlier.forgotten, later.settled, later.forgotten),
        volume_percent=earlier.volume_percent if later.volume_percent is None else later.volume_percent,
        floor_at=later.floor_at or earlier.floor_at,
        clock_boot=later.clock_boot or earlier.clock_boot,
        reports=(*earlier.reports, *later.reports),
        receipted_up_to=_later(earlier.receipted_up_to, later.receipted_up_to),
    )


def _put(earlier: Mapping[_K, _V], later: Mapping[_K, _V]) -> dict[_K, _V]:
    return {**earlier, **later}


def _later(earlier: int | None, later: int | None) -> int | None:
    return later if earlier is None else max(earlier, later or 0)


def _gone(earlier: Iterable[_K], back: Iterable[_K], later: Iterable[_K]) -> tuple[_K, ...]:
    """Return what is to be deleted after the writing: not what came back in between."""
    back = frozenset(back)
    return (*(key for key in earlier if key not in back), *later)


def _without_refusals(changes: Changes) -> Changes:
    return replace(
        changes, reports=tuple(report for report in changes.reports if report.event is not Event.REJECTED)
    )
