"""What a gateway must not forget, on disk or, for a bench of light gateways, in memory."""

from device_agent.journal.contract import (
    Changes,
    DamagedJournal,
    Held,
    Journal,
    JournalError,
    StoredPlan,
)
from device_agent.journal.memory import MemoryJournal
from device_agent.journal.patient import PatientJournal
from device_agent.journal.salvage import open_or_begin_anew
from device_agent.journal.sqlite import JOURNAL_FILE, SqliteJournal

__all__ = [
    "JOURNAL_FILE",
    "Changes",
    "DamagedJournal",
    "Held",
    "Journal",
    "JournalError",
    "MemoryJournal",
    "PatientJournal",
    "SqliteJournal",
    "StoredPlan",
    "open_or_begin_anew",
]
