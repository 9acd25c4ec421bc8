"""Reports on their way: sent when they happen, sent again until the controller has receipted them. Sans-I/O.

The journal is the truth; this only remembers how far it has been read out on the present connection.
"""

import random
from collections.abc import Iterator
from datetime import datetime

from device_agent.effects import PublishReports
from device_agent.instants import seconds
from device_agent.journal.contract import WaitingReports
from wire.messages import MAX_BYTES, Report, Reports, encode

PER_MESSAGE = 100
PER_ROUND = 500
"""Sent at most before a receipt is seen, so that months of silence do not come out in one flood."""

FIRST_WAIT_S = 10.0
LONGEST_WAIT_S = 60.0
_ROOM_BYTES = MAX_BYTES - 8 * 1024


class ReportOutbox:
    """Decides which reports to publish when."""

    def __init__(self, journal: WaitingReports, journal_id: str, boot: str, rng: random.Random) -> None:
        self._journal = journal
        self._journal_id = journal_id
        self._boot = boot
        self._rng = rng
        self._connected = False
        self._sent_up_to = 0
        self._wait_s = FIRST_WAIT_S
        self.resend_at: datetime | None = None
        """When to say everything again if no receipt comes; None if nothing waits or nobody is there."""

    def connected(self, now: datetime) -> tuple[PublishReports, ...]:
        """Begin from the first report that is not receipted."""
        self._connected = True
        self._wait_s = FIRST_WAIT_S
        return self.again(now)

    def lost(self) -> None:
        """Be silent until the next connection."""
        self._connected = False
        self.resend_at = None

    def again(self, now: datetime) -> tuple[PublishReports, ...]:
        """Say all that waits once more, as after a resync."""
        self._sent_up_to = 0
        return self._round(now)

    def appended(self, reports: tuple[Report, ...], now: datetime) -> tuple[PublishReports, ...]:
        """Send what has just been committed, unless older ones must go first."""
        if not self._connected or not reports:
            return ()
        # Asked of the journal: after a resync with nothing waiting no number says what was sent before.
        first = self._journal.reports(self._sent_up_to, 1)
        if not first or first[0].n != reports[0].n:
            return ()
        return self._send(reports, now)

    def receipted(self, up_to: int, now: datetime) -> tuple[PublishReports, ...]:
        """Note that the controller has these; send what has not been sent yet."""
        self._sent_up_to = max(self._sent_up_to, up_to)
        self._wait_s = FIRST_WAIT_S
        self.resend_at = None
        return self._round(now)

    def on_time(self, now: datetime) -> tuple[PublishReports, ...]:
        """Say everything again when a receipt has been waited for long enough."""
        if self.resend_at is None or now < self.resend_at:
            return ()
        self._wait_s = min(self._wait_s * 2, LONGEST_WAIT_S)
        self.resend_at = None
        return self.again(now)

    def _round(self, now: datetime) -> tuple[PublishReports, ...]:
        if not self._connected:
            return ()
        reports = self._journal.reports(self._sent_up_to, PER_ROUND)
        if reports:
            return self._send(reports, now)
        if self._journal.waiting():
            self._arm(now)
        return ()

    def _send(self, reports: tuple[Report, ...], now: datetime) -> tuple[PublishReports, ...]:
        if self.resend_at is None:
            self._arm(now)
        oldest = self._journal.reports(0, 1)
        if not oldest:  # the disk has stopped to be readable in between
            return ()
        self._sent_up_to = reports[-1].n
        return tuple(
            PublishReports(
                Reports(journal=self._journal_id, boot=self._boot, oldest=oldest[0].n, reports=chunk)
            )
            for chunk in _chunks(reports)
        )

    def _arm(self, now: datetime) -> None:
        self.resend_at = now + seconds(self._wait_s * self._rng.uniform(1.0, 1.2))


def _chunks(reports: tuple[Report, ...]) -> Iterator[tuple[Report, ...]]:
    """Cut into messages that the wire allows, by number and by size."""
    chunk: list[Report] = []
    size = 0
    for report in reports:
        length = len(encode(report)) + 1
        if chunk and (len(chunk) == PER_MESSAGE or size + length > _ROOM_BYTES):
            yield tuple(chunk)
            chunk, size = [], 0
        chunk.append(report)
        size += length
    if chunk:
        yield tuple(chunk)
