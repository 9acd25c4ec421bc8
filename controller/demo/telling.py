"""What the demo prints: progress on the way, a welcome when it is there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from controller.demo.home import QUIET_HOURS
from controller.demo.people import PASSWORD, PEOPLE
from controller.demo.places import DEAD
from controller.demo.week import WELCOME
from schedules.zones import DEFAULT_ZONE


class Told:
    """Says what goes on, one line for each thing that is done."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def busy(self, what: str) -> Iterator[Callable[[str], None]]:
        """Show that something is going on; the callable given replaces the sentence for when it is done."""
        sentences = [what]
        with self._console.status(f"{what} …"):
            yield sentences.append
        self._done(sentences[-1])

    @contextmanager
    def counting(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """Show how many of how many are done."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        unseen = not self._console.is_terminal
        with Progress(*columns, console=self._console, transient=True, disable=unseen) as progress:
            task = progress.add_task(what)
            yield lambda done, total: progress.update(task, completed=done, total=total)
        self._done(what)

    def warn(self, sentence: str) -> None:
        """Say what went wrong, in full."""
        self._console.print(Text(f"! {sentence}", style="yellow"))

    def fail(self, sentence: str) -> None:
        """Say why it ends."""
        self._console.print(Text(f"✗ {sentence}", style="bold red"))

    def say(self, sentence: str) -> None:
        """Say something."""
        self._console.print(Text(sentence))

    def welcome(self, url: str, root: Path, *, sounds_at: datetime | None, for_s: float | None) -> None:
        """Print where it is, who logs in and what to try."""
        end = "Ctrl-C stops everything." if for_s is None else f"It stops by itself after {for_s:g} s."
        self._console.print(
            Panel(
                Group(
                    Text.assemble(
                        "Open ", (url, "bold underline"), ", log in with the password ", _bold(PASSWORD)
                    ),
                    Padding(_people(), (1, 0, 1, 2)),
                    _to_try(root, sounds_at),
                    Text(""),
                    Text(f"State and logs are in {root}; begin anew with --fresh. {end}", style="dim"),
                ),
                title="LoaCast demo · ready",
                border_style="green",
                expand=False,
            )
        )

    def _done(self, sentence: str) -> None:
        self._console.print(Text.assemble(("✓ ", "green"), sentence))


def _bold(text: str) -> tuple[str, str]:
    return text, "bold"


def _people() -> Table:
    table = Table.grid(padding=(0, 2))
    for person in PEOPLE:
        table.add_row(Text(person.username, style="bold"), person.name, Text(person.what, style="dim"))
    return table


def _to_try(root: Path, sounds_at: datetime | None) -> Table:
    table = Table.grid(padding=(0, 1))
    for step in _steps(root, sounds_at):
        table.add_row("•", step)
    return table


def _steps(root: Path, sounds_at: datetime | None) -> Iterator[Text]:
    if sounds_at is None:
        yield Text(
            f"The quiet hours of the demo ({QUIET_HOURS}) are on: nothing but an emergency may sound now."
        )
    else:
        local = sounds_at.astimezone(ZoneInfo(DEFAULT_ZONE))
        yield Text.assemble(
            "As officer, watch “",
            WELCOME.title,
            "” sound on the eight poles of Đại Ân 2 at ",
            _bold(f"{local:%H:%M:%S}"),
            " Vietnamese time.",
        )
        yield Text.assemble(
            "Hear it afterwards: ",
            _bold(".venv/bin/python -m controller.demo sound 31672-002 heard.wav"),
            f" (recorded in {root}/gateways/31672-002/sound)",
        )
    yield Text("As officer, write a bulletin, choose two hamlets, play it now or in half a minute.")
    yield Text("As neighbour, try the same for Đại Ân 2: it is refused, in words.")
    yield Text("As monitor, look at the fleet of 38; find the one that never came online.")
    yield Text(
        f"{DEAD} is enrolled and was never started: "
        "what is sent to it ends as “unknown” or expired, never as played."
    )
    yield Text(
        f"Quiet hours are {QUIET_HOURS} here instead of 21:00-05:00, so that it can be tried at any hour. "
        "Relays of radio stations are not built yet: short bulletins stand in their slots.",
        style="dim",
    )
