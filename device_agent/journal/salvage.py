"""What to do about a journal that has rotted: keep it for whoever may read it, and begin another one."""

from collections.abc import Callable
from pathlib import Path

import structlog

from device_agent.durable import rename_synced
from device_agent.journal.contract import DamagedJournal
from device_agent.journal.database import as_journal_error
from device_agent.journal.sqlite import SqliteJournal

log = structlog.get_logger(__name__)


def open_or_begin_anew(path: Path, new_id: Callable[[], str]) -> tuple[SqliteJournal, bool]:
    """Open the journal; one that cannot be understood is set aside, for a gateway must not stay silent.

    Args:
        path: The file.
        new_id: Makes the name of a new journal, a UUIDv7.

    Returns:
        A journal that can be loaded, and whether the one before it is lost with all that it knew.

    Raises:
        JournalError: The disk refuses.
    """
    try:
        return _understood(path, new_id), False
    except DamagedJournal as error:
        log.exception("journal_damaged", reason=str(error))
    with as_journal_error():
        for ending in ("-wal", "-shm"):  # they belong to the old file, and would be taken for the new one's
            path.with_name(path.name + ending).unlink(missing_ok=True)
        rename_synced(path, path.with_name(path.name + ".damaged"))
    return _understood(path, new_id), True


def _understood(path: Path, new_id: Callable[[], str]) -> SqliteJournal:
    journal = SqliteJournal.create_or_open(path, new_id)
    try:
        journal.load()
    except DamagedJournal:
        journal.close()
        raise
    return journal
