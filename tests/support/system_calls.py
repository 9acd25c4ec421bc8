"""What a running process asks of its files and sockets, in order, as strace sees it."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.eventually import eventually
from support.refusing_disk import all_traced

CALLS = "openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,sendto,sendmsg"

_LINE = re.compile(r"(?P<thread>\d+) +(?P<name>\w+)\((?P<arguments>.*)")
_OF_DESCRIPTOR = re.compile(r"\d+<(?P<path>[^>]*)>")
_QUOTED = re.compile(r'"(?P<path>[^"]*)"')


@dataclass(frozen=True)
class Call:
    """One call when it was made; `paths` are what it is about."""

    thread: str
    name: str
    paths: tuple[str, ...]
    text: str

    @property
    def makes_file(self) -> bool:
        return self.name == "openat" and "O_CREAT" in self.text

    @property
    def syncs(self) -> bool:
        return self.name in ("fsync", "fdatasync")

    @property
    def renames(self) -> bool:
        return self.name.startswith("rename")

    @property
    def writes(self) -> bool:
        return self.name in ("write", "pwrite64")

    @property
    def sends(self) -> bool:
        return self.name.startswith("send")


@contextmanager
def watched(pid: int, record: Path) -> Iterator[list[Call]]:
    """Watch a process while the block lasts; the list is filled when it ends."""
    calls: list[Call] = []
    tracing = subprocess.Popen(
        ["strace", "-f", "-y", "-p", str(pid), "-o", str(record), "-e", f"trace={CALLS}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: all_traced(pid, tracing.pid), 10, "strace has every thread")
        yield calls
    finally:
        tracing.send_signal(signal.SIGINT)
        tracing.wait(10)
        calls += [call for line in record.read_text().splitlines() if (call := _read(line)) is not None]


def _read(line: str) -> Call | None:
    """Return a call where it begins; where it is told to have ended ("resumed") it was read before."""
    found = _LINE.match(line)
    if found is None:
        return None
    name, arguments = found["name"], found["arguments"]
    # Of what it writes or sends only the descriptor counts: the content may look like anything.
    pattern = _QUOTED if name == "openat" or name.startswith("rename") else _OF_DESCRIPTOR
    paths = [each["path"] for each in pattern.finditer(arguments)]
    if name in ("write", "pwrite64", "sendto", "sendmsg"):
        paths = paths[:1]
    return Call(found["thread"], name, tuple(paths), arguments)
