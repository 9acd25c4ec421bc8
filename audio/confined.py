"""Run another program under limits of time, memory, output and network; no shell, an empty environment."""

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from audio.limits import Bounds

_LAUNCHER = Path(__file__).with_name("_confine.py")
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "1",  # each further arena reserves 64 MB of the address space allowed
}
NOWHERE = subprocess.DEVNULL
"""For `stdin` and `stdout` of `run`."""

_LOG_LINES, _LOG_LINE_CHARACTERS = 400, 2000


@dataclass(frozen=True, slots=True)
class Ending:
    """How a confined program ended.

    Attributes:
        exit_code: As `subprocess` gives it: negative for a signal.
        log: The last lines of its standard error.
        out_of_time: It was killed for its wall or processor time.
        wrote_too_much: It was killed for the size of a file.
    """

    exit_code: int
    log: str
    out_of_time: bool
    wrote_too_much: bool


def run(
    command: Sequence[str],
    *,
    bounds: Bounds,
    stdin: int = NOWHERE,
    stdout: int = NOWHERE,
    pass_fds: Sequence[int] = (),
    on_line: Callable[[str], bool] | None = None,
) -> Ending:
    """Run a command to its end, or kill it at the first bound it meets.

    Args:
        command: Absolute path of the program, then its arguments.
        bounds: What it may use.
        stdin: Descriptor it reads from; nothing by default.
        stdout: Descriptor it writes to; nothing by default.
        pass_fds: Further descriptors it keeps, under the same numbers.
        on_line: Sees each line of standard error; one for which it returns True is not kept in the log.
    """
    launch = (sys.executable, "-I", "-S", "-B", str(_LAUNCHER))
    limits = (str(bounds.cpu_s), str(bounds.address_space_bytes), str(bounds.output_bytes))
    late = threading.Event()
    lines: deque[str] = deque(maxlen=_LOG_LINES)
    with subprocess.Popen(  # noqa: S603 - a list, no shell; the program is one we chose
        [*launch, *limits, *command],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        pass_fds=tuple(pass_fds),
        env=_ENVIRONMENT,
        cwd=os.sep,
        start_new_session=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:

        def give_up() -> None:
            late.set()
            process.kill()

        watchdog = threading.Timer(bounds.wall_ms / 1000, give_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            assert process.stderr is not None  # noqa: S101 - asked for above; mypy cannot know
            while line := process.stderr.readline(_LOG_LINE_CHARACTERS):
                if on_line is None or not on_line(line):
                    lines.append(line)
            exit_code = process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            watchdog.cancel()
    return Ending(
        exit_code=exit_code,
        log="".join(lines),
        out_of_time=late.is_set() or exit_code == -signal.SIGXCPU,
        wrote_too_much=exit_code == -signal.SIGXFSZ,
    )
