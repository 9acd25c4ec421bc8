"""The command line of a gateway."""

import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import structlog
import typer

from device_agent.clock import Clock
from device_agent.journal import JOURNAL_FILE, JournalError, SqliteJournal
from device_agent.status import describe
from wire.credential import read_credential
from wire.messages import WireError

app = typer.Typer(
    help="LoaCast gateway: keeps a plan, plays it on its own clock, reports what really sounded.",
    no_args_is_help=True,
    add_completion=False,
)

StateDir = Annotated[
    Path,
    typer.Option(
        envvar="LOACAST_AGENT_STATE_DIR", help="Directory of the journal and the clips; made if missing."
    ),
]


@app.command()
def run(
    credential: Annotated[
        Path,
        typer.Option(
            envvar="LOACAST_AGENT_CREDENTIAL", help="File that the controller wrote for this gateway."
        ),
    ],
    state_dir: StateDir,
    sink: Annotated[
        str,
        typer.Option(
            envvar="LOACAST_AGENT_SINK",
            help="Where sound goes: device, device:NAME, or file:DIR to record what would have sounded.",
        ),
    ] = "device",
) -> None:
    """Run one gateway until SIGTERM or SIGINT."""
    from device_agent.agent import Agent, ThreadDied  # noqa: PLC0415 - `status` needs neither PyAV nor numpy
    from device_agent.sinks.choice import UnknownSink, sink_opener  # noqa: PLC0415

    clock = Clock()
    try:
        agent = Agent(
            read_credential(credential), state_dir, sink_opener(sink, clock), clock, random.SystemRandom()
        )
        _quit_on_signals(agent.quit)
        agent.run()
    except (WireError, JournalError, UnknownSink, ThreadDied, OSError) as error:
        raise _ended(error) from error


@app.command()
def status(state_dir: StateDir) -> None:
    """Print what the journal holds: plan version, next items, reports waiting. The agent may be running."""
    try:
        journal = SqliteJournal.open_to_read(state_dir / JOURNAL_FILE)
        for line in describe(journal, None):
            typer.echo(line)
        journal.close()
    except JournalError as error:
        raise _ended(error) from error


@app.command()
def fleet(
    credentials: Annotated[
        Path,
        typer.Option(envvar="LOACAST_AGENT_CREDENTIALS", help="Directory of credential files, *.json."),
    ],
    state_dir: StateDir,
) -> None:
    """Run many light gateways in one process, for demonstrations: real answers, no sound."""
    from device_agent.fleet import Fleet  # noqa: PLC0415 - `status` needs neither urllib3 nor paho

    try:
        light = Fleet(credentials, state_dir, Clock(), random.SystemRandom())
    except (WireError, OSError) as error:
        raise _ended(error) from error
    _quit_on_signals(light.quit)
    light.run()


def _quit_on_signals(end: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: end())


def _ended(error: Exception) -> typer.Exit:
    structlog.get_logger(__name__).critical("agent_ended", reason=str(error))
    return typer.Exit(1)


if __name__ == "__main__":
    app()
