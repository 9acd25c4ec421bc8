"""A real Mosquitto with the configuration that we ship, on a free port, for one test."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from controller import broker as configuration
from wire.mqtt import BrokerAddress


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            # A process that is starting gives no other sign than its port.
            time.sleep(0.02)  # noqa: TID251
        else:
            return


class Broker:
    """Start, kill and restart a broker; its port and its stored state stay the same."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.host = "127.0.0.1"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.secrets = {configuration.CONTROLLER_USER: secrets.token_urlsafe(32)}
        run_as = "root" if os.geteuid() == 0 else None
        configuration.write_configuration(directory, host=self.host, port=self.port, run_as=run_as)
        configuration.write_passwords(directory, self.secrets)

    def start(self) -> "Broker":
        binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        with (self.directory / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(
                [binary, "-c", str(self.directory / "mosquitto.conf")], stdout=log, stderr=log
            )
        wait_for_port(self.port)
        return self

    def add_gateway(self, gateway_id: str) -> str:
        secret = secrets.token_urlsafe(32)
        self.secrets[gateway_id] = secret
        configuration.set_password(self.directory, gateway_id, secret)
        self.reload()
        return secret

    def set_controller_secret(self, secret: str) -> None:
        """Let a controller in that brings its own password."""
        self.secrets[configuration.CONTROLLER_USER] = secret
        configuration.set_password(self.directory, configuration.CONTROLLER_USER, secret)
        self.reload()

    def add_intruder(self) -> str:
        """Let someone in who may publish anything: what a broken-into broker can do."""
        name = "intruder"
        with (self.directory / "acl").open("a") as acl:
            acl.write(f"user {name}\ntopic readwrite loa/#\n")
        self.add_gateway(name)
        return name

    def reload(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGHUP)

    def address(self, username: str, *, keepalive_s: int = 30) -> BrokerAddress:
        return BrokerAddress(self.host, self.port, username, self.secrets[username], keepalive_s=keepalive_s)

    def controller_address(self) -> BrokerAddress:
        return self.address(configuration.CONTROLLER_USER)

    def kill(self) -> None:
        """As a power cut would: nothing is saved."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, signal_number: int) -> None:
        if self.process is not None:
            self.process.send_signal(signal_number)
            self.process.wait(10)
            self.process = None
