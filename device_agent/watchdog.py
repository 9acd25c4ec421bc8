"""Telling whoever started us that we live, and only while every thread of ours does.

The service manager's side is sd_notify(3): one datagram of ``NAME=value`` lines to the socket that
``NOTIFY_SOCKET`` names. It starts us again when `WATCHDOG_USEC` passes without a word.
"""

import os
import socket
from collections.abc import Callable, Mapping

from device_agent.clock import Clock

PINGS_PER_LIMIT = 3
"""sd_watchdog_enabled(3) says two; one more leaves room for a busy disk."""

PLAYER_LIMIT_S = 20.0
"""A block takes 20 ms; opening a device that does not answer takes seconds."""

WITNESS_LIMIT_S = 30.0
"""It comes by four times a second; opening an input that does not answer takes seconds."""

FETCHER_LIMIT_S = 120.0
"""A dead network lets a request wait for 30 s, a name that is looked up about as long."""


LOOP_LATE_S = 5.0
"""The loop comes by every second; more than this means that nothing here was running."""


class StoodStill(RuntimeError):
    """A thread gave no sign of life for longer than anything that it does may take."""


class Notifier:
    """The line to the service manager; without one, nothing is said.

    Args:
        address: Path of its datagram socket, with ``@`` in front an abstract one; None says nothing.
    """

    def __init__(self, address: str | None) -> None:
        self._socket: socket.socket | None = None
        if address is not None and address[:1] in {"/", "@"}:
            # A service manager that does not read must not stop the loop: a datagram is sent or dropped.
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)
            self._address = "\0" + address[1:] if address[0] == "@" else address

    def say(self, *lines: str) -> None:
        """Send lines such as ``READY=1``; who does not listen does not hear."""
        if self._socket is not None:
            try:
                self._socket.sendto("\n".join(lines).encode(), self._address)
            except OSError:
                return

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Watchdog:
    """Says ``WATCHDOG=1`` as long as the loop comes by and the other threads have beaten lately.

    Args:
        notifier: Where to say it.
        limit_s: After how long without a word the service manager acts; None if it does not watch.
        clock: Only its monotonic side is read.
    """

    def __init__(self, notifier: Notifier, limit_s: float | None, clock: Clock) -> None:
        self.notifier = notifier
        self.every_s = None if limit_s is None else limit_s / PINGS_PER_LIMIT
        self._clock = clock
        self._beaten_s: dict[str, float] = {}
        self._limits_s: dict[str, float] = {}
        self._looked_s = self._now_s()
        self._pinged_s = -1e9

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], clock: Clock) -> "Watchdog":
        """Read what the service manager asks of this very process (sd_watchdog_enabled(3))."""
        limit, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID")
        ours = limit.isdecimal() and int(limit) > 0 and pid in {None, str(os.getpid())}
        return cls(Notifier(environment.get("NOTIFY_SOCKET")), int(limit) / 1e6 if ours else None, clock)

    def pulse(self, name: str, limit_s: float) -> Callable[[], None]:
        """Return what the thread of this name calls in each round, never more than `limit_s` apart."""
        self._limits_s[name] = limit_s
        self._beaten_s[name] = self._now_s()

        def beat() -> None:
            self._beaten_s[name] = self._now_s()

        return beat

    def check(self) -> None:
        """Look at every thread, then ping if it is time. The loop calls this in each of its rounds.

        Raises:
            StoodStill: One of them is stuck. To go on would be silence that looks like success.
        """
        now_s = self._now_s()
        stood_s, self._looked_s = now_s - self._looked_s, now_s
        for name, limit_s in self._limits_s.items():
            # Time in which the loop itself did not come by proves nothing against the others: the whole
            # process may have been stopped, or the box asleep.
            if stood_s > LOOP_LATE_S:
                self._beaten_s[name] = now_s
            elif now_s - self._beaten_s[name] > limit_s:
                raise StoodStill(f"{name} has stood still for {now_s - self._beaten_s[name]:.0f} s")
        if self.every_s is not None and now_s - self._pinged_s >= self.every_s:
            self._pinged_s = now_s
            self.notifier.say("WATCHDOG=1")

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9
