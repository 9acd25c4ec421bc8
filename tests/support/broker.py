"""A real Mosquitto with the configuration that we ship, on a free port, for one test."""

import secrets
import signal
from pathlib import Path

import pytest
from support.broker_hosts import BrokerHost, Given, choose_host
from support.eventually import eventually
from support.mqtt_door import forget, lets_in
from support.ports import free_port, wait_for_port

from controller import broker as configuration
from wire import topics
from wire.mqtt import BrokerAddress

__all__ = ["Broker", "free_port", "wait_for_port"]

PROBE = "probe"
"""A user who is only there to tell when the broker has read the password file again."""


class Broker:
    """Start, kill and restart a broker; its port and its stored state stay the same.

    Args:
        directory: Configuration, passwords and what the broker stores.
        on: Where it runs; None leaves the choice to `broker_hosts`.
    """

    def __init__(self, directory: Path, on: BrokerHost | None = None) -> None:
        self._on = on or choose_host(directory)
        self.directory, self.host, self.port = self._on.directory, self._on.host, self._on.port
        self.running = False
        self.secrets = {configuration.CONTROLLER_USER: secrets.token_urlsafe(32)}
        configuration.write_passwords(self.directory, self.secrets)

    def start(self) -> "Broker":
        self._on.start()
        wait_for_port(self.port, host=self.host)
        self.running = True
        self.reload()
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
        if isinstance(self._on, Given):
            pytest.skip("the access list of a given broker is not ours to change")
        name = "intruder"
        with (self.directory / "acl").open("a") as acl:
            acl.write(f"user {name}\ntopic readwrite {topics.PREFIX}/#\n")
        self.add_gateway(name)
        return name

    def reload(self) -> None:
        """Have it read the password file again, and wait until it has."""
        if not self.running:
            return
        mark = secrets.token_urlsafe(32)
        configuration.set_password(self.directory, PROBE, mark)
        self._on.reload()
        eventually(lambda: lets_in(self.host, self.port, PROBE, mark), 10, "the broker reads its passwords")

    def address(self, username: str, *, keepalive_s: int = 30) -> BrokerAddress:
        return BrokerAddress(self.host, self.port, username, self.secrets[username], keepalive_s=keepalive_s)

    def controller_address(self) -> BrokerAddress:
        return self.address(configuration.CONTROLLER_USER)

    def kill(self) -> None:
        """As a power cut would: nothing is saved."""
        if self.running:
            self._on.end(signal.SIGKILL)
        self.running = False

    def stop(self) -> None:
        if self.running and isinstance(self._on, Given):
            self._leave_nothing()
        if self.running:
            self._on.end(signal.SIGTERM)
        self._on.release()
        self.running = False

    def _leave_nothing(self) -> None:
        """The next test gets the same broker: no session and nothing retained may meet it."""
        configuration.write_passwords(self.directory, self.secrets)
        self.reload()
        for username, secret in self.secrets.items():
            if username == configuration.CONTROLLER_USER:
                gateways = [name for name in self.secrets if name != username]
                own = (*(topics.down(name, "plan") for name in gateways), topics.CONTROLLER_STATE)
            else:
                own = tuple(topics.up(username, channel) for channel in topics.UP_CHANNELS)
            forget(self.host, self.port, username, secret, own)
