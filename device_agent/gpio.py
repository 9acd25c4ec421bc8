"""A relay on a pin of a single-board computer, through gpiozero (``pip install loacast[gpio]``)."""

from typing import Any

import structlog

from device_agent.amplifier import HOLD_MS, LEAD_MS, MAX_LEAD_MS, Amplifier, RelayError, Switching

log = structlog.get_logger(__name__)


class UnknownAmplifier(ValueError):
    """The amplifier's settings make no sense."""


class GpioRelay:
    """A relay that is closed while its pin is active.

    Args:
        pin: As gpiozero names it: ``GPIO17``, ``BOARD11``, or ``17``. An exclamation mark before it is for a
            board whose relay closes when the pin is low.

    Raises:
        RelayError: No gpiozero, no such pin, or not for us to use.
    """

    def __init__(self, pin: str) -> None:
        try:
            import gpiozero  # noqa: PLC0415 - few poles switch their amplifier
        except ImportError as error:
            raise RelayError(f"{error}; pip install loacast[gpio]") from error
        self._errors = (gpiozero.GPIOZeroError, OSError)
        try:
            # What a crash left on is off as soon as the pin is ours again.
            self._output: Any = gpiozero.DigitalOutputDevice(
                pin.removeprefix("!"), active_high=not pin.startswith("!"), initial_value=False
            )
        except self._errors as error:
            raise RelayError(f"pin {pin}: {error}") from error

    def switch(self, *, on: bool) -> None:
        """Close or open the contact."""
        try:
            self._output.value = on
        except self._errors as error:
            raise RelayError(str(error)) from error

    def close(self) -> None:
        """Let go of the pin; gpiozero makes an input of it, and the relay's own resistor opens it."""
        self._output.close()


def amplifier_of(pin: str, lead_ms: int | None, hold_ms: int | None) -> Amplifier:
    """Return the amplifier of these settings; without a pin, or where it cannot be had, one "not present".

    Raises:
        UnknownAmplifier: It would have to be switched on earlier than an item is known.
    """
    lead = LEAD_MS if lead_ms is None else lead_ms
    if lead > MAX_LEAD_MS:
        raise UnknownAmplifier(f"an amplifier may be switched on {MAX_LEAD_MS} ms ahead at most, not {lead}")
    if not pin:
        return Amplifier()
    try:
        relay = GpioRelay(pin)
    except RelayError as error:
        log.warning("amplifier_not_present", reason=str(error))
        return Amplifier()
    return Amplifier(relay, Switching(lead, HOLD_MS if hold_ms is None else hold_ms))
