"""The same controller and broker by another name, with certificates of an authority of their own."""

from pathlib import Path

from booted.https_door import HttpsDoor
from msgspec.structs import replace
from support.authority import authority
from support.ports import free_port
from support.town import Town

from wire.credential import GatewayCredential

NAME = "loa.example.vn"
LISTENER = """\
listener {port} {host}
use_username_as_clientid true
certfile {certificate}
keyfile {key}
tls_version tlsv1.2
"""


class SecureSite:
    """Doors with TLS beside the plain ones, which stay open.

    Args:
        directory: Where the certificates go.
        town: Not started yet: its broker is told of a second port.
    """

    def __init__(self, directory: Path, town: Town) -> None:
        self.ca, certificate, key = authority(directory, "own", host=NAME)
        self.broker_port = free_port()
        with (town.broker.directory / "mosquitto.conf").open("a") as conf:
            conf.write(
                LISTENER.format(port=self.broker_port, host=town.host, certificate=certificate, key=key)
            )
        self.door = HttpsDoor(town.host, town.port, certificate, key)
        self.address = town.host

    def credential(self, plain: GatewayCredential) -> GatewayCredential:
        """Return a credential that leads through the doors with TLS."""
        return replace(
            plain,
            broker_host=NAME,
            broker_port=self.broker_port,
            controller_url=f"https://{NAME}:{self.door.port}",
        )
