"""Synchrony: the same sound from many players at once, ours and Snapcast's, heard at PulseAudio null sinks.

Each player has a null sink of its own, and each sink's monitor is recorded all the time. What is compared is
where the sound stands in each recording. Both kinds play to the same sinks, in turns, so that a busy machine
is busy for both. Null sinks keep the machine's own time: this shows start and latency, not crystals.
"""

import contextlib
import itertools
import shutil
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from support.choir import Choir, starts_from, voices
from support.far_end import now
from support.media import murmur, opus
from support.sound import normalised_cross_correlation

from tests.bench import snapcast
from tests.bench.processes import cpu_s, rss_mb
from tests.bench.pulse import RATE, Monitors, Pulse

console = Console(stderr=True)
SOUND_MS = 2_000
TURN_S = 8.0
"""In each turn ours sound once, and Snapcast's after them."""

HEARD_S = 2.8
"""How long after the expected beginning is listened."""

THEIR_LATENCY_S = 1.2
"""Snapcast's buffer is a second long, and the pipe to it holds up to a third of one."""

SETTLE_S = 30.0
"""Players at a pole have been running for days. Ten that start on two cores make PulseAudio unsure of its
latencies, and it needs half a minute to be sure again."""

PIECE_FRAMES = RATE // 2
"""What is looked for at once: skew is measured all along the sound, and a gap spoils one piece only."""

LIKE = 0.6
"""Below this it is not what was played: a player ran dry there, or did not sound at all."""


class NothingHeard(RuntimeError):
    """No two players sounded."""


@dataclass
class Rounds:
    """How far apart every two players were, milliseconds, and what a player cost."""

    apart_ms: list[list[float]] = field(default_factory=list)
    pieces: int = 0
    lost: int = 0
    """Pieces of a player that were not heard whole."""
    cpu_percent: float = 0.0
    rss_mb: float = 0.0

    @property
    def all_ms(self) -> list[float]:
        return list(itertools.chain.from_iterable(self.apart_ms))

    @property
    def median_ms(self) -> float:
        return statistics.median(self.all_ms)


@dataclass(frozen=True)
class Stage:
    """What both kinds of players share."""

    pulse: Pulse
    monitors: Monitors
    sinks: list[str]
    sound: NDArray[np.float32]
    rounds: int


def measure(gateways: int, rounds: int, player: str) -> None:
    """Run the benchmark and print it; the last line is ``ratio: N`` where Snapcast is installed.

    Args:
        gateways: How many players of either kind, at least two.
        rounds: How often each plays.
        player: Which output Snapcast uses, ``alsa`` or ``pulse``.
    """
    missing = [name for name in ("pulseaudio", "pactl", "parec") if shutil.which(name) is None]
    if missing:
        raise typer.BadParameter(f"not installed: {', '.join(missing)}")
    sinks = voices(gateways)
    with TemporaryDirectory() as name:
        directory = Path(name)
        pulse = Pulse(directory / "pulse", sinks)
        monitors = Monitors(pulse, sinks)
        try:
            stage = Stage(pulse, monitors, sinks, murmur(SOUND_MS), rounds)
            ours, theirs = _measure(directory, stage, player)
        finally:
            monitors.stop()
            pulse.stop()
    _print(gateways, rounds, ours, theirs)


def _measure(directory: Path, stage: Stage, player: str) -> tuple[Rounds, Rounds | None]:
    with contextlib.ExitStack() as ending:
        server = None
        if snapcast.version() is not None:
            server = snapcast.Snapcast(directory / "snapcast", stage.pulse, stage.sinks, player)
            ending.callback(server.stop)
        with console.status(f"Starting {len(stage.sinks)} gateways"):
            choir = Choir(
                directory / "ours",
                len(stage.sinks),
                opus(stage.sound),
                SOUND_MS,
                lambda sink: ("device", stage.pulse.environment(sink)),
            )
            ending.callback(choir.stop)
            choir.start(one_by_one=True)
            starts = starts_from(now() + timedelta(seconds=SETTLE_S), round(TURN_S * 1_000), stage.rounds)
            began_s = time.monotonic() + SETTLE_S
            choir.plan(starts)
        with console.status(f"Measuring {stage.rounds} rounds"):
            return _rounds(stage, choir, server, began_s)


