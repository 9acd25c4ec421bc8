"""The command line of a gateway. Each command loads only what it needs: `run` should stay small."""

from pathlib import Path
from typing import Annotated

import typer

from device_agent.process import keep_small, tell_where_it_hangs

app = typer.Typer(
    help="LoaCast gateway: keeps a plan, plays it on its own clock, reports what really sounded.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

StateDir = Annotated[
    Path,
    typer.Option(
        envvar="LOACAST_AGENT_STATE_DIR", help="Directory of the journal and the clips; made if missing."
    ),
]
Credential = Annotated[
    Path,
    typer.Option(envvar="LOACAST_AGENT_CREDENTIAL", help="File that the controller wrote for this gateway."),
]
SinkName = Annotated[
    str,
    typer.Option(
        envvar="LOACAST_AGENT_SINK",
        help="Where sound goes: device, device:NAME, or file:DIR to record what would have sounded.",
    ),
]


DownloadRate = Annotated[
    int | None,
    typer.Option(
        envvar="LOACAST_AGENT_DOWNLOAD_KBIT_S",
        min=8,
        help="Cap on fetching ahead, in thousands of bits a second; it gives way when a clip would be late.",
    ),
]


@app.command()
def run(
    credential: Credential,
    state_dir: StateDir,
    sink: SinkName = "device",
    download_kbit_s: DownloadRate = None,
) -> None:
    """Run one gateway until SIGTERM or SIGINT."""
    tell_where_it_hangs()
    from device_agent.commands import running  # noqa: PLC0415 - other commands need neither PyAV nor numpy

    raise typer.Exit(running.run(credential, state_dir, sink, download_kbit_s))


@app.command()
def status(state_dir: StateDir) -> None:
    """Print what the journal holds: plan version, next items, reports waiting. The agent may be running."""
    from device_agent.commands import journal_status  # noqa: PLC0415 - `run` need not load it

    raise typer.Exit(journal_status.status(state_dir))


@app.command()
def fleet(
    credentials: Annotated[
        Path,
        typer.Option(envvar="LOACAST_AGENT_CREDENTIALS", help="Directory of credential files, *.json."),
    ],
    state_dir: StateDir,
) -> None:
    """Run many light gateways in one process, for demonstrations: real answers, no sound."""
    from device_agent.commands import running  # noqa: PLC0415 - other commands need neither PyAV nor numpy

    raise typer.Exit(running.fleet(credentials, state_dir))


def main() -> None:
    """Begin a process of its own."""
    keep_small()
    app()


if __name__ == "__main__":
    main()
