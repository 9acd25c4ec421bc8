"""What the agent asks of its own process before anything large is loaded: little memory, plain words.

A pole's box has 512 MB. What it saves was measured with ``python -m tests.bench gateway``.
"""

import ctypes
import faulthandler
import os
import sys

M_ARENA_MAX = -8
"""mallopt(3)."""


def keep_small() -> None:
    """Call it before structlog and numpy are imported; afterwards it saves less.

    Not in a process that is shared with others, such as a test's.
    """
    # structlog loads rich to draw tracebacks in colour, which nobody sees in a journal: 3.5 MB where a server
    # is installed beside us. None here makes that import fail, as it does on a pole, which has no rich.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    # numpy's OpenBLAS starts a thread for each core; we multiply blocks of 20 ms, never large matrices.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # glibc gives each thread a heap of its own and seldom returns any of it: 0.7 MB.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # no such call on macOS or musl
        mallopt(M_ARENA_MAX, 1)


def tell_where_it_hangs() -> None:
    """On SIGABRT, which is the watchdog's, and on a crash in native code, write where each thread stood."""
    faulthandler.enable()
