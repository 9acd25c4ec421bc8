"""The demo's processes: started with a log each, watched, and stopped in order."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""Where the packages and ``deploy/`` are."""

GRACE_S = 6.0
"""How long a process may take to leave before it is killed."""

_LOG_LIMIT_BYTES = 5_000_000


@dataclass(slots=True)
class Child:
    """One process, in a group of its own: Ctrl-C in the terminal reaches us alone, and we stop them in order.

    Attributes:
        name: As the demo speaks of it; its log is named so.
        command: The program and its arguments.
        log: Where its output goes; begun anew when it has grown large.
        environment: Added to ours.
        essential: Whether the demo ends with it.
    """

    name: str
    command: list[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    essential: bool = False
    _process: subprocess.Popen[bytes] | None = None

    def start(self, keep_open: int) -> None:
        """Start it, with a descriptor that it shall hold as long as it lives."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT_BYTES:
            self.log.unlink()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
                self.command,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                pass_fds=(keep_open,),
            )

    @property
    def pid(self) -> int | None:
        """Its process id, None before it was started."""
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """How it ended, negative for a signal; None while it runs or before."""
        return self._process.poll() if self._process else None

    def last_lines(self, count: int = 15) -> str:
        """Return the end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


def python(*arguments: str) -> list[str]:
    """Return a command of our own packages."""
    return [sys.executable, "-m", *arguments]


def stop(children: Iterable[Child]) -> None:
    """Ask them all to leave at once, wait, and kill whoever does not, with all that they had started."""
    running = [child._process for child in children if child._process is not None]  # noqa: SLF001
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in running:
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
