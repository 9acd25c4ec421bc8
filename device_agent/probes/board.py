"""A thread that asks probes in turn, so that none of them can ever hold up the agent's loop.

A modem may take ten seconds to answer and a failing disk a minute. The loop takes what is here and is told
how old it is; what is too old is no longer told at all.
"""

import threading
from collections.abc import Mapping

import structlog
from msgspec import structs

from device_agent.clock import Clock
from device_agent.probes.contract import NOTHING, Probe, Readings

log = structlog.get_logger(__name__)

EVERY_S = 25.0
"""Twice within each minute's health."""

TOO_OLD_S = 300.0
"""A probe that has not answered for so long has been let hang by what it asks: its answer is not true now."""


class Board:
    """Probes that are asked one after the other, again and again.

    Args:
        probes: Each with its name, the word in `Readings.unreadable`.
        clock: Tells the age of an answer.
        every_s: Pause between two rounds.
    """

    def __init__(self, probes: Mapping[str, Probe], clock: Clock, every_s: float = EVERY_S) -> None:
        self._probes = dict(probes)
        self._clock = clock
        self._every_s = every_s
        self._answers: dict[str, tuple[Readings, float]] = {}
        self._failing: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="probes", daemon=True)

    def start(self) -> None:
        """Begin the first round."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more. A probe that hangs is left behind: its thread keeps nobody from ending."""
        self._stopping.set()

    def readings(self) -> Readings:
        """Return the newest answers together. Never waits and never raises."""
        now_s = self._now_s()
        together = NOTHING
        for name in self._probes:
            answer, at_s = self._answers.get(name, (None, 0.0))
            if answer is None or now_s - at_s > TOO_OLD_S:
                answer = Readings(unreadable=(name,))
            elif answer.signal_percent is not None:
                answer = structs.replace(answer, signal_age_s=round(now_s - at_s))
            together = together.with_those_of(answer)
        return together

    def ask_all(self) -> None:
        """Go one round: whatever a probe raises, the others still answer."""
        for name, probe in self._probes.items():
            if self._stopping.is_set():
                return
            self._answers[name] = (self._ask(name, probe), self._now_s())

    def _ask(self, name: str, probe: Probe) -> Readings:
        try:
            answer = probe()
        except Exception as error:  # noqa: BLE001 - whatever it is, a broken sensor must not break a gateway
            if name not in self._failing:
                self._failing.add(name)
                log.warning("probe_unreadable", probe=name, reason=repr(error))
            return Readings(unreadable=(name,))
        self._failing.discard(name)
        return answer

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.ask_all()
            self._stopping.wait(self._every_s)

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9
