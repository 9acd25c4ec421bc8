"""Where the tests' Mosquitto runs: as a process, in a container, or given by whoever runs the tests.

In this order: ``LOACAST_TEST_BROKER``, a Docker engine that answers and has the public image or can get it,
a ``mosquitto`` binary. Never a public broker.
"""

import functools
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
from support.ports import free_port

from controller import broker as configuration

IMAGE = "eclipse-mosquitto:2"
GIVEN = "LOACAST_TEST_BROKER"
DEFAULT_ENGINE = "unix:///var/run/docker.sock"


class BrokerHost(Protocol):
    """One broker that can be started, killed and told to read its password file again."""

    directory: Path
    host: str
    port: int

    def start(self) -> None: ...

    def end(self, signal_number: signal.Signals) -> None: ...

    def reload(self) -> None: ...

    def release(self) -> None:
        """Nobody will start it again."""


class LocalProcess:
    """The binary of this machine, for loopback or for an address of a `support.netns` network."""

    def __init__(self, directory: Path, host: str = "127.0.0.1") -> None:
        self.directory = directory
        self.host = host
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        run_as = "root" if os.geteuid() == 0 else None
        configuration.write_configuration(directory, host=self.host, port=self.port, run_as=run_as)

    def start(self) -> None:
        binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        with (self.directory / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [binary, "-c", str(self.directory / "mosquitto.conf")], stdout=log, stderr=log
            )

    def end(self, signal_number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(signal_number)
            self._process.wait(10)
            self._process = None

    def reload(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def release(self) -> None:
        """Nothing is held while it is stopped."""


class Container:
    """The public image, with our configuration mounted into it; its port stays the same over restarts."""

    INSIDE = Path("/loacast")
    INNER_PORT = 1883

    def __init__(self, directory: Path) -> None:
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - only where an engine is

        self.directory = directory
        self.host = "127.0.0.1"
        self.port = free_port()
        # Root within the container, so that it may read files of whoever runs the tests.
        configuration.write_configuration(
            directory,
            host="0.0.0.0",  # noqa: S104 - of the container; only loopback is published
            port=self.INNER_PORT,
            seen_as=self.INSIDE,
            run_as="root",
        )
        self._container = (
            DockerContainer(IMAGE)
            .with_volume_mapping(str(directory.resolve()), str(self.INSIDE), "rw")
            .with_kwargs(ports={self.INNER_PORT: ("127.0.0.1", self.port)})
            .with_command(f"mosquitto -c {self.INSIDE}/mosquitto.conf")
        )
        self._made: Any = None

    def start(self) -> None:
        if self._made is None:
            self._made = self._container.start().get_wrapped_container()
        else:
            self._made.start()

    def end(self, signal_number: signal.Signals) -> None:
        if self._made is not None:
            self._made.kill(signal=signal_number.name)
            self._made.wait(timeout=10)

    def reload(self) -> None:
        if self._made is not None:
            self._made.kill(signal="SIGHUP")

    def release(self) -> None:
        if self._made is not None:
            self._container.stop()
            self._made = None


class Given:
    """A broker that is not ours to kill; it must read its password file by itself, as ``run.sh`` has it."""

    _busy: frozenset[str] = frozenset()

    def __init__(self, description: str) -> None:
        self.host, port, directory = description.split(":", 2)
        self.port = int(port)
        self.directory = Path(directory)
        self._description = description
        Given._busy |= {description}

    @classmethod
    def free(cls) -> "Given":
        """Return one that no other fixture is using; two controllers on one broker would be one too many."""
        for description in os.environ[GIVEN].split(","):
            if description not in cls._busy:
                return cls(description)
        pytest.skip(f"every broker of {GIVEN} is in use; give more than one, with commas")

    def start(self) -> None:
        """It runs."""

    def end(self, signal_number: signal.Signals) -> None:
        if signal_number is signal.SIGKILL:
            pytest.skip(f"a broker given by {GIVEN} is not ours to kill")

    def reload(self) -> None:
        """It sees the new file by itself."""

    def release(self) -> None:
        Given._busy -= {self._description}


def choose_host(directory: Path) -> BrokerHost:
    """Return a host for one broker; see the module for which."""
    if os.environ.get(GIVEN):
        return Given.free()
    if engine_has_image():
        return Container(directory)
    return LocalProcess(directory)


@functools.cache
def engine_has_image() -> bool:
    """Whether a Docker engine answers and has the image or can get it; asked once for all tests."""
    if not _engine_listens(os.environ.get("DOCKER_HOST", DEFAULT_ENGINE)):
        return False
    import docker  # noqa: PLC0415 - slow to import, and asked once
    from docker.errors import DockerException, ImageNotFound  # noqa: PLC0415

    client = docker.from_env(timeout=120)
    try:
        try:
            client.images.get(IMAGE)
        except ImageNotFound:
            client.images.pull(IMAGE)
    except DockerException:
        return False
    finally:
        client.close()
    return True


def _engine_listens(url: str) -> bool:
    address = urlsplit(url)
    try:
        if address.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(1.0)
                probe.connect(address.path)
        else:
            socket.create_connection((address.hostname or "", address.port or 2375), timeout=1.0).close()
    except OSError:
        return False
    return True
