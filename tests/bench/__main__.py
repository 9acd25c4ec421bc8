"""Benchmarks: ``python -m tests.bench --help``. They print figures beside a baseline, and judge nothing."""

import sys
from pathlib import Path
from typing import Annotated

sys.path.insert(0, str(Path(__file__).parents[1]))

import typer

from tests.bench import cut as cutting
from tests.bench import emergency as warning
from tests.bench import fanout as fanning
from tests.bench import gateway as single
from tests.bench import live as speaking
from tests.bench import sync as synchrony

app = typer.Typer(help="Benchmarks of LoaCast, each beside a baseline of the same run.", no_args_is_help=True)


@app.command()
def fanout(
    gateways: Annotated[int, typer.Option(min=1, max=19_000, help="How many simulated gateways.")] = 1000,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds; medians are printed.")] = 5,
) -> None:
    """Time "play now" to many gateways: press, last order received, last report committed."""
    fanning.measure(gateways, rounds)


@app.command()
def emergency(
    real: Annotated[int, typer.Option(min=0, max=8, help="How many gateways that render sound.")] = 8,
    light: Annotated[int, typer.Option(min=0, max=400, help="How many light gateways.")] = 0,
    simulated: Annotated[int, typer.Option(min=0, max=19_000, help="How many simulated ones.")] = 1000,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="How often the button is pressed.")] = 5,
    *,
    three_g: Annotated[
        bool,
        typer.Option("--3g", help="Light gateways only, behind a narrow, slow and lossy line; needs root."),
    ] = False,
) -> None:
    """Time an emergency: from the press to the first sample at each gateway."""
    warning.measure(real, light, simulated, rounds, three_g=three_g)


@app.command()
def sync(
    gateways: Annotated[int, typer.Option(min=2, max=30, help="How many players of either kind.")] = 10,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="How often each plays.")] = 5,
    player: Annotated[str, typer.Option(help="Output of Snapcast's clients: alsa or pulse.")] = "alsa",
) -> None:
    """Let many gateways sound at once, and as many Snapcast clients; print how far apart they were."""
    synchrony.measure(gateways, rounds, player)


@app.command()
def live(
    gateways: Annotated[int, typer.Option(min=1, max=8, help="How many gateways that render sound.")] = 8,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="How often the button is pressed.")] = 20,
) -> None:
    """Time a live voice: press to first sample, and mouth to horn, on good lines and poor ones."""
    speaking.measure(gateways, rounds)


@app.command()
def gateway(
    seconds: Annotated[int, typer.Option(min=3, max=600, help="Watched so long idle, and playing.")] = 20,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Runs; medians are printed.")] = 3,
    sink: Annotated[str | None, typer.Option(help="As the agent's; without, sound goes to a file.")] = None,
    through_pulse: Annotated[bool, typer.Option(help="Sound goes to a null sink of PulseAudio.")] = False,
) -> None:
    """Measure what one gateway costs: memory, processor, time from start to ready."""
    single.measure(seconds, rounds, "device" if through_pulse else sink, through_pulse=through_pulse)


@app.command()
def cut(
    rounds: Annotated[int, typer.Option(min=1, max=500, help="How often a sound is cut off.")] = 20,
) -> None:
    """Let an emergency cut off what sounds through PulseAudio: from the order to the fade."""
    cutting.measure(rounds)


if __name__ == "__main__":
    app()
