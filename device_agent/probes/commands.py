"""Running another program for its answer, with a limit in time."""

import shutil
import subprocess
from collections.abc import Callable, Sequence

LIMIT_S = 10.0

Run = Callable[[Sequence[str]], str | None]
"""Runs a command and returns what it printed; None if there is no such program.

Raises `OSError` or `subprocess.SubprocessError` when it is there and does not do its work in time.
"""


def run(command: Sequence[str]) -> str | None:
    """Run a program of this box; see `Run`. It speaks English, whatever the box's language is."""
    program = shutil.which(command[0])
    if program is None:
        return None
    done = subprocess.run(  # noqa: S603 - a list of words of ours, no shell
        [program, *command[1:]],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT_S,
        check=True,
        encoding="utf-8",
        errors="replace",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
    )
    return done.stdout
