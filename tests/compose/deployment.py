"""docker-compose.yml run by podman-compose: building, starting, asking, tearing down."""

import json
import os
import secrets
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from support.eventually import eventually
from support.recording import Recording
from support.town import Api

ROOT = Path(__file__).parents[2]
HOME = Path(
    os.environ.get("LOACAST_COMPOSE_HOME")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "loacast-compose"
)
PROJECT = "loacast-test"
GATEWAYS = ("gateway-1", "gateway-2", "gateway-3")
LASTING = ("broker", "controller", *GATEWAYS)


def tell(line: str) -> None:
    """Show that it goes on: building and starting take minutes."""
    sys.stderr.write(f"  compose: {line}\n")


class Visitor(Api):
    """Someone who logs in with a password that was made at the first start; to be closed."""

    def __init__(self, base_url: str, username: str, password: str) -> None:
        self.client = httpx.Client(base_url=base_url, timeout=30)
        answer = self.client.post("/api/v1/log-in", json={"username": username, "password": password})
        answer.raise_for_status()
        self.client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]


class Deployment:
    """The system in containers, of a project of its own beside any other.

    Args:
        web_port: Port on loopback for the pages.
        postgresql: Whether the profile of this name is on.
    """

    def __init__(self, *, web_port: int, postgresql: bool) -> None:
        self.base_url = f"http://127.0.0.1:{web_port}"
        self.postgresql = postgresql
        self.database_password = secrets.token_urlsafe(24)
        self.services = (*LASTING, "postgresql") if postgresql else LASTING
        self._environment = {
            **os.environ,
            "CONTAINERS_CONF": str(HOME / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(HOME / "storage.conf"),
            "LOACAST_WEB_PORT": str(web_port),
            "LOACAST_QUIET_HOURS": "",
        }
        if postgresql:
            self._environment["LOACAST_DATABASE_PASSWORD"] = self.database_password
            self._environment["LOACAST_DATABASE_URL"] = (
                f"postgresql+psycopg://loacast:{self.database_password}@postgresql/loacast"
            )

    def build(self) -> None:
        """Build our two images; pip takes wheels from a directory that tests/compose/run filled."""
        tell("building the images of controller and gateway")
        given = (
            "--network host",
            f"--volume {HOME}/wheels:/wheels:ro",
            f"--volume {HOME}/pip.conf:/etc/pip.conf:ro",
        )
        self._compose("build", before=[f"--podman-build-args={' '.join(given)}"])

    def up(self) -> None:
        """Start everything and wait until every health check passes."""
        tell(f"starting with {'PostgreSQL' if self.postgresql else 'SQLite'}")
        if self.postgresql:
            # Podman 4.3 cannot start what depends on something that depends on something (setup on the
            # database), so the order that Compose keeps by `depends_on` is kept here.
            self._up("--no-deps", "postgresql", "setup")
            self.wait_until_healthy("postgresql")
            eventually(self._is_set_up, 120, "setup done")
            self._up("--no-deps", *LASTING)
        else:
            self._up()
        self.wait_until_healthy(*self.services)

    def wait_until_healthy(self, *services: str) -> None:
        """Have the health checks run until they pass; without systemd podman runs none by itself."""
        for service in services:
            eventually(partial(self._is_healthy, service), 120, f"{service} healthy")
            tell(f"{service} is healthy")

    def restart(self, service: str) -> None:
        """Stop a service as a person would, and start it again."""
        tell(f"restarting {service}")
        self._compose("stop", service)
        self._compose("start", service)
        self.wait_until_healthy(service)

    def down(self) -> None:
        """Take everything away, volumes too."""
        tell("tearing down")
        self._compose("down", "--volumes")

    def keep_logs(self) -> None:
        """Put what every container said below `HOME`/logs."""
        directory = HOME / "logs"
        directory.mkdir(exist_ok=True)
        for service in ("setup", *self.services):
            (directory / f"{service}.log").write_text(self.logs(service))
        tell(f"logs are in {directory}")

    def logs(self, service: str) -> str:
        """Return what a service said so far."""
        said = self.podman("logs", self.container(service))
        return said.stdout + said.stderr

    def container(self, service: str) -> str:
        """Return the name of a service's container."""
        return f"{PROJECT}_{service}_1"

    def inspect(self, service: str) -> dict[str, Any]:
        """Return all that podman knows of a service's container."""
        shown = self.podman("inspect", self.container(service))
        shown.check_returncode()
        found: dict[str, Any] = json.loads(shown.stdout)[0]
        return found

    def run_in(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a service's container, as its user."""
        return self.podman("exec", self.container(service), *command)

    def admin(self) -> Visitor:
        """Log in with the password that the first start told."""
        words = next(line for line in self.logs("setup").splitlines() if "Log in as admin" in line).split()
        return Visitor(self.base_url, "admin", words[words.index("password") + 1])

    def recording(self, service: str, into: Path) -> Recording:
        """Copy what a gateway recorded out of its volume, and return it."""
        target = into / service
        self.podman("cp", f"{self.container(service)}:/data/sound", str(target)).check_returncode()
        return Recording(target)

    def podman(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run podman and return what it said, whether it did well or not."""
        return subprocess.run(
            ["podman", *arguments], env=self._environment, capture_output=True, text=True, check=False
        )

    def _up(self, *arguments: str) -> None:
        self._compose("up", "--detach", "--no-build", *arguments)

    def _is_set_up(self) -> bool:
        state = self.inspect("setup")["State"]
        return bool(state["Status"] == "exited" and state["ExitCode"] == 0)

    def _is_healthy(self, service: str) -> bool:
        return self.podman("healthcheck", "run", self.container(service)).returncode == 0

    def _compose(self, *arguments: str, before: list[str] | None = None) -> None:
        profile = ["--profile", "postgresql"] if self.postgresql else []
        program = str(HOME / "venv/bin/podman-compose")
        done = subprocess.run(
            [program, "--project-name", PROJECT, *profile, *(before or []), *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        (HOME / f"{arguments[0]}.log").write_text(done.stdout + done.stderr)
        if done.returncode:
            tell(f"podman-compose {arguments[0]} failed:\n{(done.stdout + done.stderr)[-3000:]}")
            done.check_returncode()
