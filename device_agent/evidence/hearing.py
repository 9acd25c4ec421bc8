"""Following one item while it sounds: every two seconds of it against what the probe heard."""

from dataclasses import dataclass, field

from device_agent.evidence.likeness import Likeness, likeness
from device_agent.evidence.timeline import SECOND_NS, SamplesLost, Timeline
from device_agent.evidence.verdict import NOT_VERIFIABLE, Finding, finding

STRETCH_NS = 2 * SECOND_NS
EARLIEST_NS = SECOND_NS // 2
"""A device that promises more latency than it has sounds before its time."""

LATEST_NS = 12 * SECOND_NS // 10
"""A second of delay, as through a network amplifier or from a horn 300 m away, and what devices misreport."""

SOONEST_NS = SECOND_NS // 4
"""With less than this heard after a stretch there is nothing to look for yet."""


@dataclass(slots=True)
class Hearing:
    """How far one item was followed, and what was found."""

    begins_ns: int
    """When its first sample sounds, by the monotonic clock."""
    stretch_ns: int
    """Where the next stretch begins."""
    found: list[Likeness] = field(default_factory=list)
    lost: int = 0
    """Stretches of which samples are missing, of what was written or of what was heard."""

    @property
    def finding(self) -> Finding:
        """What there is to say of it up to now."""
        return finding(self.found) if len(self.found) >= self.lost else NOT_VERIFIABLE

    def follow(self, written: Timeline, heard: Timeline) -> None:
        """Judge each stretch whose every possible delay has been heard."""
        while self._is_there(written, heard, LATEST_NS):
            self._judge(written, heard, LATEST_NS)

    def finish(self, written: Timeline, heard: Timeline, end_ns: int) -> None:
        """Judge the rest, now that the item has been written to its end.

        The last second of it is still on its way to the probe. A stretch that may yet be heard counts if it
        was; if it was not, nothing is said of it. What should have been heard by now but is not there is
        lost.
        """
        self.follow(written, heard)
        while self.stretch_ns + STRETCH_NS <= end_ns and self._is_there(written, heard, SOONEST_NS):
            heard_ns = (heard.end_ns or 0) - self.stretch_ns - STRETCH_NS
            self._judge(written, heard, min(LATEST_NS, heard_ns))
        while self.stretch_ns + STRETCH_NS + SECOND_NS <= end_ns:
            self.lost += 1
            self.stretch_ns += STRETCH_NS

    def _judge(self, written: Timeline, heard: Timeline, latest_ns: int) -> None:
        try:
            found = compare(written, heard, self.stretch_ns, latest_ns)
        except SamplesLost:
            self.lost += 1
        else:
            if found is not None and (found.recognised or latest_ns >= LATEST_NS):
                self.found.append(found)
        self.stretch_ns += STRETCH_NS

    def _is_there(self, written: Timeline, heard: Timeline, latest_ns: int) -> bool:
        end_ns = self.stretch_ns + STRETCH_NS
        return (written.end_ns or 0) >= end_ns and (heard.end_ns or 0) >= end_ns + latest_ns


def compare(written: Timeline, heard: Timeline, start_ns: int, latest_ns: int) -> Likeness | None:
    """Return how one stretch was heard; None if it cannot be judged by anyone, see `likeness`.

    Args:
        written: What the device was given.
        heard: What the probe heard.
        start_ns: When the stretch begins, by the monotonic clock.
        latest_ns: The longest delay to look for.

    Raises:
        SamplesLost: Some of the samples are not there.
    """
    end_ns = start_ns + STRETCH_NS
    return likeness(
        written.between(start_ns, end_ns),
        heard.between(start_ns - EARLIEST_NS, end_ns + latest_ns),
        expected_hz=written.rate_hz,
        heard_hz=heard.rate_hz,
        earliest_ms=-EARLIEST_NS / 1e6,
    )
