"""When the frames of a sound device sound, told from looks that come early or late. Pure.

A device's crystal is up to some 200 ppm off, which is 0.36 s in half an hour; a look at the device is off by
its jitter, a tenth of a millisecond to several. Frames pass evenly in the device's own time, so a straight
line through the looks is the truth, and its slope the crystal.

The line is kept by a filter of the g-h kind with a growing memory, which at first is the fit by least squares
(E. Brookner, *Tracking and Kalman Filtering Made Easy*, 1998, §1.2.10), then forgets evenly; the use is that
of F. Adriaensen, *Using a DLL to filter time* (Linux Audio Conference 2005). Place and slope have memories of
their own: PulseAudio's reports swing for seconds after a processor was busy, and a crystal does not.
"""

from device_agent.sinks.contract import RATE

NOMINAL_NS = 1_000_000_000 / RATE
"""Length of a frame of a crystal that is right."""

MEMORY = 50
"""Looks that count for the place, 1 s of blocks: long against jitter, short against PulseAudio's swings."""

SLOPE_MEMORY = 500
PRIOR_LOOKS = 250
"""A crystal is nearly right before any look: the slope follows in twenty seconds, later in a minute."""

CALM_LOOKS = 3_000
"""After a device began, or stood still, its reports swing: PulseAudio's by 10 ms, for half a minute. In the
first minute nothing is learned of the crystal."""

MAX_PPM = 1_000.0
"""More than any crystal; a slope beyond it is a mistake."""

ASTRAY_NS = 2_000_000
ASTRAY_SPREADS = 6
ASTRAY_LOOKS = 5
"""So many looks in a row that far off, and off beyond what is usual for this device, are no jitter: it began
late, or stood still."""

SPREAD_SHARE = 0.01
"""What one look adds to what is usual."""


class FrameClock:
    """Where frames stand in time."""

    def __init__(self) -> None:
        self._frame = 0
        self._at_ns = 0.0
        self._frame_ns = NOMINAL_NS
        self._looks = 0
        self._calm_looks = 0
        self._slope_looks = PRIOR_LOOKS
        self._spread_ns = 0.0
        self._looked_ns = 0.0
        self._astray = 0

    @property
    def known(self) -> bool:
        """Whether there was a look yet."""
        return self._looks > 0

    @property
    def fast_ppm(self) -> float:
        """By how much the crystal is faster than the monotonic clock."""
        return (NOMINAL_NS / self._frame_ns - 1.0) * 1e6

    def at_ns(self, frame: float) -> float:
        """Return the monotonic instant at which a frame sounds; meaningless before the first look."""
        return self._at_ns + (frame - self._frame) * self._frame_ns

    def saw(self, frame: int, sounds_ns: float) -> None:
        """Take a look: `frame` seemed to sound at this monotonic instant. Frames of looks only grow."""
        expected_ns = self.at_ns(frame)
        # A look can be held up, never hurried: of two in a row the earlier one is nearer to the truth.
        looked_ns = sounds_ns - expected_ns
        off_ns, self._looked_ns = min(looked_ns, self._looked_ns), looked_ns
        if self._looks and abs(off_ns) > max(ASTRAY_NS, ASTRAY_SPREADS * self._spread_ns):
            self._astray += 1
            if self._astray < ASTRAY_LOOKS:
                return
        if not self._looks or self._astray >= ASTRAY_LOOKS:
            self._frame, self._at_ns, self._looked_ns = frame, sounds_ns, 0.0
            self._looks, self._calm_looks, self._astray = 1, 0, 0
            return
        self._astray = 0
        self._spread_ns += SPREAD_SHARE * (abs(off_ns) - self._spread_ns)
        passed = max(1, frame - self._frame)
        self._looks = n = min(self._looks + 1, MEMORY)
        self._frame, self._at_ns = frame, expected_ns + off_ns * 2 * (2 * n - 1) / (n * (n + 1))
        self._calm_looks += 1
        if self._calm_looks > CALM_LOOKS:
            self._learn_slope(off_ns / passed)

    def _learn_slope(self, off_ns: float) -> None:
        """Take note that a frame took so much longer than expected."""
        self._slope_looks = m = min(self._slope_looks + 1, SLOPE_MEMORY)
        self._frame_ns += off_ns * 6 / (m * (m + 1))
        most_ns = NOMINAL_NS * MAX_PPM / 1e6
        self._frame_ns = min(max(self._frame_ns, NOMINAL_NS - most_ns), NOMINAL_NS + most_ns)
