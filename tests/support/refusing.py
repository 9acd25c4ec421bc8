"""A journal on a disk that refuses when it is told to."""

from device_agent.journal import Changes, Held, Journal, JournalError
from wire.messages import Report
from wire.types import DiskState


class RefusingJournal:
    """Passes everything on to a journal, unless the disk is said to refuse writing, or reading too."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.refuses: DiskState | None = None
        self.unreadable = False
        self.tries = 0

    def load(self) -> Held:
        return self.journal.load()

    def commit(self, changes: Changes) -> tuple[Report, ...]:
        self._write()
        return self.journal.commit(changes)

    def prove(self) -> bool:
        self._write()
        self.journal.prove()
        return True

    def reports(self, after: int, limit: int) -> tuple[Report, ...]:
        self._read()
        return self.journal.reports(after, limit)

    def waiting(self) -> int:
        self._read()
        return self.journal.waiting()

    def close(self) -> None:
        self.journal.close()

    def _write(self) -> None:
        self.tries += 1
        if self.refuses is not None:
            raise JournalError(f"the disk is {self.refuses}", self.refuses)

    def _read(self) -> None:
        if self.unreadable:
            raise JournalError("cannot be read")
