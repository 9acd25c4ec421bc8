"""A disk that remembers every write and every flush, so that the power can be cut at any of them afterwards.

An ext4 file system lives on a loop device, the loop device on one file of a FUSE file system, and this
process is that file system. What reaches it is what would reach a card, in order: blocks, and now and then a
demand to flush. A power cut leaves all that was flushed, and of what came after the last flush any part:
the card had it in its cache, and nobody knows what of it was written. This is the way of dm-log-writes,
which this kernel lacks. Root and /dev/fuse are needed; `missing_for_power_cuts` says what is not there.
"""

import ctypes
import ctypes.util
import errno
import os
import random
import shutil
import stat
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from pathlib import Path

from support.far_end import now

SIZE_BYTES = 24 << 20
SECTOR = 4096
_LONGEST_REQUEST = (1 << 20) + 4096

# <linux/fuse.h>, protocol 7.31
_HEADER, _ANSWER = struct.Struct("<IIQQIIII"), struct.Struct("<IiQ")
_ATTRIBUTES = struct.Struct("<6Q10I")
_ENTRY, _ATTRIBUTE_ANSWER = struct.Struct("<4Q2I"), struct.Struct("<Q2I")
_INIT = struct.Struct("<4I2H2I2H8I")
_STATFS = struct.Struct("<5Q10I")
_TRANSFER = struct.Struct("<QQIIQII")
_BIG_WRITES, _MAX_PAGES = 1 << 5, 1 << 22
_ROOT, _FILE, _NAME = 1, 2, b"disk"
_LONG = 3600
"""Seconds for which the kernel need not ask again what the file is: it never changes but in content."""


class _Op(IntEnum):
    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    SETATTR = 4
    OPEN = 14
    READ = 15
    WRITE = 16
    STATFS = 17
    RELEASE = 18
    FSYNC = 20
    FLUSH = 25
    INIT = 26
    OPENDIR = 27
    RELEASEDIR = 29
    INTERRUPT = 36
    DESTROY = 38
    BATCH_FORGET = 42


def missing_for_power_cuts() -> str | None:
    """Return why power cuts cannot be simulated here; None if they can."""
    if os.geteuid() != 0:
        return "only root can mount"
    if not Path("/dev/fuse").exists():
        return "no /dev/fuse"
    absent = [tool for tool in ("losetup", "mkfs.ext4", "mount", "umount") if shutil.which(tool) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


@dataclass(frozen=True)
class Write:
    at: datetime
    offset: int
    content: bytes


@dataclass(frozen=True)
class Flush:
    at: datetime


@dataclass
class RecordingDisk:
    """What was on the disk at first, and all that was done to it since."""

    first: bytes
    log: list[Write | Flush] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.content = bytearray(self.first)

    def after_cut(self, place: int, dice: random.Random) -> bytearray:
        """Return what is left when the power goes just before entry `place` of the log."""
        flushed = max((i for i in range(place) if isinstance(self.log[i], Flush)), default=0)
        image = bytearray(self.first)
        for entry in self.log[:flushed]:
            if isinstance(entry, Write):
                image[entry.offset : entry.offset + len(entry.content)] = entry.content
        # A card with no cache, one that had written nothing yet, and anything between.
        kept = dice.choice((1.0, 0.0, 0.5, 0.8))
        for entry in self.log[flushed:place]:
            if isinstance(entry, Write):
                for start in range(0, len(entry.content), SECTOR):
                    if dice.random() < kept:
                        piece = entry.content[start : start + SECTOR]
                        image[entry.offset + start : entry.offset + start + len(piece)] = piece
        return image

    def unflushed(self, place: int) -> int:
        """Return how many writes before a place had not been flushed."""
        count = 0
        while place > 0 and isinstance(self.log[place - 1], Write):
            place, count = place - 1, count + 1
        return count


@contextmanager
def recording_disk(directory: Path) -> Iterator[tuple[RecordingDisk, Path]]:
    """Mount an empty ext4 file system on a disk that remembers; yield both."""
    below, mounted = directory / "below", directory / "mounted"
    below.mkdir(parents=True)
    disk = RecordingDisk(empty_image(directory / "empty.img").read_bytes())
    server = _Server(disk, below)
    server.start()
    try:
        # Commits each second instead of each five: more of what a cut can hit in as much time.
        with mounted_image(below / _NAME.decode(), mounted, "commit=1"):
            yield disk, mounted
    finally:
        server.stop()


def empty_image(image: Path) -> Path:
    """Make a file with an empty ext4 file system in it."""
    with image.open("wb") as file:
        file.truncate(SIZE_BYTES)
    options = "lazy_itable_init=0,lazy_journal_init=0,nodiscard"
    _run("mkfs.ext4", "-q", "-J", "size=4", "-m", "0", "-E", options, str(image))
    return image


@contextmanager
def mounted_image(image: Path, where: Path, options: str = "") -> Iterator[Path]:
    """Mount an ext4 image; after a power cut the kernel replays its journal here."""
    where.mkdir(exist_ok=True)
    _run("mount", "-t", "ext4", "-o", f"loop,{options}".rstrip(","), str(image), str(where))
    try:
        yield where
    except BaseException:  # a failed test may hold files there
        _run("umount", "--lazy", str(where))
        raise
    _run("umount", str(where))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stderr)


