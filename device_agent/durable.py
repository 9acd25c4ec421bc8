"""Files that a power cut leaves whole: written aside, synced, renamed, and then the directory is synced.

Measured beforehand (architecture.md §5): a rename without the first sync left files of 0 bytes; without the
second one the name itself may be gone. Everything a gateway writes but its journal goes this way, and SQLite
does the same for the journal.
"""

import os
from pathlib import Path


def make_directory(directory: Path) -> None:
    """Make a directory, and those above it, so that their names outlive a power cut; raises `OSError`."""
    missing = [each for each in (directory, *directory.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        sync_directory(each.parent)


def sync_file(path: Path) -> None:
    """Bring a file's bytes to the medium.

    Raises:
        OSError: They may not be there. Linux tells that once: a second try would succeed on the same loss,
            so the bytes have to be written again.
    """
    _sync(path)


def sync_directory(directory: Path) -> None:
    """Bring the names in a directory to the medium; raises `OSError`."""
    _sync(directory)


def rename_synced(source: Path, target: Path) -> None:
    """Give a file whose bytes were synced its name, for good; raises `OSError`."""
    source.replace(target)
    sync_directory(target.parent)


def forget_cached(descriptor: int) -> None:
    """Have the next read of an open file come from the medium, where the system can be asked for that."""
    if hasattr(os, "posix_fadvise"):  # not on macOS
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
