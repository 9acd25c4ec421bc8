import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audio.errors import ClipCorrupt, ClipMissing
from audio.store import ClipStore

ROOT = Path(__file__).parents[3]
CONTENT = bytes(range(256)) * 1000
NAME = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> ClipStore:
    return ClipStore(tmp_path / "clips")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.opus"
    path.write_bytes(CONTENT)
    return path


def file_of(tmp_path: Path, name: str = NAME) -> Path:
    return tmp_path / "clips" / name[:2] / f"{name}.opus"


def test_a_clip_is_kept_by_the_hash_of_its_bytes(store: ClipStore, clip: Path, tmp_path: Path) -> None:
    stored = store.put(clip)
    assert (stored.sha256, stored.size_bytes) == (NAME, len(CONTENT))
    assert file_of(tmp_path).read_bytes() == CONTENT
    assert list(store.names()) == [NAME]
    store.verify(NAME)


def test_putting_it_again_changes_nothing(store: ClipStore, clip: Path, tmp_path: Path) -> None:
    first = store.put(clip)
    written = file_of(tmp_path).stat()
    assert store.put(clip) == first
    assert file_of(tmp_path).stat().st_ino == written.st_ino
    assert list((tmp_path / "clips" / "unfinished").iterdir()) == []


def test_a_clip_is_still_there_for_another_store_on_the_same_folder(
    store: ClipStore, clip: Path, tmp_path: Path
) -> None:
    store.put(clip)
    assert b"".join(ClipStore(tmp_path / "clips").open_range(NAME)) == CONTENT


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(CONTENT)), st.integers(0, len(CONTENT)))
def test_any_range_is_that_part_of_the_bytes(store: ClipStore, clip: Path, one: int, other: int) -> None:
    store.put(clip)
    start, end = sorted((one, other))
    chunks = list(store.open_range(NAME, start, end))
    assert b"".join(chunks) == CONTENT[start:end]
    assert all(0 < len(chunk) <= 65_536 for chunk in chunks)


@pytest.mark.parametrize(
    ("start", "end"), [(-1, None), (5, 4), (0, len(CONTENT) + 1), (len(CONTENT) + 1, None)]
)
def test_a_range_outside_the_clip_is_an_error(
    start: int, end: int | None, store: ClipStore, clip: Path
) -> None:
    store.put(clip)
    with pytest.raises(ValueError, match="no range"):
        store.open_range(NAME, start, end)


def test_a_clip_that_is_not_here_is_missing_at_the_call(store: ClipStore) -> None:
    for ask in (store.open_range, store.size_bytes, store.verify):
        with pytest.raises(ClipMissing):
            ask(NAME)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../../etc/passwd",
        "a" * 63,
        "a" * 65,
        "A" * 64,
        "../" + "a" * 61,
        "a" * 64 + "\n",
        "/" + "a" * 63,
        "٣" * 64,
    ],
)
def test_what_is_no_hash_never_becomes_a_path(name: str, store: ClipStore) -> None:
    for ask in (store.open_range, store.size_bytes, store.verify, store.delete):
        with pytest.raises(ValueError, match="hexadecimal"):
            ask(name)


@pytest.mark.parametrize("damage", [b"", CONTENT[:-1], CONTENT[:-1] + b"x"])
def test_damage_is_found_and_mended_by_putting_it_again(
    damage: bytes, store: ClipStore, clip: Path, tmp_path: Path
) -> None:
    store.put(clip)
    file_of(tmp_path).write_bytes(damage)
    with pytest.raises(ClipCorrupt):
        store.verify(NAME)
    store.put(clip)
    store.verify(NAME)


def test_a_deleted_clip_is_gone_and_deleting_it_again_is_fine(store: ClipStore, clip: Path) -> None:
    store.put(clip)
    store.delete(NAME)
    store.delete(NAME)
    assert list(store.names()) == []


def test_a_reader_goes_on_while_the_clip_is_deleted(store: ClipStore, clip: Path) -> None:
    store.put(clip)
    reading = store.open_range(NAME)
    beginning = next(reading)
    store.delete(NAME)
    assert beginning + b"".join(reading) == CONTENT


def test_a_source_that_cannot_be_read_leaves_the_store_as_it_was(store: ClipStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.put(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):
        store.put(tmp_path)
    assert list((tmp_path / "clips").rglob("*")) == [tmp_path / "clips" / "unfinished"]


def test_a_copy_cut_off_by_a_crash_never_appears_as_a_clip(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    program = (
        "import sys; from pathlib import Path; from audio.store import ClipStore\n"
        "ClipStore(Path(sys.argv[1])).put(Path(sys.argv[2]))"
    )
    with (
        subprocess.Popen([sys.executable, "-c", program, tmp_path / "clips", pipe], cwd=ROOT) as writer,
        pipe.open("wb", buffering=0) as source,  # opens once the writer has opened its end
    ):
        # More than a pipe holds, so that when this returns the writer has surely begun to copy.
        source.write(bytes(300_000))
        writer.send_signal(signal.SIGKILL)
        assert writer.wait(10) == -signal.SIGKILL
    store = ClipStore(tmp_path / "clips")
    assert list(store.names()) == []
    assert store.sweep() == 1
    assert store.sweep() == 0