class _Server:
    """A FUSE file system of one file, answered one request after the other."""

    def __init__(self, disk: RecordingDisk, where: Path) -> None:
        self._disk, self._where = disk, where
        self._libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
        self._device = os.open("/dev/fuse", os.O_RDWR)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0"
        arguments = (b"recording", str(self._where).encode(), b"fuse", 0, options.encode())
        assert self._libc.mount(*arguments) == 0, os.strerror(ctypes.get_errno())
        self._thread.start()

    def stop(self) -> None:
        _run("umount", str(self._where))
        self._thread.join(10)
        os.close(self._device)

    def _serve(self) -> None:
        while True:
            try:
                request = os.read(self._device, _LONGEST_REQUEST)
            except OSError as error:
                if error.errno == errno.ENODEV:  # unmounted
                    return
                if error.errno in (errno.EINTR, errno.ENOENT):
                    continue
                raise
            _, opcode, unique, node, *_ = _HEADER.unpack_from(request)
            if opcode in (_Op.FORGET, _Op.BATCH_FORGET, _Op.INTERRUPT):
                continue
            answer = self._answer(opcode, node, request[_HEADER.size :])
            error_number = -answer if isinstance(answer, int) else 0
            body = b"" if isinstance(answer, int) else answer
            os.write(self._device, _ANSWER.pack(_ANSWER.size + len(body), error_number, unique) + body)

    def _answer(self, opcode: int, node: int, body: bytes) -> bytes | int:
        """Return the body of an answer, or the number of an error."""
        answers: dict[int, Callable[[], bytes | int]] = {
            _Op.INIT: lambda: _INIT.pack(
                7, 31, 1 << 17, _BIG_WRITES | _MAX_PAGES, 16, 12, 1 << 17, 1, 32, *[0] * 9
            ),
            _Op.LOOKUP: lambda: self._entry(body),
            _Op.GETATTR: lambda: self._attributes(node),
            _Op.SETATTR: lambda: self._attributes(node),
            _Op.OPEN: lambda: struct.pack("<QII", 0, 0, 0),
            _Op.OPENDIR: lambda: struct.pack("<QII", 0, 0, 0),
            _Op.READ: lambda: self._read(body),
            _Op.WRITE: lambda: self._write(body),
            _Op.FSYNC: self._flush,
            _Op.STATFS: lambda: _STATFS.pack(*[1 << 20] * 3, 9, 9, SECTOR, 255, SECTOR, *[0] * 7),
        }
        if opcode in (_Op.RELEASE, _Op.FLUSH, _Op.RELEASEDIR, _Op.DESTROY):
            return b""
        return answers.get(opcode, lambda: errno.ENOSYS)()

    def _entry(self, body: bytes) -> bytes | int:
        if body.rstrip(b"\0") != _NAME:
            return errno.ENOENT
        return _ENTRY.pack(_FILE, 0, _LONG, _LONG, 0, 0) + _attributes(_FILE)

    def _attributes(self, node: int) -> bytes:
        return _ATTRIBUTE_ANSWER.pack(_LONG, 0, 0) + _attributes(node)

    def _read(self, body: bytes) -> bytes:
        _, offset, size, *_ = _TRANSFER.unpack_from(body)
        return bytes(self._disk.content[offset : offset + size])

    def _flush(self) -> bytes:
        self._disk.log.append(Flush(now()))
        return b""

    def _write(self, body: bytes) -> bytes:
        _, offset, size, *_ = _TRANSFER.unpack_from(body)
        content = body[_TRANSFER.size : _TRANSFER.size + size]
        self._disk.content[offset : offset + size] = content
        self._disk.log.append(Write(now(), offset, content))
        return struct.pack("<II", size, 0)


def _attributes(node: int) -> bytes:
    mode = stat.S_IFDIR | 0o700 if node == _ROOT else stat.S_IFREG | 0o600
    size = SECTOR if node == _ROOT else SIZE_BYTES
    return _ATTRIBUTES.pack(node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, SECTOR, 0)
