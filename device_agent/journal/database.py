"""The SQLite file behind the journal: made, opened in whatever way the disk allows, written in transactions.

WAL mode with ``synchronous=FULL``. Measured beforehand (architecture.md §5): after a cut of the power
``NORMAL`` lost 100 of 100 committed rows, ``FULL`` none.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from device_agent.disk import disk_state
from device_agent.durable import make_directory, sync_directory
from device_agent.journal.contract import DamagedJournal, JournalError

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE plan (one INTEGER PRIMARY KEY CHECK (one = 1), message_id TEXT NOT NULL, epoch INTEGER NOT NULL,
    version INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE TABLE accepted (stream TEXT NOT NULL, message_id TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (stream, message_id)) WITHOUT ROWID;
CREATE TABLE done_orders (order_id TEXT PRIMARY KEY, remember_until TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entries (broadcast_id TEXT PRIMARY KEY, entry BLOB NOT NULL);
CREATE TABLE settled (broadcast_id TEXT PRIMARY KEY, remember_until TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE reports (n INTEGER PRIMARY KEY, report BLOB NOT NULL);
"""

_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def open_to_write(path: Path, new_id: Callable[[], str] | None) -> sqlite3.Connection:
    """Open the journal for its one writer.

    Args:
        path: The file.
        new_id: Makes the journal's name when the file is not there and is made; None: it has to be there.

    Raises:
        DamagedJournal: The file is there, and it is no database any more.
        JournalError: The file is of another version, or the disk refuses.
    """
    if new_id is not None:
        with as_journal_error():
            make_directory(path.parent)
    uri = f"{path.absolute().as_uri()}?mode={'rw' if new_id is None else 'rwc'}"
    with _opened(uri) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if db.execute("PRAGMA user_version").fetchone()[0] == 0 and new_id is not None:
            _create(db, new_id())
            sync_directory(path.parent)
        _check(db, path)
        # On a disk that is read-only SQLite opens the file to read it, without a word: write what is there.
        with transaction(db):
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    return db


def open_held(path: Path) -> sqlite3.Connection:
    """Open a journal on a disk that lets nothing be written, not even the file that readers share.

    Only safe for the one process that would write it: nobody is locked out.

    Raises:
        JournalError: It is not there, or cannot be read either.
    """
    log = path.with_name(f"{path.name}-wal")
    # Without a log there is nothing beside the file, and SQLite must not want to make it.
    way = "vfs=unix-none" if log.exists() and log.stat().st_size else "immutable=1"
    with _opened(f"{path.absolute().as_uri()}?mode=ro&{way}") as db:
        # Held alone, SQLite keeps the index of the log in its own memory.
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        _check(db, path)
    return db


def open_beside(path: Path) -> sqlite3.Connection:
    """Open an existing journal to read it beside a running agent; raises `JournalError`."""
    if not path.exists():
        raise JournalError(f"no journal at {path}")
    with _opened(f"{path.absolute().as_uri()}?mode=ro") as db:
        return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Write all that is done inside, or nothing."""
    if db.in_transaction:  # a disk that refused a commit may have refused to take it back as well
        db.execute("ROLLBACK")
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def as_journal_error() -> Iterator[None]:
    """Say of whatever the disk, SQLite or the content answers that the journal refuses."""
    try:
        yield
    except (sqlite3.Error, OSError, msgspec.MsgspecError) as error:
        damaged = isinstance(error, msgspec.MsgspecError) or (
            getattr(error, "sqlite_errorname", "").startswith(_DAMAGED)
        )
        kind = DamagedJournal if damaged else JournalError
        raise kind(str(error), disk_state(error)) from error


@contextmanager
def _opened(uri: str) -> Iterator[sqlite3.Connection]:
    """Connect, and let go again if what is then asked of the file fails."""
    with as_journal_error():
        db = sqlite3.connect(uri, uri=True, isolation_level=None)
        try:
            yield db
        except BaseException:
            db.close()
            raise


def _create(db: sqlite3.Connection, journal_id: str) -> None:
    facts = {"journal_id": journal_id, "epoch": 0, "volume_percent": 100, "floor_at": None, "last_n": 0}
    with transaction(db):
        for statement in _SCHEMA.split(";\n"):
            db.execute(statement)
        db.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _check(db: sqlite3.Connection, path: Path) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version != SCHEMA_VERSION:
        raise JournalError(f"{path} has schema {version}, this agent knows {SCHEMA_VERSION}")
    found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise DamagedJournal(f"{path}: {found}")
