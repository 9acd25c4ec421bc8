"""``status``: what the journal holds."""

from pathlib import Path

import typer

from device_agent.journal import JOURNAL_FILE, JournalError, SqliteJournal
from device_agent.status import describe


def status(state_dir: Path) -> int:
    """Print it; return the exit code."""
    try:
        journal = SqliteJournal.open_to_read(state_dir / JOURNAL_FILE)
    except JournalError as error:
        typer.echo(str(error), err=True)
        return 1
    for line in describe(journal, None):
        typer.echo(line)
    journal.close()
    return 0
