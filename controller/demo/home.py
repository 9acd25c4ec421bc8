"""Where the demo keeps its things, on which ports it runs, and that it runs only once."""

import fcntl
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from controller.settings import Settings

HOST = "127.0.0.1"
WEB_PORT = 8000
QUIET_HOURS = "03:00-03:30"
"""Half an hour instead of the night, so that the demo can be tried at any hour of the day."""


class DemoError(Exception):
    """The demo cannot go on; the sentence says why and what helps."""


class Ports(Struct, frozen=True):
    """TCP ports on the loopback interface."""

    web: int
    broker: int


@dataclass(frozen=True, slots=True)
class Home:
    """One directory for everything, so that taking it away takes the demo away."""

    root: Path

    @property
    def controller(self) -> Path:
        """The controller's data, the broker's configuration in it."""
        return self.root / "controller"

    @property
    def logs(self) -> Path:
        """A log for each process."""
        return self.root / "logs"

    @property
    def fleet(self) -> Path:
        """What the light gateways share."""
        return self.root / "fleet"

    def gateway(self, gateway_id: str) -> Path:
        """Journal, clips and sound of one real agent."""
        return self.root / "gateways" / gateway_id

    def sound(self, gateway_id: str) -> Path:
        """Directory of what a real agent let sound."""
        return self.gateway(gateway_id) / "sound"

    def credential(self, gateway_id: str, *, sounds: bool) -> Path:
        """What a gateway was given when it was enrolled."""
        directory = self.gateway(gateway_id) if sounds else self.fleet / "credentials"
        return directory / f"{gateway_id}.json"

    def credentials(self) -> list[Path]:
        """Return the credential files of all gateways that run."""
        poles = [directory / f"{directory.name}.json" for directory in self.root.glob("gateways/*")]
        return [*filter(Path.exists, poles), *self.root.glob("fleet/credentials/*.json")]

    @property
    def is_founded(self) -> bool:
        """Whether everything was made to the end."""
        return self._founded.exists()

    def mark_founded(self) -> None:
        """Note that everything is made."""
        self._founded.touch()

    def clear(self) -> None:
        """Take away what is there, but for the lock that we hold."""
        for path in self.root.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path != self._lock:
                path.unlink()

    @contextmanager
    def alone(self) -> Iterator[int]:
        """Hold the lock. Its descriptor goes to every child, so whoever is left of a demo still holds it.

        Raises:
            DemoError: Another demo is running, or something of one is left.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                pids = self._pids.read_text().split() if self._pids.exists() else []
                raise DemoError(
                    "the demo is running already, or processes of one that was killed are left: end them with"
                    f" `kill {' '.join(pids)}`"
                ) from error
            yield descriptor
            self._pids.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def note_pids(self, pids: list[int]) -> None:
        """Write down who runs, for whoever finds the lock held."""
        self._pids.write_text("\n".join(str(pid) for pid in [os.getpid(), *pids]))

    def choose_ports(self, web: int | None) -> Ports:
        """Return free ports: the wanted one, else those of last time, else 8000 and any.

        Raises:
            DemoError: The wanted port is taken.
        """
        last = Ports(WEB_PORT, 0)
        if self._ports.exists():
            last = msgspec.json.decode(self._ports.read_bytes(), type=Ports)
        if web is not None and not _is_free(web):
            raise DemoError(f"port {web} is taken; choose another with --port, or leave it out")
        return Ports(web or _free_port(last.web), _free_port(last.broker))

    def remember_ports(self, ports: Ports) -> None:
        """Keep them for the next start, so that an address in somebody's browser stays good."""
        self._ports.write_bytes(msgspec.json.encode(ports))

    def settings(self, ports: Ports) -> Settings:
        """Return the controller's settings; `environment` says the same to its process."""
        return Settings.model_validate(
            {key.removeprefix("LOACAST_").lower(): value for key, value in self.environment(ports).items()}
        )

    def environment(self, ports: Ports) -> dict[str, str]:
        """Return the settings as the controller's process reads them."""
        return {
            "LOACAST_DATA_DIR": str(self.controller),
            "LOACAST_HOST": HOST,
            "LOACAST_PORT": str(ports.web),
            "LOACAST_BROKER_HOST": HOST,
            "LOACAST_BROKER_PORT": str(ports.broker),
            "LOACAST_QUIET_HOURS": QUIET_HOURS,
        }

    @property
    def _founded(self) -> Path:
        return self.root / "founded"

    @property
    def _ports(self) -> Path:
        return self.root / "ports.json"

    @property
    def _lock(self) -> Path:
        return self.root / "lock"

    @property
    def _pids(self) -> Path:
        return self.root / "pids"


def forget_settings_of_others() -> None:
    """Take ``LOACAST_…`` out of the environment: a demo must not end up in someone's real database."""
    for name in [name for name in os.environ if name.startswith("LOACAST_")]:
        del os.environ[name]


def _free_port(preferred: int) -> int:
    if preferred and _is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port that only lingers after its last user is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
