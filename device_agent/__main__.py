"""The command line of a gateway."""

import random
import signal
from pathlib import Path
from typing import Annotated

import structlog
import typer

from device_agent.clock import Clock
from device_agent.journal import JournalError
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
    from device_agent.agent import Agent  # noqa: PLC0415 - `status` needs neither PyAV nor numpy
    from device_agent.sinks.choice import UnknownSink, sink_opener  # noqa: PLC0415

    clock = Clock()
    try:
        agent = Agent(
            read_credential(credential), state_dir, sink_opener(sink, clock), clock, random.SystemRandom()
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: agent.quit())
        agent.run()
    except (WireError, JournalError, UnknownSink, OSError) as error:
        structlog.get_logger(__name__).critical("agent_ended", reason=str(error))
        raise typer.Exit(1) from error


if __name__ == "__main__":
    app()
