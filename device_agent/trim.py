"""How much longer or shorter a sound is made so that it keeps to the wall clock. Pure.

All gateways share the wall clock, none its crystal. What is trimmed is the rate, finely and slowly, never the
place: 500 ppm are under one cent, where five are just heard, and no wall clock that is set makes a jump.
"""

from device_agent.sinks.contract import RATE

LIMIT_PPM = 500.0
SLEW_PPM_PER_S = 50.0
RETURN_S = 10.0
"""Time constant in which a small distance is made up: 1 ms by 100 ppm. The slew keeps up with it."""

ENOUGH_NS = 20_000
"""A distance that is left alone, one sample: sound that needs no trimming stays as it is."""

ENOUGH_PPM = 0.5

CATCH_UP_NS = 250_000_000
"""What is made up at most, within nine minutes. Farther off, the item has another start from now on."""

ON_TIME_NS = 20_000_000
"""What begins later than this begins "at once", as an order to play now does: it is not hurried after."""

_SECOND_NS = 1_000_000_000


class Course:
    """Where an item should be.

    Args:
        wanted_ns: When its first frame should sound, Unix nanoseconds.
        really_ns: When it does.
    """

    def __init__(self, wanted_ns: int, really_ns: int) -> None:
        self._origin_ns = wanted_ns if abs(really_ns - wanted_ns) <= ON_TIME_NS else really_ns

    def late_ns(self, frame: int, sounds_ns: int) -> int:
        """Return how much later than it should a frame sounds, negative if it is early.

        Args:
            frame: Counted from the item's beginning.
            sounds_ns: When it sounds, Unix nanoseconds.
        """
        late_ns = sounds_ns - self._origin_ns - frame * _SECOND_NS // RATE
        if abs(late_ns) <= CATCH_UP_NS:
            return late_ns
        # The wall clock was set, or the device stood still: it goes on from where it is.
        self._origin_ns += late_ns
        return 0


class Trim:
    """The rate of what sounds now."""

    def __init__(self) -> None:
        self.ppm = 0.0
        """By how much the sound is stretched, in frames of the device."""

    def rest(self, fast_ppm: float) -> None:
        """Take note that nothing sounds; what begins next begins at the crystal's own rate."""
        self.ppm = _within(_beyond(fast_ppm, ENOUGH_PPM), LIMIT_PPM)

    def step(self, late_ns: float, fast_ppm: float, passed_s: float) -> None:
        """Choose the rate of the next piece.

        Args:
            late_ns: How much later than it should the piece begins.
            fast_ppm: By how much the device's crystal is faster than it should be.
            passed_s: Length of the piece, seconds.
        """
        back_ppm = _beyond(late_ns, ENOUGH_NS) / (RETURN_S * _SECOND_NS) * 1e6
        wanted = _within(_beyond(fast_ppm, ENOUGH_PPM) - back_ppm, LIMIT_PPM)
        self.ppm += _within(wanted - self.ppm, SLEW_PPM_PER_S * passed_s)


def _within(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)


def _beyond(value: float, enough: float) -> float:
    """Return what of a value exceeds `enough`, towards zero."""
    return value - _within(value, enough)
