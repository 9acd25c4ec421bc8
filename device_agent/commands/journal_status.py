"""``status``: what the journal holds."""

import sys
from pathlib import Path

from device_agent.journal import JOURNAL_FILE, JournalError, SqliteJournal
from device_agent.status import describe


def status(state_dir: Path) -> int:
    """Print it; return the exit code."""
    try:
        journal = SqliteJournal.open_to_read(state_dir / JOURNAL_FILE)
    except JournalError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for line in describe(journal, None):
        sys.stdout.write(f"{line}\n")
    journal.close()
    return 0
