"""What a refusing disk says about itself, in the words of `wire.types.DiskState`."""

import errno
import sqlite3

from wire.types import DiskState

_BY_ERRNO = {
    errno.ENOSPC: DiskState.FULL,
    errno.EDQUOT: DiskState.FULL,
    errno.EROFS: DiskState.READ_ONLY,
}

_BY_NAME = (
    ("SQLITE_FULL", DiskState.FULL),
    ("SQLITE_IOERR_SHMSIZE", DiskState.FULL),
    ("SQLITE_READONLY", DiskState.READ_ONLY),
    # Beside a journal that is there: its second file cannot be made.
    ("SQLITE_CANTOPEN", DiskState.READ_ONLY),
)


def disk_state(error: BaseException) -> DiskState:
    """Return how the disk is, as far as an error of the system or of SQLite tells."""
    if isinstance(error, sqlite3.Error):
        # Python sets the name only on errors that SQLite itself has raised.
        name = getattr(error, "sqlite_errorname", "")
        return next((state for start, state in _BY_NAME if name.startswith(start)), DiskState.FAILING)
    if isinstance(error, OSError):
        return _BY_ERRNO.get(error.errno or 0, DiskState.FAILING)
    return DiskState.FAILING
