"""Changes to a box as values, so that they can be shown before they are made and made twice without harm."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Execute = Callable[[Sequence[str]], None]
"""Runs a program to its end; raises `CannotDo` if it fails."""


class CannotDo(RuntimeError):
    """A step failed; the sentence says which, and what to do."""


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Let a file have this content and mode."""

    path: Path
    content: bytes = field(repr=False)
    mode: int
    secret: bool = False


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Let there be no such file."""

    path: Path


@dataclass(frozen=True, slots=True)
class RemoveTree:
    """Let there be no such directory, whatever is in it."""

    path: Path


@dataclass(frozen=True, slots=True)
class RunProgram:
    """Run a program of the system; it changes nothing that is already as it should be."""

    command: tuple[str, ...]


Step = WriteFile | RemoveFile | RemoveTree | RunProgram


def below(root: Path, path: Path) -> Path:
    """Return where an absolute path of a system lies when that system lies in `root`."""
    return root / path.relative_to("/")


def describe(step: Step) -> str:
    """Return what a step does, with the content of what it writes unless that is a secret."""
    match step:
        case WriteFile(path, content, mode, secret):
            shown = "    (a secret)" if secret else _indented(content.decode())
            return f"write {path}, mode {mode:04o}:\n{shown}"
        case RemoveFile(path):
            return f"remove {path}"
        case RemoveTree(path):
            return f"remove {path} and all that is in it"
        case RunProgram(command):
            return f"run {' '.join(command)}"


def carry_out(step: Step, root: Path, execute: Execute) -> str:
    """Do a step below `root` and return what was done, in a few words.

    Raises:
        CannotDo: It failed.
    """
    try:
        match step:
            case WriteFile():
                return _write(step, below(root, step.path))
            case RemoveFile(path):
                there = below(root, path).exists()
                below(root, path).unlink(missing_ok=True)
                return f"{path}: {'removed' if there else 'was not there'}"
            case RemoveTree(path):
                there = below(root, path).exists()
                if there:
                    shutil.rmtree(below(root, path))
                return f"{path}: {'removed with all in it' if there else 'was not there'}"
            case RunProgram(command):
                execute(command)
                return f"{' '.join(command)}: done"
    except OSError as error:
        raise CannotDo(f"{describe(step).splitlines()[0]}: {error.strerror}; run it with sudo") from error


def execute_for_real(command: Sequence[str]) -> None:
    """Run a program of this machine; see `Execute`."""
    program = shutil.which(command[0], path="/usr/sbin:/usr/bin:/sbin:/bin")
    if program is None:
        raise CannotDo(
            f"{command[0]} is missing: this needs Debian, Raspberry Pi OS or the like, with systemd"
        )
    done = subprocess.run(  # noqa: S603 - a list of words of ours, no shell
        [program, *command[1:]], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CannotDo(f"{' '.join(command)} failed: {done.stderr.strip() or done.returncode}")


def _write(step: WriteFile, path: Path) -> str:
    if path.exists() and path.read_bytes() == step.content and path.stat().st_mode & 0o7777 == step.mode:
        return f"{step.path}: as it was"
    existed = path.exists()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    new = path.with_name(f".{path.name}.new")
    # Never for a moment readable by others, never half written under its name, and there after a power cut.
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(step.content)
        file.flush()
        os.fsync(file.fileno())
    new.chmod(step.mode)
    new.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return f"{step.path}: {'changed' if existed else 'written'}"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
