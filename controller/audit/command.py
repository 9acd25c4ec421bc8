"""``python -m controller audit …``: whether the trail is as it was written."""

from typing import Annotated

import typer
from sqlmodel import Session

from controller.audit.chain import Head
from controller.audit.service import head, verify
from controller.db import make_engine
from controller.settings import Settings

app = typer.Typer(help="The audit trail.", no_args_is_help=True)


@app.command("head")
def show_head() -> None:
    """Print the number and hash of the newest row, to be kept where nobody of this machine can reach it."""
    with Session(make_engine(Settings().url)) as session:
        typer.echo(str(head(session)))


@app.command("verify")
def check(
    kept: Annotated[
        str | None, typer.Option(help="What `audit head` printed at an earlier time: notices a tail cut off.")
    ] = None,
) -> None:
    """Check the chain through the audit trail; exit 1 and name the rows where it does not hold."""
    try:
        earlier = None if kept is None else Head.parse(kept)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with Session(make_engine(Settings().url)) as session:
        found = list(verify(session, earlier))
        newest = head(session)
    for each in found:
        typer.echo(f"row {each.n}: {each.why}", err=True)
    if found:
        raise typer.Exit(1)
    typer.echo(f"{newest.n} rows, whole")
