"""What other processes cost, from /proc, and how to talk to the fleet."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Return the processor seconds, user and system, that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process, MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


class FleetProcess:
    """The simulated gateways, in a process of their own."""

    def __init__(self, description: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.fleet"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for us to hear; it ends when its stdin does
        )
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(description) + "\n")
        self._process.stdin.flush()

    def wait_for(
        self,
        event: str,
        timeout_s: float,
        passing: Callable[[dict[str, Any]], None] = lambda _: None,
        **what: object,
    ) -> dict[str, Any]:
        """Return the next event of this kind with these values; others are told to `passing`."""
        while True:
            got = self._events.get(timeout=timeout_s)
            if got["event"] == event and all(got[key] == value for key, value in what.items()):
                return got
            if got["event"] == "ended":
                raise RuntimeError("the simulated gateways have died")
            passing(got)

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.terminate()
        self._process.wait(10)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._events.put(json.loads(line))
        self._events.put({"event": "ended"})
