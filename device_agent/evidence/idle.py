"""Listening while nothing is played, second by second."""

from device_agent.evidence.likeness import band_level_db
from device_agent.evidence.sink import Written
from device_agent.evidence.squelch import Squelch, idle_second
from device_agent.evidence.timeline import SECOND_NS, SamplesLost, Timeline

AFTER_SOUND_NS = 3 * SECOND_NS
"""What was played may arrive this late, with its echo: the longest delay, and time for a valley to answer."""


class IdleWatch:
    """Takes each second of the probe in which nothing was played.

    Args:
        squelch: What was known before.
    """

    def __init__(self, squelch: Squelch) -> None:
        self.squelch = squelch
        self.level_db: float | None = None
        """Of the newest idle second, dBFS; None before the first."""
        self._second_ns: int | None = None

    def listen(self, written: Written, heard: Timeline) -> None:
        """Take in whatever whole seconds have been heard since."""
        end_ns = heard.end_ns
        if end_ns is None:
            return
        if self._second_ns is None or not 0 <= end_ns - self._second_ns < 5 * SECOND_NS:
            self._second_ns = end_ns
        while self._second_ns + SECOND_NS <= end_ns:
            start_ns, self._second_ns = self._second_ns, self._second_ns + SECOND_NS
            sounded_ns = written.sounded_ns
            if sounded_ns is not None and start_ns < sounded_ns + AFTER_SOUND_NS:
                continue
            try:
                sound = heard.between(start_ns, self._second_ns)
            except SamplesLost:
                continue
            self.level_db = round(band_level_db(sound, heard.rate_hz), 1)
            self.squelch = idle_second(self.squelch, self.level_db)
