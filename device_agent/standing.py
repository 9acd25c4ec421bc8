"""What a running agent shows to whoever stands beside the box: a small file, written anew at every change.

``status`` and ``doctor`` read it. It belongs on a disk in memory (systemd's ``RuntimeDirectory=``): it may
be lost at any time, and nothing that the agent does depends on it.
"""

import os
from datetime import datetime
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct, structs

from wire.messages import Health, State
from wire.types import Instant

log = structlog.get_logger(__name__)

STANDING_FILE = "standing.json"
SILENT_AFTER_S = 150
"""It is written with each minute's health; a file older than this is of an agent that hangs."""


class Standing(Struct, frozen=True, kw_only=True):
    """One look at a running agent."""

    pid: int
    gateway_id: str
    agent_version: str
    started_at: Instant
    written_at: Instant
    connected: bool = False
    """With the broker."""
    connected_changed_at: Instant | None = None
    state: State | None = None
    """As last published."""
    health: Health | None = None
    """As last published, or as it would have been."""


class StandingFile:
    """Keeps the file; used by one thread.

    Args:
        directory: Where it goes.
        first: What is true at the start.
    """

    def __init__(self, directory: Path, first: Standing) -> None:
        self._path = directory / STANDING_FILE
        self._standing = first
        self._refused = False

    def connected(self, now: datetime, *, yes: bool) -> None:
        """Show that the broker is there, or gone."""
        self._write(structs.replace(self._standing, connected=yes, connected_changed_at=now), now)

    def told(self, said: State | Health, now: datetime) -> None:
        """Show what was published."""
        if isinstance(said, State):
            self._write(structs.replace(self._standing, state=said), now)
        else:
            self._write(structs.replace(self._standing, health=said), now)

    def remove(self) -> None:
        """Say by its absence that no agent runs."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            log.info("standing_not_removed", reason=str(error))

    def _write(self, standing: Standing, now: datetime) -> None:
        self._standing = structs.replace(standing, written_at=now)
        new = self._path.with_suffix(".new")
        try:
            # No fsync: after a power cut nobody asks how the agent was before it.
            new.write_bytes(msgspec.json.encode(self._standing))
            new.replace(self._path)
        except OSError as error:
            if not self._refused:
                log.warning("standing_not_written", reason=str(error))
            self._refused = True
        else:
            self._refused = False


def read_standing(directories: tuple[Path, ...]) -> Standing | None:
    """Return what the running agent last showed, from the first place that has it; None if none runs.

    A file whose process is gone, as after a power cut, counts as none.
    """
    for directory in directories:
        try:
            standing = msgspec.json.decode((directory / STANDING_FILE).read_bytes(), type=Standing)
        except (OSError, msgspec.MsgspecError):
            continue
        if _lives(standing.pid):
            return standing
    return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:  # it is there, and another user's
        return True
    except (OSError, OverflowError):
        return False
    return True
