"""``run`` and ``fleet``: a gateway, or many light ones, until told to end."""

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import structlog

from device_agent.agent import Agent, ThreadDied
from device_agent.clock import Clock
from device_agent.fleet import Fleet
from device_agent.journal import JournalError
from device_agent.sinks.choice import UnknownSink, sink_opener
from device_agent.watchdog import StoodStill, Watchdog
from wire.credential import read_credential
from wire.messages import WireError

log = structlog.get_logger(__name__)


def run(credential: Path, state_dir: Path, sink: str) -> int:
    """Run one gateway until SIGTERM or SIGINT; return the exit code, with its reason logged."""
    clock = Clock()
    try:
        agent = Agent(
            read_credential(credential),
            state_dir,
            sink_opener(sink, clock),
            clock,
            random.SystemRandom(),
            watchdog=Watchdog.from_environment(os.environ, clock),
        )
        _quit_on_signals(agent.quit)
        agent.run()
    except (WireError, JournalError, UnknownSink, ThreadDied, StoodStill, OSError) as error:
        return _ended(error)
    return 0


def fleet(credentials: Path, state_dir: Path) -> int:
    """Run many light gateways in one process; return the exit code, with its reason logged."""
    try:
        light = Fleet(credentials, state_dir, Clock(), random.SystemRandom())
    except (WireError, OSError) as error:
        return _ended(error)
    _quit_on_signals(light.quit)
    light.run()
    return 0


def _quit_on_signals(end: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: end())


def _ended(error: Exception) -> int:
    log.critical("agent_ended", reason=str(error))
    return 1
