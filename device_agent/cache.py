"""Clips on disk, each named by its hash. A file under its name is whole: it got the name after an fsync.

Without that order of things a power cut leaves 0-byte files (architecture.md §5). Bytes may still rot, so a
clip counts as here only after its hash was checked once since the start.
"""

import hashlib
import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{64}")
_PIECE = 1 << 20


class CorruptClip(ValueError):
    """What was fetched, or what lay on disk, is not what its name says; it has been deleted."""


class CacheFull(OSError):
    """No clip can be given up for the one that is needed: all of them are needed too."""


class Cache:
    """One directory of clips.

    Args:
        directory: Made if missing.
        budget_bytes: Least recently used clips that no item needs go when this is reached.
    """

    def __init__(self, directory: Path, budget_bytes: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._budget_bytes = budget_bytes

    def path(self, sha256: str) -> Path:
        """Return where the clip is, or would be."""
        return self._directory / sha256

    def partial(self, sha256: str) -> Path:
        """Return where a clip is gathered while it is fetched; it survives restarts."""
        return self._directory / f"{sha256}.part"

    def names(self) -> tuple[str, ...]:
        """Return the clips that lie here, checked or not."""
        return tuple(path.name for path in self._directory.iterdir() if _NAME.fullmatch(path.name))

    def check(self, sha256: str) -> None:
        """Read the clip and compare.

        Raises:
            CorruptClip: It was not what its name says; now it is gone.
        """
        path = self.path(sha256)
        if _hash(path) != sha256:
            path.unlink(missing_ok=True)
            raise CorruptClip(sha256)

    def admit(self, sha256: str) -> None:
        """Give a gathered clip its name, if its hash is right.

        Raises:
            CorruptClip: It is not; what was gathered is gone, so that the next attempt begins at zero.
        """
        partial = self.partial(sha256)
        if _hash(partial) != sha256:
            partial.unlink(missing_ok=True)
            raise CorruptClip(sha256)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(self.path(sha256))
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def discard(self, sha256: str) -> None:
        """Delete a clip."""
        self.path(sha256).unlink(missing_ok=True)

    def used(self, sha256s: Iterable[str]) -> None:
        """Note that these are needed, for the order in which others are given up."""
        for sha256 in sha256s:
            if self.path(sha256).exists():
                os.utime(self.path(sha256))

    def make_room(self, size_bytes: int, needed: Collection[str]) -> tuple[str, ...]:
        """Delete least recently used clips that are not needed until so many bytes fit.

        Returns:
            What was deleted.

        Raises:
            CacheFull: Not enough can be deleted; then nothing is.
        """
        files = {path.name: path.stat() for path in self._directory.iterdir()}
        excess = sum(stat.st_size for stat in files.values()) + size_bytes - self._budget_bytes
        spare = sorted(files.keys() - {part for name in needed for part in (name, f"{name}.part")})
        going: list[str] = []
        for name in sorted(spare, key=lambda name: files[name].st_mtime_ns):
            if excess <= 0:
                break
            going.append(name)
            excess -= files[name].st_size
        if excess > 0:
            raise CacheFull(f"{excess} bytes over the budget with only needed clips left")
        for name in going:
            (self._directory / name).unlink(missing_ok=True)
        return tuple(going)


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
