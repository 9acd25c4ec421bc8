"""What a gateway must not forget, on disk or, for a bench of light gateways, in memory."""

from device_agent.journal.contract import Changes, Held, Journal, JournalError, StoredPlan
from device_agent.journal.memory import MemoryJournal
from device_agent.journal.sqlite import SqliteJournal

__all__ = ["Changes", "Held", "Journal", "JournalError", "MemoryJournal", "SqliteJournal", "StoredPlan"]
