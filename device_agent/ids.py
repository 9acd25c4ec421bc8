"""Identifiers that sort by the time they were made (UUID version 7, RFC 9562 §5.7)."""

import random
import uuid
from datetime import datetime

from device_agent.instants import unix_ns


def new_id(now: datetime, rng: random.Random) -> str:
    """Return a UUIDv7 made of an instant and 74 random bits, in canonical text form."""
    stamp = unix_ns(now) // 1_000_000 & (1 << 48) - 1
    value = stamp << 80 | 0x7 << 76 | rng.getrandbits(12) << 64 | 0b10 << 62 | rng.getrandbits(62)
    return str(uuid.UUID(int=value))
