"""Benchmarks: ``python -m tests.bench --help``. They print figures beside a baseline, and judge nothing."""

import sys
from pathlib import Path
from typing import Annotated

sys.path.insert(0, str(Path(__file__).parents[1]))

import typer

from tests.bench.fanout import measure

app = typer.Typer(help="Benchmarks of LoaCast, each beside a baseline of the same run.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Keep `fanout` a sub-command although it is the only one."""


@app.command()
def fanout(
    gateways: Annotated[int, typer.Option(min=1, max=19_000, help="How many simulated gateways.")] = 1000,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds; medians are printed.")] = 5,
) -> None:
    """Time "play now" to many gateways: press, last order received, last report committed."""
    measure(gateways, rounds)


if __name__ == "__main__":
    app()
