"""Carrying a self-test through while the gateway goes about its work. No thread, no clock, no device."""

from datetime import datetime, time

import numpy as np

from device_agent.amplifier import MAX_LEAD_MS
from device_agent.evidence.hearing import LATEST_NS, compare
from device_agent.evidence.self_test import CHIRP_S, chirp, is_due
from device_agent.evidence.sink import Written
from device_agent.evidence.timeline import SECOND_NS, SamplesLost, Timeline
from device_agent.sinks.contract import RATE
from wire.types import SelfTest

QUIET_NS = 3 * SECOND_NS
"""Nothing sounded for so long before it begins."""

STALE_NS = 2 * SECOND_NS
"""A device that has taken nothing for so long does not take samples."""

OPENING_NS = 3 * SECOND_NS
"""After a start the device and the probe are being opened."""

_LEAD = np.zeros(MAX_LEAD_MS * RATE // 1000, dtype=np.float32)
"""The amplifier is switched on for a whisper as for anything else, and takes its time."""

TRIES = 3
RETRY_NS = 10 * SECOND_NS


class SelfTester:
    """Carries one self-test through, a step at a time.

    Args:
        at: Its hour, local time; None for no self-test.
        has_probe: Whether a probe should be there. Without one nothing sounds: a sound that nobody can check
            would prove nothing and be one that nobody ordered.
    """

    def __init__(self, at: time | None, *, has_probe: bool) -> None:
        self._at = at
        self._has_probe = has_probe
        self._since_ns: int | None = None
        self._not_before_ns: int | None = None
        self._tries = 0

    def step(
        self,
        now: datetime,
        now_ns: int,
        written: Written,
        heard: Timeline | None,
        *,
        last_at: datetime | None,
        next_start_at: datetime | None,
    ) -> SelfTest | None:
        """Begin, look on or judge; returns the result once there is one.

        Args:
            now: The wall clock, aware.
            now_ns: The monotonic clock.
            written: What the device takes.
            heard: What the probe hears; None if there is no probe now.
            last_at: When the last self-test ended; None if there was none.
            next_start_at: When the next item is due; None if none is.
        """
        if self._since_ns is not None:
            return self._judge(now_ns, self._since_ns, written, heard)
        if self._not_before_ns is None:
            self._not_before_ns = now_ns + OPENING_NS
        if self._at is None or not is_due(now, self._at, last_at, next_start_at):
            self._tries = 0
        elif now_ns >= self._not_before_ns:
            return self._begin(now_ns, written, heard)
        return None

    def _begin(self, now_ns: int, written: Written, heard: Timeline | None) -> SelfTest | None:
        takes_samples = written.is_open and now_ns - (written.samples.end_ns or 0) < STALE_NS
        if not takes_samples or (self._has_probe and heard is None):
            return self._tried(SelfTest.NO_DEVICE, now_ns)
        if heard is None:
            return SelfTest.DEVICE_ONLY
        if now_ns - (written.sounded_ns or 0) >= QUIET_NS:
            written.whisper(np.concatenate((_LEAD, chirp())))
            self._since_ns = now_ns
        return None

    def _judge(self, now_ns: int, since_ns: int, written: Written, heard: Timeline | None) -> SelfTest | None:
        whispered_ns = written.whispered_ns
        if whispered_ns is None:
            # It waits for its first block, or an order came and it was dropped: the hour is not over.
            if not written.is_whispering or now_ns - since_ns > STALE_NS:
                self._since_ns = None
            return None
        start_ns = whispered_ns + len(_LEAD) * SECOND_NS // RATE
        end_ns = start_ns + CHIRP_S * SECOND_NS
        if now_ns < end_ns + LATEST_NS + SECOND_NS // 2:
            return None
        self._since_ns = None
        if (written.sounded_ns or 0) > end_ns + SECOND_NS // 10:
            return None  # something that was ordered came over it
        try:
            found = None if heard is None else compare(written.samples, heard, start_ns, LATEST_NS)
        except SamplesLost:
            heard = None
        if heard is None:
            return self._tried(SelfTest.NO_DEVICE, now_ns)
        return SelfTest.HEARD if found and found.recognised else self._tried(SelfTest.NOT_HEARD, now_ns)

    def _tried(self, result: SelfTest, now_ns: int) -> SelfTest | None:
        """Return a bad result at the third time only: a lorry passes, a device is being opened again."""
        self._tries += 1
        self._not_before_ns = now_ns + RETRY_NS
        if self._tries < TRIES:
            return None
        self._tries = 0
        return result
