"""The nightly self-test: when it may run, and the sound it makes. Pure."""

from datetime import datetime, time, timedelta, timezone

import numpy as np

from device_agent.evidence.timeline import Samples
from device_agent.sinks.contract import RATE

LOCAL = timezone(timedelta(hours=7), "ICT")
"""Viet Nam, Cambodia, Laos and Thailand are seven hours ahead of UTC all the year."""

CHIRP_DB = -40.0
"""Peak of the chirp, dBFS. A horn of 112 dB at one metre at full scale makes 72 dB of it at its mouth and
32 dB a hundred metres away, less than a village at night. The correlation finds it 20 dB under the noise."""

CHIRP_S = 2
"""The length that `likeness` judges by."""

CHIRP_LOW_HZ, CHIRP_HIGH_HZ = 400.0, 3200.0
_SOFT_S = 0.3

WINDOW = timedelta(hours=1)
"""It is tried from its hour on for so long; a busy night goes without."""

ONCE_IN = timedelta(hours=20)
CLEAR_AHEAD = timedelta(minutes=3)
"""Nothing is due within this when it begins."""


def is_due(now: datetime, at: time, last_at: datetime | None, next_start_at: datetime | None) -> bool:
    """Whether the self-test may run now.

    Args:
        now: The wall clock, aware.
        at: Its hour, local time (`LOCAL`).
        last_at: When it last ran; None if never.
        next_start_at: When the next item is due; None if none is.
    """
    local = now.astimezone(LOCAL)
    begins = datetime.combine(local.date(), at, LOCAL)
    if begins > local:
        begins -= timedelta(days=1)
    if local - begins >= WINDOW:
        return False
    if last_at is not None and timedelta() <= now - last_at < ONCE_IN:
        return False
    return next_start_at is None or next_start_at - now > CLEAR_AHEAD


def chirp() -> Samples:
    """Return the sound of the test: a soft sweep upwards, mono at 48 kHz."""
    t = np.arange(CHIRP_S * RATE) / RATE
    sweep = np.sin(2 * np.pi * (CHIRP_LOW_HZ * t + (CHIRP_HIGH_HZ - CHIRP_LOW_HZ) * t**2 / (2 * CHIRP_S)))
    ends = np.sin(np.pi / 2 * np.clip(np.minimum(t, CHIRP_S - t) / _SOFT_S, 0.0, 1.0)) ** 2
    return np.asarray(10 ** (CHIRP_DB / 20) * sweep * ends, dtype=np.float32)
