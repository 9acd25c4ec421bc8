"""What the agent shows of itself to those around it: the service manager, the commands, its own health."""

from datetime import datetime

from msgspec import structs

from device_agent.logs import LastError
from device_agent.probes import Board, Readings
from device_agent.standing import StandingFile
from device_agent.watchdog import Watchdog
from wire.messages import Health, State

LONGEST_ERROR = 300


class SelfReport:
    """Used by the agent's loop only; nothing here ever waits or raises.

    Args:
        watchdog: The line to the service manager.
        standing: The file that ``status`` reads.
        boards: Every probe.
        last_error: Remembers the newest error in the log.
    """

    def __init__(
        self, watchdog: Watchdog, standing: StandingFile, boards: tuple[Board, ...], last_error: LastError
    ) -> None:
        self.watchdog = watchdog
        self._standing = standing
        self._boards = boards
        self._last_error = last_error

    def start(self, now: datetime) -> None:
        """Begin to ask the probes, and say that the agent is at work."""
        for board in self._boards:
            board.start()
        self._standing.connected(now, yes=False)
        self.watchdog.notifier.say("READY=1", "STATUS=No broker yet.")

    def connected(self, now: datetime, *, yes: bool) -> None:
        """Say that the broker is there, or gone."""
        self._standing.connected(now, yes=yes)
        self.watchdog.notifier.say(
            "STATUS=Connected." if yes else "STATUS=No broker: playing from the plan in hand."
        )

    def told(self, state: State, now: datetime) -> None:
        """Show a state that is being published."""
        self._standing.told(state, now)

    def completed(self, health: Health, *, clips_damaged: int, fetch_error: str | None) -> Health:
        """Return the core's health with all that the rest of this process knows, and show it."""
        readings = Readings()
        for board in self._boards:
            readings = readings.with_those_of(board.readings())
        error, error_at = health.last_error or fetch_error, None
        if error is None and self._last_error.newest is not None:
            error, error_at = self._last_error.newest
        told = structs.replace(
            health,
            clips_damaged=clips_damaged,
            last_error=error and error[:LONGEST_ERROR],
            last_error_at=error_at,
            **structs.asdict(readings),
        )
        self._standing.told(told, health.at)
        return told

    def stop(self) -> None:
        """Say that the agent is about to end."""
        self.watchdog.notifier.say("STOPPING=1")
        for board in self._boards:
            board.stop()

    def close(self) -> None:
        """Show nothing any more."""
        self._standing.remove()
        self.watchdog.notifier.close()
