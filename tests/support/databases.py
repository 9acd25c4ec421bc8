"""Real databases for tests: SQLite always, PostgreSQL where Debian's package is installed."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.broker import free_port


def postgresql_binaries() -> Path | None:
    """Return where initdb is; Debian keeps it out of the path."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


@contextmanager
def running_postgresql(directory: Path) -> Iterator[str]:
    """Start a server of our own on a free port and yield the URL of its database."""
    binaries = postgresql_binaries()
    assert binaries is not None
    data, port = directory / "data", free_port()
    # PostgreSQL refuses to run as root.
    as_user: list[str] = []
    directory.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(directory, "postgres")
        for parent in directory.parents:
            if parent.stat().st_uid == 0 and str(parent).startswith("/tmp/"):  # noqa: S108 - pytest's own
                parent.chmod(parent.stat().st_mode | 0o011)

    def run(*command: str, check: bool = True) -> None:
        # pg_ctl's server would keep a pipe open for ever.
        with (directory / "log").open("ab") as log:
            subprocess.run([*as_user, *command], check=check, cwd="/", stdout=log, stderr=log)

    run(str(binaries / "initdb"), "-D", str(data), "-U", "loacast", "--auth=trust", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {directory} -c fsync=off"
    run(
        str(binaries / "pg_ctl"),
        "-D",
        str(data),
        "-w",
        "-o",
        options,
        "-l",
        str(directory / "server.log"),
        "start",
    )
    try:
        yield f"postgresql+psycopg://loacast@127.0.0.1:{port}/postgres"
    finally:
        run(str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop", check=False)
