"""How the agent writes its log: plain lines, with the priority in front where systemd's journal reads them.

The newest error is kept as well: it goes into the gateway's health, for whoever cannot see the log.
"""

import sys
from collections.abc import Mapping, MutableMapping
from datetime import datetime
from typing import Any

import structlog

from device_agent.clock import Clock

_SYSLOG = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
"""sd-daemon(3)."""


class LastError:
    """A processor of structlog that remembers the newest error; read from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._newest: tuple[str, datetime] | None = None

    @property
    def newest(self) -> tuple[str, datetime] | None:
        """What and when; None as long as all went well."""
        return self._newest

    def __call__(
        self, _logger: object, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Take note of one line."""
        if method in {"error", "critical", "exception"}:
            what = str(event.get("event", method))
            reason = event.get("reason")
            self._newest = (what if reason is None else f"{what}: {reason}", self._clock.now())
        return event


def configure(environment: Mapping[str, str], clock: Clock) -> LastError:
    """Set the log up for this process and return what remembers its newest error."""
    last_error = LastError(clock)
    to_journal = "JOURNAL_STREAM" in environment
    render = structlog.dev.ConsoleRenderer(
        colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
    )

    def with_priority(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        line = str(render(logger, method, event))
        priority = _SYSLOG.get(str(event.get("level", method)), 6)
        return "\n".join(f"<{priority}>{part}" for part in line.splitlines()) if to_journal else line

    processors: list[Any] = [structlog.processors.add_log_level, structlog.dev.set_exc_info, last_error]
    if not to_journal:  # the journal has the time already
        processors.append(structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False))
    structlog.configure(processors=[*processors, with_priority])
    return last_error
