"""Whether the amplifier is on, as whoever switches it knows."""

from collections.abc import Callable

from device_agent.probes.contract import NOTHING, Readings


def amplifier(is_on: Callable[[], bool | None], *, wired: bool = False) -> Readings:
    """Return what its relay was last told; `NOTHING` if there is no relay.

    Args:
        is_on: Whether the relay is closed; None if that is not known.
        wired: Whether the settings name a pin: then there ought to be one.

    Raises:
        LookupError: There ought to be a relay, and it refuses or its pin cannot be had.
    """
    on = is_on()
    if on is None and wired:
        raise LookupError("the relay refuses, or its pin cannot be had")
    return NOTHING if on is None else Readings(amplifier="on" if on else "off")
