"""What the command line asks a gateway to listen with."""

from datetime import time

from device_agent.clock import Clock
from device_agent.evidence.probe import DeviceProbe, OpenProbe
from device_agent.evidence.witness import Listening


class UnknownListening(ValueError):
    """There is no such kind of probe, or no such hour."""


def listening_of(probe: str | None, self_test_at: str | None, clock: Clock) -> Listening:
    """Return what to listen with.

    Args:
        probe: ``device``, ``device:NAME``, or None or empty for no probe.
        self_test_at: Local time as ``HH:MM``, or None or empty for no self-test.
        clock: Given to the probe.

    Raises:
        UnknownListening: One of them is none of these.
    """
    return Listening(
        _probe_opener(probe, clock) if probe else None,
        _hour(self_test_at) if self_test_at else None,
    )


def _probe_opener(text: str, clock: Clock) -> OpenProbe:
    kind, _, name = text.partition(":")
    if kind != "device":
        raise UnknownListening(f"no probe {text!r}: device or device:NAME")
    return lambda: DeviceProbe(name, clock)


def _hour(text: str) -> time:
    try:
        return time.fromisoformat(text).replace(tzinfo=None)
    except ValueError as error:
        raise UnknownListening(f"no hour {text!r}: HH:MM") from error
