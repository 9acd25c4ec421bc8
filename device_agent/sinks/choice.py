"""Which sink the command line asks for. A box that only records needs no PortAudio."""

from collections.abc import Callable
from pathlib import Path

from device_agent.clock import Clock
from device_agent.sinks.contract import Sink


class UnknownSink(ValueError):
    """There is no such kind of sink."""


def sink_opener(text: str, clock: Clock) -> Callable[[], Sink]:
    """Return what opens the sink described by ``file:DIR``, ``device`` or ``device:NAME``.

    Raises:
        UnknownSink: It is none of these.
    """
    kind, _, rest = text.partition(":")
    if kind == "file" and rest:
        from device_agent.sinks.file import FileSink  # noqa: PLC0415 - only the sink that is used

        return lambda: FileSink(Path(rest), clock)
    if kind == "device":
        from device_agent.sinks.device import DeviceSink  # noqa: PLC0415 - needs PortAudio

        return lambda: DeviceSink(rest or None, clock)
    raise UnknownSink(f"no sink {text!r}: device, device:NAME or file:DIR")
