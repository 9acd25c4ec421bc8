"""A real agent process with a file for a loudspeaker."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from support.broker import Broker
from support.cables import Namespace
from support.recording import Recording
from support.signing import a_credential

from wire.credential import write_credential

ROOT = Path(__file__).parents[2]


class Pole:
    """Start, kill and restart one gateway; its disk stays.

    Args:
        directory: Its disk.
        gateway_id: Who it is.
        broker: Where it is let in.
        media_url: Where it fetches clips.
        inside: The machine of a `support.netns` network that it runs on; None is this one.
        sink: Its loudspeaker as on the command line; None is a file that `recording` reads.
        environment: Set for its process besides ours.
    """

    def __init__(
        self,
        directory: Path,
        gateway_id: str,
        broker: Broker,
        media_url: str,
        *,
        inside: Namespace | None = None,
        sink: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._inside = inside
        self._sink = sink or f"file:{directory / 'sound'}"
        self._environment = os.environ | (environment or {})
        self.directory = directory
        self.gateway_id = gateway_id
        self.secret = broker.add_gateway(gateway_id)
        credential = a_credential(
            gateway_id,
            secret=self.secret,
            broker_host=broker.host,
            broker_port=broker.port,
            controller_url=media_url,
        )
        write_credential(credential, directory / "credential.json")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def recording(self) -> Recording:
        return Recording(self.directory / "sound")

    def start(self) -> "Pole":
        command = [sys.executable, "-m", "device_agent", "run"]
        command += ["--credential", str(self.directory / "credential.json")]
        command += ["--state-dir", str(self.directory / "state")]
        command += ["--sink", self._sink]
        if self._inside is not None:
            command = self._inside.command(command)
        with (self.directory / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env=self._environment)
        return self

    def kill(self) -> None:
        """As a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)
        self.process = None

    def stop(self) -> int:
        """Ask it to end; return its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(10)
        self.process = None
        return code
