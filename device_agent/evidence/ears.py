"""Keeping a probe open: tried again when it is not there, closed and opened when it has gone deaf."""

from collections.abc import Callable
from threading import Lock

import structlog

from device_agent.evidence.probe import OpenProbe, Probe, ProbeError
from device_agent.evidence.timeline import SECOND_NS, Timeline

log = structlog.get_logger(__name__)

REOPEN_NS = 5 * SECOND_NS
DEAF_NS = 3 * SECOND_NS
"""One that has heard nothing for so long, not even silence, does not work."""


class Ears:
    """The probe of a gateway, used by one thread; `heard` may be read from any.

    Args:
        open_probe: Opens it; None for a gateway that has none.
        monotonic_ns: The clock.
        one_at_a_time: PortAudio opens and closes one stream at a time.
    """

    def __init__(
        self, open_probe: OpenProbe | None, monotonic_ns: Callable[[], int], one_at_a_time: Lock
    ) -> None:
        self._open_probe = open_probe
        self._monotonic_ns = monotonic_ns
        self._one_at_a_time = one_at_a_time
        self._probe: Probe | None = None
        self._tried_ns: int | None = None
        self._lost_because = ""

    @property
    def are_wanted(self) -> bool:
        """Whether there should be a probe."""
        return self._open_probe is not None

    @property
    def heard(self) -> Timeline | None:
        """What it has heard of late; None if there is none now."""
        probe = self._probe
        return None if probe is None else probe.heard

    def keep_open(self) -> None:
        """Open it if it is not, at most every few seconds; close it if it has gone deaf."""
        now_ns = self._monotonic_ns()
        if self._open_probe is None:
            return
        if self._probe is None:
            if self._tried_ns is None or now_ns - self._tried_ns >= REOPEN_NS:
                self._tried_ns = now_ns
                self._try(self._open_probe)
        elif now_ns - max(self._tried_ns or 0, self._probe.heard.end_ns or 0) > DEAF_NS:
            self._lost("it hears nothing, not even silence")
            self.close()

    def close(self) -> None:
        """Let go of it."""
        probe, self._probe = self._probe, None
        if probe is not None:
            with self._one_at_a_time:
                probe.close()

    def _try(self, open_probe: OpenProbe) -> None:
        try:
            with self._one_at_a_time:
                self._probe = open_probe()
        except ProbeError as error:
            self._lost(str(error))
        else:
            self._tried_ns, self._lost_because = self._monotonic_ns(), ""
            log.info("probe_open")

    def _lost(self, reason: str) -> None:
        if reason != self._lost_because:
            self._lost_because = reason
            log.warning("probe_lost", reason=reason)
