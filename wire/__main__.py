"""Command line of the wire protocol: ``python -m wire schema``."""

from pathlib import Path
from typing import Annotated

import typer

from wire import schema as schemas

app = typer.Typer(help="What controller and gateway say to each other.", no_args_is_help=True)

HOME = Path(__file__).parent / "schema"


@app.callback()
def main() -> None:
    """Keep `schema` a sub-command although it is the only one."""


@app.command()
def schema(
    directory: Annotated[Path, typer.Option(help="Where to write.")] = HOME,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is stale; exit 1 if anything is.")
    ] = False,
) -> None:
    """Write the JSON Schema and a golden example of every message."""
    if check:
        stale = schemas.stale(directory)
        for name in stale:
            typer.echo(f"stale: {name}", err=True)
        raise typer.Exit(1 if stale else 0)
    for path in schemas.write(directory):
        typer.echo(path.name)


if __name__ == "__main__":
    app()
