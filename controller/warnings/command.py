"""``python -m controller warning …``: prepared warnings from the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.progress import Progress
from sqlmodel import Session

from controller.areas.service import find_by_code
from controller.clock import SystemClock
from controller.db import make_engine
from controller.errors import Problem
from controller.settings import Settings
from controller.warnings.keeping import Keeper, WarningRefused, prepared_warnings
from controller.warnings.pack import read_pack
from controller.warnings.packing import keep_packed
from controller.web.i18n import sentence

app = typer.Typer(help="Prepared warnings that every gateway keeps.", no_args_is_help=True)

AreaCode = Annotated[str, typer.Argument(help="Code of the area whose gateways keep it.")]


@app.command("add")
def add(
    area_code: AreaCode,
    title: Annotated[str, typer.Argument(help="As people find it in the list.")],
    *,
    recording: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A recording, in any language.")
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Or a Vietnamese text, spoken by the built-in voice.")
    ] = None,
    language: Annotated[str, typer.Option(help="Of the recording: vi, km, …")] = "vi",
    key: Annotated[
        str | None,
        typer.Option(
            help="Joins the warning of this key, such as storm_3, in another language, or takes its place.",
            metavar="KEY",
        ),
    ] = None,
) -> None:
    """Prepare one warning, from a recording or a text, and order every gateway of the area to keep it."""
    if (recording is None) == (text is None):
        raise typer.BadParameter("give either --recording or --text")
    with _keeper(area_code) as keeper:
        if recording is not None:
            bulletin = keeper.from_recording(title, recording, language, key)
        else:
            bulletin = keeper.from_text(title, text or "", key)
    typer.echo(f"{bulletin.id}  {bulletin.title}")


@app.command("pack")
def pack(
    area_code: AreaCode,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="A key; may be given again.", metavar="KEY")
    ] = None,
) -> None:
    """Prepare the built-in Vietnamese warnings and signals; those that are there already stay as they are."""
    wanted = [each for each in read_pack() if only is None or each.key in only]
    unknown = set(only or ()) - {each.key for each in wanted}
    if unknown:
        raise typer.BadParameter(f"no such key: {', '.join(sorted(unknown))}", param_hint="--only")
    with _keeper(area_code) as keeper, Progress() as progress:
        task = progress.add_task("Preparing warnings", total=None)
        prepared = keep_packed(
            keeper, wanted, lambda done, of: progress.update(task, completed=done, total=of)
        )
    typer.echo(f"{prepared} warnings prepared, {len(wanted) - prepared} were there")


@app.command("list")
def show(area_code: AreaCode) -> None:
    """List the prepared warnings of an area."""
    with _keeper(area_code) as keeper, Session(keeper.engine) as session:
        for bulletin in prepared_warnings(session, keeper.area.path):
            key = bulletin.warning_key or "-"
            typer.echo(f"{bulletin.id}  {bulletin.language}  {key:16}  {bulletin.title}")


@app.command("release")
def release(
    area_code: AreaCode,
    bulletin_id: Annotated[str, typer.Argument(help="As `list` shows it.")],
) -> None:
    """Let gateways forget a prepared warning."""
    with _keeper(area_code) as keeper:
        keeper.release(bulletin_id)


@contextmanager
def _keeper(area_code: str) -> Iterator[Keeper]:
    settings, clock = Settings(), SystemClock()
    engine = make_engine(settings.url)
    today = clock.now().astimezone(ZoneInfo(settings.zone)).date()
    with Session(engine, expire_on_commit=False) as session:
        area = find_by_code(session, area_code, today)
    if area is None:
        raise typer.BadParameter(f"no area {area_code}")
    try:
        yield Keeper(settings, engine, clock, area)
    except (WarningRefused, Problem) as refused:
        problem = refused.problem if isinstance(refused, WarningRefused) else refused
        typer.echo(sentence(f"error.{problem.code}", "en", **problem.params), err=True)
        raise typer.Exit(2) from refused
    finally:
        engine.dispose()
