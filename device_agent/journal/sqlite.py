"""The journal on disk: what a gateway holds, as rows of SQLite."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from device_agent.entries import Entry
from device_agent.freshness import Freshness, HeldPlan, Window
from device_agent.journal.contract import Changes, DamagedJournal, Held, JournalError, StoredPlan
from device_agent.journal.database import (
    as_journal_error,
    open_beside,
    open_held,
    open_to_write,
    transaction,
)
from wire.messages import Config, Report

JOURNAL_FILE = "journal.sqlite3"
"""Its name in the state directory."""


class SqliteJournal:
    """The journal of one gateway in one file; made by `create_or_open` or `open_to_read`."""

    def __init__(self, db: sqlite3.Connection, path: Path | None = None) -> None:
        self._db = db
        self._refused_at = path
        with as_journal_error():
            self._last_n: int = self._fact("last_n")

    @classmethod
    def create_or_open(cls, path: Path, new_id: Callable[[], str]) -> "SqliteJournal":
        """Open the journal for its one writer, or what it holds if the disk lets nobody write.

        Args:
            path: The file; made if it is not there.
            new_id: Makes the journal's name, a UUIDv7, when the file is made.

        Raises:
            DamagedJournal: The file is there and cannot be understood.
            JournalError: It is of another version; or it is not there, and the disk lets nobody make it.
        """
        try:
            return cls(open_to_write(path, new_id))
        except DamagedJournal:
            raise
        except JournalError:
            if not path.exists():
                raise
            return cls(open_held(path), path)

    @classmethod
    def open_to_read(cls, path: Path) -> "SqliteJournal":
        """Open an existing journal beside a running agent, for `status`; `commit` fails on it.

        Raises:
            JournalError: There is none, or it cannot be read.
        """
        try:
            return cls(open_beside(path))
        except JournalError:
            if not path.exists():
                raise
            # Readers share a file beside the journal; on a read-only disk it cannot be made.
            return cls(open_held(path))

    def load(self) -> Held:
        """Return what is held; raises `JournalError`."""
        with as_journal_error():
            plan = self._plan()
            return Held(
                journal_id=self._fact("journal_id"),
                freshness=Freshness(
                    epoch=self._fact("epoch"),
                    windows=self._windows(),
                    done_orders=self._remembered("SELECT order_id, remember_until FROM done_orders"),
                    plan=None if plan is None else HeldPlan(plan.message_id, plan.epoch, plan.version),
                ),
                plan=plan,
                entries={
                    key: _entry.decode(blob)
                    for key, blob in self._db.execute("SELECT broadcast_id, entry FROM entries")
                },
                settled=self._remembered("SELECT broadcast_id, remember_until FROM settled"),
                volume_percent=self._fact("volume_percent"),
                floor_at=_instant(self._fact("floor_at")),
                config=self._config(),
                clock_boot=self._text("clock_boot"),
            )

    def commit(self, changes: Changes) -> tuple[Report, ...]:
        """Write all changes in one transaction; see `Journal.commit`."""
        numbered = tuple(
            replace(report, n=n) for n, report in enumerate(changes.reports, start=self._last_n + 1)
        )
        with self._refusable(), transaction(self._db):
            self._write_freshness(changes)
            self._write_playback(changes)
            if changes.volume_percent is not None:
                self._set_fact("volume_percent", changes.volume_percent)
            if changes.config is not None:
                self._set_fact("config", _encoder.encode(changes.config))
            if changes.floor_at is not None:
                self._set_fact("floor_at", changes.floor_at.isoformat())
            if changes.clock_boot is not None:
                self._set_fact("clock_boot", changes.clock_boot)
            if numbered:
                self._db.executemany(
                    "INSERT INTO reports VALUES (?, ?)",
                    [(report.n, _encoder.encode(report)) for report in numbered],
                )
                self._set_fact("last_n", numbered[-1].n)
            if changes.receipted_up_to is not None:
                self._db.execute("DELETE FROM reports WHERE n <= ?", (changes.receipted_up_to,))
        self._last_n += len(numbered)
        return numbered

    def prove(self) -> bool:
        """Write one fact again as it is; see `Journal.prove`."""
        with self._refusable(), transaction(self._db):
            self._set_fact("last_n", self._last_n)
        return True

    def reports(self, after: int, limit: int) -> tuple[Report, ...]:
        """Return reports that wait for a receipt; see `Journal.reports`."""
        with as_journal_error():
            rows = self._db.execute(
                "SELECT report FROM reports WHERE n > ? ORDER BY n LIMIT ?", (after, limit)
            ).fetchall()
        return tuple(_report.decode(blob) for (blob,) in rows)

    def waiting(self) -> int:
        """Return how many reports wait for a receipt."""
        with as_journal_error():
            count: int = self._db.execute("SELECT count(*) FROM reports").fetchone()[0]
        return count

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _refusable(self) -> Iterator[None]:
        """Open the file anew if it could not be written before, for the disk may have become sound."""
        if self._refused_at is not None:
            self._open_again(self._refused_at)
        with as_journal_error():
            yield

    def _open_again(self, path: Path) -> None:
        self._db.close()  # the two ways to open it know nothing of each other's locks
        try:
            self._db = open_to_write(path, None)
        except JournalError:
            self._db = open_held(path)
            raise
        self._refused_at = None

    def _write_freshness(self, changes: Changes) -> None:
        if changes.epoch is not None:
            self._set_fact("epoch", changes.epoch)
            self._db.execute("DELETE FROM accepted")
        self._db.executemany(
            "INSERT INTO accepted (stream, message_id, seq) VALUES (?, ?, ?)", changes.accepted
        )
        self._db.executemany("DELETE FROM accepted WHERE stream = ? AND message_id = ?", changes.dropped)
        self._db.executemany("INSERT OR REPLACE INTO done_orders VALUES (?, ?)", _dated(changes.done_orders))
        self._db.executemany("DELETE FROM done_orders WHERE order_id = ?", _each(changes.forgotten_orders))
        if changes.plan is not None:
            plan = changes.plan
            self._db.execute(
                "INSERT OR REPLACE INTO plan VALUES (1, ?, ?, ?, ?)",
                (plan.message_id, plan.epoch, plan.version, plan.payload),
            )

    def _write_playback(self, changes: Changes) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO entries VALUES (?, ?)",
            [(entry.broadcast_id, _encoder.encode(entry)) for entry in changes.entries],
        )
        self._db.executemany("DELETE FROM entries WHERE broadcast_id = ?", _each(changes.ended))
        self._db.executemany("INSERT OR REPLACE INTO settled VALUES (?, ?)", _dated(changes.settled))
        self._db.executemany("DELETE FROM settled WHERE broadcast_id = ?", _each(changes.forgotten))

    def _plan(self) -> StoredPlan | None:
        row = self._db.execute("SELECT message_id, epoch, version, payload FROM plan").fetchone()
        return None if row is None else StoredPlan(*row)

    def _config(self) -> Config | None:
        row = self._db.execute("SELECT value FROM facts WHERE name = 'config'").fetchone()
        return None if row is None else _config.decode(row[0])

    def _windows(self) -> dict[str, Window]:
        windows: dict[str, dict[str, int]] = {}
        for stream, message_id, seq in self._db.execute("SELECT stream, message_id, seq FROM accepted"):
            windows.setdefault(stream, {})[message_id] = seq
        return {stream: Window(accepted) for stream, accepted in windows.items()}

    def _remembered(self, query: str) -> dict[str, datetime]:
        return {key: datetime.fromisoformat(until) for key, until in self._db.execute(query)}

    def _fact(self, name: str) -> Any:
        return self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()[0]

    def _text(self, name: str) -> str | None:
        """Return a fact that came later than the schema, or never."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _set_fact(self, name: str, value: object) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))


def _each(keys: tuple[str, ...]) -> list[tuple[str]]:
    return [(key,) for key in keys]


def _dated(remembered: Mapping[str, datetime]) -> list[tuple[str, str]]:
    return [(key, until.isoformat()) for key, until in remembered.items()]


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


_encoder = msgspec.json.Encoder()
_config = msgspec.json.Decoder(Config)
_entry = msgspec.json.Decoder(Entry)
_report = msgspec.json.Decoder(Report)
