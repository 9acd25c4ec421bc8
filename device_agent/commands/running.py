"""``run`` and ``fleet``: a gateway, or many light ones, until told to end."""

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import structlog

from device_agent import __version__
from device_agent.agent import Agent, ThreadDied
from device_agent.clock import Clock
from device_agent.evidence.choice import UnknownListening, listening_of
from device_agent.fleet import Fleet
from device_agent.gpio import UnknownAmplifier, amplifier_of
from device_agent.journal import JournalError
from device_agent.logs import configure
from device_agent.probes import boards_of_this_box
from device_agent.probes.vouching import box_clock
from device_agent.rate import RateLimit
from device_agent.self_report import SelfReport
from device_agent.sinks.choice import UnknownSink, sink_opener
from device_agent.standing import Standing, StandingFile
from device_agent.watchdog import StoodStill, Watchdog
from wire.credential import read_credential
from wire.messages import WireError

log = structlog.get_logger(__name__)


def run(
    credential: Path,
    state_dir: Path,
    sink: str,
    download_kbit_s: int | None = None,
    *,
    probe: str | None = None,
    self_test_at: str | None = None,
    amplifier_pin: str = "",
    amplifier_lead_ms: int | None = None,
    amplifier_hold_ms: int | None = None,
) -> int:
    """Run one gateway until SIGTERM or SIGINT; return the exit code, with its reason logged."""
    clock = Clock()
    last_error = configure(os.environ, clock)
    try:
        held = read_credential(credential)
        amplifier = amplifier_of(amplifier_pin, amplifier_lead_ms, amplifier_hold_ms)
        now = clock.now()
        standing = Standing(
            pid=os.getpid(),
            gateway_id=held.gateway_id,
            agent_version=__version__,
            started_at=now,
            written_at=now,
        )
        agent = Agent(
            held,
            state_dir,
            sink_opener(sink, clock),
            clock,
            random.SystemRandom(),
            self_report=SelfReport(
                Watchdog.from_environment(os.environ, clock),
                StandingFile(Path(os.environ.get("RUNTIME_DIRECTORY", state_dir)), standing),
                boards_of_this_box(state_dir, clock, amplifier.is_on, amplifier_wired=bool(amplifier_pin)),
                last_error,
            ),
            ask_box=lambda: box_clock(Path("/"), clock.now()),
            listening=listening_of(probe, self_test_at, clock),
            amplifier=amplifier,
            download_limit=None if download_kbit_s is None else RateLimit(download_kbit_s),
        )
        _quit_on_signals(agent.quit)
        agent.run()
    except (
        WireError,
        JournalError,
        UnknownSink,
        UnknownListening,
        UnknownAmplifier,
        ThreadDied,
        StoodStill,
        OSError,
    ) as error:
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
