"""Command line of the wire protocol: ``python -m wire schema`` and ``python -m wire docs``."""

from pathlib import Path
from typing import Annotated

import typer

from wire import docs as pages
from wire import schema as schemas

app = typer.Typer(help="What controller and gateway say to each other.", no_args_is_help=True)

HOME = Path(__file__).parent / "schema"
PAGE = Path(__file__).parents[1] / "docs" / "protocol.md"


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


@app.command()
def docs(
    page: Annotated[Path, typer.Option(help="The page to draw into.")] = PAGE,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether it is stale; exit 1 if it is.")
    ] = False,
) -> None:
    """Draw the tables of the protocol's page anew."""
    held = page.read_text(encoding="utf-8")
    drawn = pages.render(held)
    if check:
        if held != drawn:
            typer.echo(f"stale: {page.name}", err=True)
        raise typer.Exit(1 if held != drawn else 0)
    page.write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    app()
