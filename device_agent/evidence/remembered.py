"""What the evidence remembers over a restart, in one small file beside the journal.

It is no part of the journal: losing it costs a minute of learning, never a report.
"""

from datetime import datetime
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from device_agent.durable import rename_synced, sync_file
from wire.types import Fault, SelfTest

log = structlog.get_logger(__name__)

FILE = "evidence.json"


class Remembered(Struct, frozen=True, kw_only=True):
    """The file's content."""

    floor_db: float | None = None
    """Without it a restart in the middle of an alarm would learn that sound as the place's own."""
    self_test: SelfTest | None = None
    self_test_at: datetime | None = None
    faults: tuple[Fault, ...] = ()
    """Said and not yet said to be over."""


def read(directory: Path) -> Remembered:
    """Return what is remembered; nothing if the file is not there or cannot be read."""
    try:
        return msgspec.json.decode((directory / FILE).read_bytes(), type=Remembered)
    except FileNotFoundError:
        return Remembered()
    except (OSError, msgspec.MsgspecError) as error:
        log.warning("evidence_forgotten", reason=str(error))
        return Remembered()


def write(directory: Path, remembered: Remembered) -> None:
    """Keep it, whole over a power cut; a disk that refuses is logged, and it is lost with the process."""
    aside = directory / f"{FILE}.new"
    try:
        aside.write_bytes(msgspec.json.encode(remembered))
        sync_file(aside)
        rename_synced(aside, directory / FILE)
    except OSError as error:
        log.warning("evidence_not_kept", reason=str(error))
