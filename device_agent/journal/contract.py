"""What every journal promises; the test of this promise runs over each of them.

A step's changes and its reports are one transaction: after a power cut at any instant either all of them
are there or none, and nothing that `commit` returned for is lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from device_agent.entries import Entry
from device_agent.freshness import Freshness
from wire.messages import Config, Report
from wire.types import DiskState


class JournalError(RuntimeError):
    """The journal cannot be read or written.

    Args:
        reason: A sentence.
        disk: How the disk is, as far as the refusal tells.
    """

    def __init__(self, reason: str, disk: DiskState = DiskState.FAILING) -> None:
        super().__init__(reason)
        self.disk = disk


class DamagedJournal(JournalError):
    """The file is there, and what is in it cannot be understood: it will not become better by itself."""


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan as it was signed, with what tells it from others."""

    message_id: str
    epoch: int
    version: int
    payload: bytes
    """The JSON that the signature was over."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What one step writes. None and empty mean: as before."""

    epoch: int | None = None
    """A new epoch; everything accepted before it is forgotten."""
    accepted: tuple[tuple[str, str, int], ...] = ()
    """Stream, message id and sequence number."""
    dropped: tuple[tuple[str, str], ...] = ()
    """Stream and message id of what fell out of the window."""
    done_orders: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    forgotten_orders: tuple[str, ...] = ()
    plan: StoredPlan | None = None
    entries: tuple[Entry, ...] = ()
    ended: tuple[str, ...] = ()
    """Broadcasts whose entries go."""
    settled: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    forgotten: tuple[str, ...] = ()
    """Broadcasts no longer remembered as settled."""
    config: Config | None = None
    volume_percent: int | None = None
    floor_at: datetime | None = None
    clock_boot: str | None = None
    reports: tuple[Report, ...] = ()
    """Without numbers: the journal gives them."""
    receipted_up_to: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return self == _NOTHING


_NOTHING = Changes()


@dataclass(frozen=True, slots=True)
class Held:
    """All that a journal holds but its reports."""

    journal_id: str
    """Made with the journal: reports of a new disk begin at 1 again under a new name."""
    freshness: Freshness
    plan: StoredPlan | None
    entries: Mapping[str, Entry]
    settled: Mapping[str, datetime]
    volume_percent: int
    floor_at: datetime | None
    """True time last known."""
    config: Config | None = None
    clock_boot: str | None = None
    """The kernel's id of the boot in which the clock was last believed; None if it never was."""


class WaitingReports(Protocol):
    """The reports of a journal that are not receipted, as far as they can be read."""

    def reports(self, after: int, limit: int) -> tuple[Report, ...]:
        """Return at most `limit` of them, numbered above `after`, in order."""

    def waiting(self) -> int:
        """Return how many there are."""


class Journal(Protocol):
    """One writer, in one thread."""

    def load(self) -> Held:
        """Return what is held; raises `JournalError`."""

    def commit(self, changes: Changes) -> tuple[Report, ...]:
        """Write all of it or nothing, safe from a power cut once this returns.

        Returns:
            The reports with their numbers: one more than the highest ever given, without a gap.

        Raises:
            JournalError: Nothing was written.
        """

    def prove(self) -> bool:
        """See whether it still takes what must survive, down to the medium, without changing anything.

        Returns:
            False if there is no medium: a journal in memory.

        Raises:
            JournalError: It does not.
        """

    def reports(self, after: int, limit: int) -> tuple[Report, ...]:
        """Return at most `limit` reports that are not receipted, numbered above `after`, in order."""

    def waiting(self) -> int:
        """Return how many reports are not receipted."""

    def close(self) -> None:
        """Let go of the file, if there is one."""
