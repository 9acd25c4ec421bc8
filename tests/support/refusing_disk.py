"""Disks that refuse: too small, read-only, or with every call of a kind failing."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.eventually import eventually


def missing(*tools: str) -> str | None:
    """Return why such disks cannot be made here; None if they can."""
    if os.geteuid() != 0:
        return "only root can mount, and trace what others do"
    absent = [tool for tool in tools if shutil.which(tool) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


class SmallDisk:
    """A tmpfs that can be filled to the last page."""

    def __init__(self, where: Path, size: str) -> None:
        self.where = where
        where.mkdir(parents=True)
        _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(where))

    def fill(self) -> None:
        """Take all that is left."""
        with (self.where / "filler").open("wb", buffering=0) as file:
            for size in (1 << 16, 1 << 12):
                try:
                    while file.write(b"x" * size) == size:
                        pass
                except OSError:
                    continue

    def empty(self) -> None:
        """Give it back."""
        (self.where / "filler").unlink()

    def close(self) -> None:
        _run("umount", "--lazy", str(self.where))


@contextmanager
def failing(pid: int, calls: str, error: str) -> Iterator[None]:
    """Let system calls of a running process fail; `calls` and `error` as strace names them."""
    tracing = subprocess.Popen(
        ["strace", "-f", "-p", str(pid), "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: all_traced(pid, tracing.pid), 10, "strace has every thread")
        yield
    finally:
        tracing.send_signal(signal.SIGINT)
        tracing.wait(10)


def all_traced(pid: int, tracer: int) -> bool:
    """Whether every thread of a process is in the hands of a tracer."""
    states = [(task / "status").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return all(f"TracerPid:\t{tracer}\n" in state for state in states)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stderr)
