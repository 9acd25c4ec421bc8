"""Command line of the demo: ``python -m controller.demo``; ``scripts/demo`` sets up what it needs."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from controller.clock import SystemClock
from controller.demo.children import ROOT
from controller.demo.heard import NothingHeard, sounds, started_at, write_wav
from controller.demo.home import DemoError, Home, forget_settings_of_others
from controller.demo.show import Show
from controller.demo.stopper import AskedToStop, Stopper
from controller.demo.telling import Told
from schedules.zones import DEFAULT_ZONE

app = typer.Typer(
    help="A commune to try LoaCast with, on this machine only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

HOME = ROOT / "var" / "demo"
HomeDir = Annotated[Path, typer.Option("--home", help="Where the demo keeps its things.")]


@app.command()
def run(
    for_s: Annotated[
        float | None,
        typer.Option("--for", min=1, metavar="SECONDS", help="Stop by itself so long after it is ready."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port of the pages; without, 8000 or any that is free."),
    ] = None,
    first_in: Annotated[
        int,
        typer.Option(min=5, max=3600, metavar="SECONDS", help="When something sounds for the first time."),
    ] = 75,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what is there and begin anew.")] = False,
    home_dir: HomeDir = HOME,
) -> None:
    """Start broker, controller and 38 gateways; Ctrl-C stops them all."""
    forget_settings_of_others()
    told, home, stopper = Told(Console(highlight=False)), Home(home_dir.resolve()), Stopper()
    stopper.listen()
    try:
        with home.alone() as lock:
            if fresh:
                home.clear()
            show = Show(home, home.choose_ports(port), SystemClock(), stopper, told, lock)
            try:
                show.prepare()
                sounds_at = show.announce(first_in)
                show.start()
                told.welcome(show.url, home.root, sounds_at=sounds_at, for_s=for_s)
                show.watch(for_s)
            finally:
                with told.busy("Stopping") as done:
                    show.stop()
                    done("Everything has stopped")
    except DemoError as error:
        told.fail(str(error))
        raise typer.Exit(1) from error
    except AskedToStop as asked:
        told.say("Stopped before it was ready.")
        raise typer.Exit(130) from asked


@app.command()
def sound(
    gateway_id: Annotated[str, typer.Argument(help="One of those that sound, such as 31672-002.")],
    out: Annotated[Path, typer.Argument(help="WAV file to write.")],
    everything: Annotated[
        bool, typer.Option("--all", help="All that it ever played, not only the last.")
    ] = False,
    home_dir: HomeDir = HOME,
) -> None:
    """Write what a gateway let sound into a WAV file."""
    try:
        heard = sounds(Home(home_dir).sound(gateway_id))
    except NothingHeard as nothing:
        typer.echo(f"{nothing}; wait for the first broadcast, or choose another gateway", err=True)
        raise typer.Exit(1) from nothing
    chosen = heard if everything else heard[-1:]
    length_s = write_wav(chosen, out)
    for runs in chosen:
        typer.echo(f"sounded at {started_at(runs).astimezone(ZoneInfo(DEFAULT_ZONE)):%Y-%m-%d %H:%M:%S.%f}")
    typer.echo(f"{out}: {length_s:.1f} s")


if __name__ == "__main__":
    app()
