"""Options of commands, each of which may come from the environment or from what ``install`` wrote."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SETTINGS_FILE = Path("/etc/loacast/agent.env")
"""``NAME=value`` lines, read by the service as well (systemd.exec(5), EnvironmentFile=)."""

Do = Callable[[argparse.Namespace], int]


class Options:
    """Adds commands to a parser.

    Args:
        commands: Where they go.
        environment: Values of options that are not given.
    """

    def __init__(
        self,
        commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
        environment: Mapping[str, str],
    ) -> None:
        self._commands = commands
        self._environment = environment

    def command(self, name: str, do: Do, help_text: str) -> argparse.ArgumentParser:
        """Add a command that `do` carries out and returns the exit code of."""
        command = self._commands.add_parser(name, help=help_text, description=help_text)
        command.set_defaults(do=do)
        return command

    def add(
        self,
        command: argparse.ArgumentParser,
        flag: str,
        variable: str,
        help_text: str,
        *,
        kind: Callable[[str], Any] = str,
        default: str | None = None,
    ) -> None:
        """Add an option with a value; without a default it has to come from somewhere.

        Args:
            command: Whose option it is.
            flag: ``--like-this``.
            variable: Of the environment.
            help_text: Begins small, ends without a full stop.
            kind: Makes the value from its text.
            default: As text; `kind` reads it too.
        """
        value = self._environment.get(variable, default)
        command.add_argument(
            flag, type=kind, default=value, required=value is None, help=f"{help_text} [{variable}]"
        )

    def credential(self, command: argparse.ArgumentParser) -> None:
        """Add the gateway's credential."""
        self.add(
            command,
            "--credential",
            "LOACAST_AGENT_CREDENTIAL",
            "file that the controller wrote for this gateway",
            kind=Path,
        )

    def state_dir(self, command: argparse.ArgumentParser) -> None:
        """Add the directory of the journal and the clips."""
        self.add(
            command,
            "--state-dir",
            "LOACAST_AGENT_STATE_DIR",
            "directory of the journal and the clips; made if missing",
            kind=Path,
        )

    def sink(self, command: argparse.ArgumentParser) -> None:
        """Add the sound device."""
        self.add(
            command,
            "--sink",
            "LOACAST_AGENT_SINK",
            "where sound goes: device, device:NAME, or file:DIR to record what would have sounded",
            default="device",
        )


def whole_number(lowest: int) -> Callable[[str], int | None]:
    """Return what reads a whole number of at least `lowest`; an empty text is none."""

    def read(text: str) -> int | None:
        if not text:
            return None
        if not text.isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {lowest} or more")
        return int(text)

    return read


def settings_of_this_box(path: Path = SETTINGS_FILE) -> dict[str, str]:
    """Return what ``install`` wrote down, so that the other commands find what the service uses."""
    try:
        lines = path.read_text().splitlines()
    except OSError:  # not installed, or not for us to read: then the options have to be given
        return {}
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}
