"""A box that becomes a gateway by what docs/gateway-service.md says, word for word, and its controller."""

import io
import json
import os
import re
import subprocess
import tarfile
import wave
from pathlib import Path
from typing import Any

import numpy as np
from booted.machine import Machine, tell
from booted.secure_site import SecureSite
from numpy.typing import NDArray
from support.broadcasting import now, schedule_once, whole_second_in
from support.cables import Namespace
from support.eventually import eventually
from support.town import Api, Town

ROOT = Path(__file__).parents[2]
ID = "31673-001"
SERVICE = "loacast-agent"
STATE_DIR = "/var/lib/loacast-agent"
LISTED = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
LEAD_S = 12
"""From an order to its sound: an emulated processor takes its time."""


def documented(having: str) -> str:
    """Return the block of commands in the documentation that has these words in it."""
    page = (ROOT / "docs/gateway-service.md").read_text()
    (block,) = [
        each for each in re.findall(r"^```\n(.*?)^```$", page, re.DOTALL | re.MULTILINE) if having in each
    ]
    return str(block)


class Gateway:
    """One box, from the first switching on.

    Args:
        machine: A Debian and nothing else.
        town: Its controller and broker.
        inside: Where a person sits who reaches both.
        directory: For a checkout.
        site: The same controller behind TLS.
    """

    def __init__(
        self, machine: Machine, town: Town, inside: Namespace, directory: Path, site: SecureSite
    ) -> None:
        self.machine = machine
        self.town = town
        self.directory = directory
        self.site = site
        self._inside = inside
        self.admin: Api = town.api("admin")

    def install(self) -> None:
        """Build the wheel, copy it, install, enrol and start."""
        checkout = self._checkout()
        for having in ("pip wheel", "apt install", "install --credential -"):
            for command in documented(having).replace("\\\n", "").splitlines():
                begun = now()
                if having == "apt install":
                    self.machine.run(command)
                else:
                    self._run_here(command, checkout)
                tell(f"{(now() - begun).total_seconds():5.1f} s  {command}")
        self.town.broker.reload()
        self.wait_online()

    def wait_online(self) -> None:
        """Wait until it is active, and the controller hears of it and knows that it has its plan."""
        eventually(lambda: self.shown("ActiveState") == "active", 120, "active")

        def is_there() -> bool:
            seen = self.admin.gateways()[ID]
            return bool(seen["contact"] == "online" and seen["plan_confirmed"] == seen["plan_version"])

        eventually(is_there, 120, "online")

    def shown(self, name: str) -> str:
        """Return what systemd says of the service."""
        return self.machine.shown(SERVICE, name)[name]

    @property
    def pid(self) -> int:
        return int(self.shown("MainPID"))

    def status(self) -> dict[str, str]:
        """Return what the kernel says of the agent's process."""
        lines = self.machine.run(f"cat /proc/{self.pid}/status").splitlines()
        return {key: value.strip() for key, value in (line.split(":", 1) for line in lines)}

    def agent_says(self, *, since: str) -> str:
        """Return the journal of the service since an instant of the box."""
        return self.machine.run(f"sudo journalctl --no-pager --unit {SERVICE} --since '@{since}'")

    def journal(self) -> dict[str, Any]:
        """Return what the agent's own status tells of its journal."""
        told: dict[str, Any] = json.loads(self.machine.run("sudo loacast-agent status --json"))
        held: dict[str, Any] = told["journal"]
        return held

    def clock(self) -> str:
        """Return the box's instant, as `agent_says` takes it."""
        return self.machine.run("date +%s.%N").strip()

    def start_ms(self) -> float:
        """Return how long the last start took: from the process to READY, by systemd."""
        names = ("ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic")
        begun, ready = (int(self.machine.shown(SERVICE, name)[name]) for name in names)
        return (ready - begun) / 1000

    def order(self, clip: dict[str, Any], in_s: float = LEAD_S) -> str:
        """Have a clip played after so many seconds and return the broadcast's id once the gateway has it."""
        at = whole_second_in(in_s)
        broadcast_id: str = schedule_once(self.admin, clip, at, gateways=[ID])["id"]
        self.wait_for(broadcast_id, "ready", "playing")
        return broadcast_id

    def wait_for(self, broadcast_id: str, *states: str, timeout_s: float = 120) -> dict[str, Any]:
        """Wait until the delivery is in one of these states and return it."""

        def there() -> dict[str, Any] | None:
            delivery = self.admin.deliveries(broadcast_id)[ID]
            return delivery if delivery["state"] in states else None

        return eventually(there, timeout_s, f"{broadcast_id} {states}")

    def heard_by(self, recorder: str) -> NDArray[np.floating]:
        """Return the samples of a WAV file (16 bits, mono, 48 kHz) on the box, ±1."""
        with wave.open(io.BytesIO(self.machine.fetch(recorder))) as file:
            return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32767

    def _checkout(self) -> Path:
        """Copy what git keeps or would keep, so that building leaves nothing behind in ours."""
        kept = subprocess.run(LISTED, cwd=ROOT, check=True, capture_output=True).stdout
        checkout = self.directory / "checkout"
        checkout.mkdir()
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name in filter(None, kept.decode().split("\0")):
                if (ROOT / name).exists():
                    tar.add(ROOT / name, name)
        archive.seek(0)
        with tarfile.open(fileobj=archive) as tar:
            tar.extractall(checkout, filter="data")
        (checkout / ".venv").symlink_to(ROOT / ".venv")
        return checkout

    def _run_here(self, command: str, checkout: Path) -> None:
        """Run a line of shell as the person at the controller would, with our way to the box."""
        words = [
            f'{each}() {{ command {each} -F {self.machine.ssh_config} "$@"; }}' for each in ("ssh", "scp")
        ]
        words.append('python() { .venv/bin/python "$@"; }')
        script = "\n".join(["set -euo pipefail", *words, command])
        done = subprocess.run(
            self._inside.command(["bash", "-c", script]),
            cwd=checkout,
            env={**os.environ, **self.town.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
