"""Whether the amplifier is on, as whoever switches it knows."""

from collections.abc import Callable

from device_agent.probes.contract import NOTHING, Readings


def amplifier(is_on: Callable[[], bool | None]) -> Readings:
    """Return what its relay was last told; `NOTHING` if there is no relay.

    Args:
        is_on: Whether the relay is closed; None if no relay is wired.
    """
    on = is_on()
    return NOTHING if on is None else Readings(amplifier="on" if on else "off")