def _rounds(
    stage: Stage, choir: Choir, server: snapcast.Snapcast | None, began_s: float
) -> tuple[Rounds, Rounds | None]:
    ours, theirs = Rounds(), None if server is None else Rounds()
    _wait_until(began_s)
    with contextlib.ExitStack() as costs:
        pids = [pole.process.pid for pole in choir.poles.values() if pole.process is not None]
        costs.enter_context(_costs(pids, ours))
        if server is not None and theirs is not None:
            costs.enter_context(_costs([process.pid for process in server.processes[1:]], theirs))
        for turn in range(stage.rounds):
            _listen(stage, began_s + turn * TURN_S, ours)
            if server is not None and theirs is not None:
                server.play(stage.sound)
                _listen(stage, time.monotonic() + THEIR_LATENCY_S, theirs)
    return ours, theirs


@contextlib.contextmanager
def _costs(pids: list[int], result: Rounds) -> Iterator[None]:
    """Note what a player costs meanwhile."""
    before, began_s = [cpu_s(pid) for pid in pids], time.monotonic()
    yield
    passed_s = time.monotonic() - began_s
    spent_s = [after - earlier for after, earlier in zip(map(cpu_s, pids), before, strict=True)]
    result.cpu_percent = statistics.median(spent_s) / passed_s * 100
    result.rss_mb = statistics.median(rss_mb(pid) for pid in pids)


def _listen(stage: Stage, about_s: float, result: Rounds) -> None:
    """Hear one round that begins about this instant, and note how far apart the players were."""
    _wait_until(about_s + HEARD_S + 0.1)
    heard = [monitor.between(about_s - 0.5, about_s + HEARD_S) for monitor in stage.monitors.of.values()]
    apart_ms: list[float] = []
    for first in range(0, len(stage.sound), PIECE_FRAMES):
        piece, began_s = stage.sound[first : first + PIECE_FRAMES], []
        for samples, first_s in heard:
            like, lag = normalised_cross_correlation(samples, piece)
            result.pieces += 1
            if like < LIKE:
                result.lost += 1
            else:
                began_s.append(first_s + lag / RATE)
        apart_ms += [abs(one - other) * 1_000 for one, other in itertools.combinations(began_s, 2)]
    if not apart_ms:
        raise NothingHeard("no two players sounded")
    result.apart_ms.append(apart_ms)


def _wait_until(at_s: float) -> None:
    time.sleep(max(0.0, at_s - time.monotonic()))  # noqa: TID251 - what is heard has no event


def _print(gateways: int, rounds: int, ours: Rounds, theirs: Rounds | None) -> None:
    table = Table(
        title=f"{gateways} players, {rounds} rounds: milliseconds between every two",
        caption=f"Lost: pieces of {PIECE_FRAMES / RATE:g} s that a player did not let hear whole. "
        "CPU: of one core, for one player.",
    )
    for heading in ("", "median", "best round", "p99", "most", "lost", "CPU %", "RSS MB"):
        table.add_column(heading, justify="right" if heading else "left")
    named = {"ours": ours} | ({f"Snapcast {snapcast.version()}": theirs} if theirs is not None else {})
    for name, result in named.items():
        table.add_row(
            name,
            f"{result.median_ms:.3f}",
            f"{min(map(statistics.median, result.apart_ms)):.3f}",
            f"{np.percentile(result.all_ms, 99):.3f}",
            f"{max(result.all_ms):.3f}",
            f"{result.lost} of {result.pieces}",
            f"{result.cpu_percent:.1f}",
            f"{result.rss_mb:.0f}",
        )
    Console().print(table)
    line = f"sync gateways={gateways} rounds={rounds}"
    line += f" ours_ms={ours.median_ms:.3f} ours_max_ms={max(ours.all_ms):.3f}"
    if theirs is None:
        typer.echo(line)
        typer.echo("Snapcast is not installed (Debian: snapserver, snapclient): no ratio")
        return
    typer.echo(f"{line} snapcast_ms={theirs.median_ms:.3f} snapcast_max_ms={max(theirs.all_ms):.3f}")
    typer.echo(f"ratio: {ours.median_ms / theirs.median_ms:.2f}")
