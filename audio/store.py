"""Keep clips by the SHA-256 of their bytes: written once, whole or not at all, and never changed.

A clip is complete before it has its name: written beside, flushed to the disk, renamed, and the folder
flushed too. Without the last step a rename survives a power cut only sometimes (a rename without any
flush left files of 0 bytes when it was tried).
"""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import BinaryIO

from audio.errors import ClipCorrupt, ClipMissing
from audio.formats import CLIP_SUFFIX

_NAME = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES = 65_536
_UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class StoredClip:
    """A clip that is safely on the disk.

    Attributes:
        sha256: Its name, 64 lower-case hexadecimal digits.
        size_bytes: Its size.
    """

    sha256: str
    size_bytes: int


class ClipStore:
    """Clips in folders by the first two digits of their names, so that no folder grows huge.

    Args:
        root: Where they live, made if missing; one file system, and nothing else in it. Several processes
            may use it at once.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._unfinished = root / _UNFINISHED
        self._unfinished.mkdir(parents=True, exist_ok=True)

    def put(self, source: Path) -> StoredClip:
        """Copy a file into the store. Putting the same bytes again changes nothing and repairs damage.

        Raises:
            OSError: The source cannot be read or the disk is full; the store is then as it was.
        """
        with source.open("rb") as file, _unfinished_file(self._unfinished) as (copy, path):
            name = hashlib.sha256()
            while chunk := file.read(_CHUNK_BYTES):
                name.update(chunk)
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
            stored = StoredClip(name.hexdigest(), copy.tell())
            if not self._is_whole(stored.sha256):
                self._name(path, self._path(stored.sha256))
        return stored

    def size_bytes(self, sha256: str) -> int:
        """Return the size of a clip.

        Raises:
            ClipMissing: It is not here.
            ValueError: That is no SHA-256.
        """
        try:
            return self._path(sha256).stat().st_size
        except FileNotFoundError:
            raise ClipMissing(sha256) from None

    def open_range(self, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Return the bytes from `start` up to but not including `end`, in chunks of at most 64 KiB.

        Args:
            sha256: The clip.
            start: First byte, counted from 0.
            end: First byte that is not wanted any more, at most the size; None for all that follow.

        Raises:
            ClipMissing: It is not here. Raised by the call and not by the first chunk, so that an answer
                can still become a 404.
            ValueError: That is no SHA-256, or no range within the clip.
        """
        size = self.size_bytes(sha256)
        end = size if end is None else end
        if not 0 <= start <= end <= size:
            raise ValueError(f"no range within {size} bytes: {start} to {end}")
        return self._chunks(self._path(sha256), start, end)

    def verify(self, sha256: str) -> None:
        """Read a clip and check its bytes against its name.

        Raises:
            ClipMissing: It is not here.
            ClipCorrupt: Its bytes have changed.
            ValueError: That is no SHA-256.
        """
        self.size_bytes(sha256)
        if not self._is_whole(sha256):
            raise ClipCorrupt(sha256)

    def delete(self, sha256: str) -> None:
        """Remove a clip; one that is not here is already as wanted. A reader that has it open goes on.

        Raises:
            ValueError: That is no SHA-256.
        """
        path = self._path(sha256)
        path.unlink(missing_ok=True)
        if path.parent.exists():
            _flush_folder(path.parent)

    def names(self) -> Iterator[str]:
        """Yield the SHA-256 of every clip, in no order."""
        for path in self._root.glob(f"[0-9a-f][0-9a-f]/*{CLIP_SUFFIX}"):
            yield path.stem

    def sweep(self) -> int:
        """Remove what a crash left half-written and return how many files that were.

        For start-up, before anything puts: it cannot tell a leftover from a copy in progress.
        """
        leftovers = list(self._unfinished.iterdir())
        for each in leftovers:
            each.unlink()
        return len(leftovers)

    def _path(self, sha256: str) -> Path:
        """Return where a clip lies; whatever is no SHA-256, "../x" included, never becomes a path."""
        if _NAME.fullmatch(sha256) is None:
            raise ValueError("a clip is named by 64 lower-case hexadecimal digits")
        return self._root / sha256[:2] / f"{sha256}{CLIP_SUFFIX}"

    def _name(self, copy: Path, path: Path) -> None:
        if not path.parent.exists():
            path.parent.mkdir(exist_ok=True)
            _flush_folder(self._root)
        copy.replace(path)
        _flush_folder(path.parent)

    def _is_whole(self, sha256: str) -> bool:
        try:
            with self._path(sha256).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except FileNotFoundError:
            return False

    @staticmethod
    def _chunks(path: Path, start: int, end: int) -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(start)
            while start < end and (chunk := file.read(min(_CHUNK_BYTES, end - start))):
                start += len(chunk)
                yield chunk


@contextmanager
def _unfinished_file(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Open a file under a name that nobody looks for; gone at the end unless it was renamed."""
    descriptor, name = mkstemp(dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
