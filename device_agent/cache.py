"""Clips on disk, each named by its hash. A file under its name is whole: it got the name after an fsync.

Without that order of things a power cut leaves 0-byte files (architecture.md §5). Bytes may still rot, so a
clip counts as here only after its hash was checked since the start, and it is checked again from time to
time. A disk that refuses to delete or to date a file hinders nobody from playing what is whole.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from device_agent.durable import forget_cached, make_directory, rename_synced, sync_file

FREE_BYTES = 32 * 1000**2
"""Left free on the disk whatever the budget says: clips must never take the journal's room."""

SHARE_FREE = 20
"""On a small disk one part in so many is left free instead, if that is less."""

_NAME = re.compile(r"[0-9a-f]{64}")
_PIECE = 1 << 20


class CorruptClip(ValueError):
    """What was fetched, or what lay on disk, is not what its name says; it has been deleted if possible."""


class CacheFull(OSError):
    """No clip can be given up for the one that is needed: all of them are needed too."""


class Cache:
    """One directory of clips.

    Args:
        directory: Made if missing; if the disk refuses that now, before the first clip is gathered.
        budget_bytes: Least recently used clips that nobody needs go when this is reached.
        free_bytes: They go as well when less than this would stay free on the disk.
    """

    def __init__(self, directory: Path, budget_bytes: int, *, free_bytes: int = FREE_BYTES) -> None:
        self._directory = directory
        self._budget_bytes = budget_bytes
        self._free_bytes = free_bytes
        with suppress(OSError):
            make_directory(directory)

    def path(self, sha256: str) -> Path:
        """Return where the clip is, or would be."""
        return self._directory / sha256

    def partial(self, sha256: str) -> Path:
        """Return where a clip is gathered while it is fetched; it survives restarts."""
        return self._directory / f"{sha256}.part"

    def names(self) -> tuple[str, ...]:
        """Return the clips that lie here, checked or not."""
        try:
            return tuple(path.name for path in self._directory.iterdir() if _NAME.fullmatch(path.name))
        except FileNotFoundError:
            return ()

    def check(self, sha256: str) -> None:
        """Read the clip from the medium and compare.

        Raises:
            CorruptClip: It was not what its name says, or could not be read; now it is gone, unless the
                disk refuses even that.
        """
        path = self.path(sha256)
        try:
            found = _hash(path)
        except OSError as error:
            self.discard(sha256)
            raise CorruptClip(f"{sha256}: {error.strerror}") from error
        if found != sha256:
            self.discard(sha256)
            raise CorruptClip(f"{sha256}: damaged on the disk")

    def admit(self, sha256: str) -> None:
        """Give a gathered clip its name, if what came to the medium has the right hash.

        Raises:
            CorruptClip: It has not; what was gathered is gone, so that the next attempt begins at zero.
            OSError: The disk refuses; what was gathered may be lost, so it is given up too.
        """
        partial = self.partial(sha256)
        try:
            sync_file(partial)
        except OSError:
            # The kernel tells of lost bytes once and then calls them clean: never ask a second time.
            _delete(partial)
            raise
        if _hash(partial) != sha256:
            _delete(partial)
            raise CorruptClip(f"{sha256}: other bytes came")
        rename_synced(partial, self.path(sha256))

    def discard(self, sha256: str) -> None:
        """Delete a clip, if the disk lets us."""
        _delete(self.path(sha256))

    def used(self, sha256s: Iterable[str]) -> None:
        """Note that these are needed, for the order in which others are given up."""
        for sha256 in sha256s:
            with suppress(OSError):
                os.utime(self.path(sha256))

    def make_room(self, size_bytes: int, needed: Collection[str]) -> tuple[str, ...]:
        """Delete least recently used clips that are not needed until so many bytes fit.

        Returns:
            What was deleted.

        Raises:
            CacheFull: Not enough can be deleted; then nothing is.
            OSError: The disk refuses.
        """
        make_directory(self._directory)
        files = {path.name: path.stat() for path in self._directory.iterdir()}
        over_budget = sum(stat.st_size for stat in files.values()) + size_bytes - self._budget_bytes
        disk = shutil.disk_usage(self._directory)
        over_disk = min(self._free_bytes, disk.total // SHARE_FREE) + size_bytes - disk.free
        excess = max(over_budget, over_disk)
        spare = sorted(files.keys() - {part for name in needed for part in (name, f"{name}.part")})
        going: list[str] = []
        for name in sorted(spare, key=lambda name: files[name].st_mtime_ns):
            if excess <= 0:
                break
            going.append(name)
            excess -= files[name].st_size
        if excess > 0:
            what = "the budget" if over_budget >= over_disk else "what the disk has"
            raise CacheFull(f"{excess} bytes over {what} with only needed clips left")
        for name in going:
            (self._directory / name).unlink(missing_ok=True)
        return tuple(going)


def _delete(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        forget_cached(file.fileno())
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
