"""Authorities that ``install`` copies, so that a gateway trusts them and nobody else (ADR 10)."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from device_agent.commands.options import SETTINGS_FILE
from device_agent.commands.steps import CannotDo, WriteFile, below
from wire.credential import GatewayCredential

BROKER_CA_FILE = SETTINGS_FILE.with_name("broker-ca.pem")
CONTROLLER_CA_FILE = SETTINGS_FILE.with_name("controller-ca.pem")


@dataclass(frozen=True, slots=True)
class Authorities:
    """Certificates in PEM that were handed over; None leaves the credential's word as it is."""

    broker: bytes | None = None
    controller: bytes | None = None

    def files(self) -> list[WriteFile]:
        """Return what is to be written."""
        pairs = ((BROKER_CA_FILE, self.broker), (CONTROLLER_CA_FILE, self.controller))
        return [WriteFile(path, pem, 0o644) for path, pem in pairs if pem is not None]

    def named_in(self, credential: GatewayCredential) -> GatewayCredential:
        """Return the credential with the copies in the place of what it named."""
        if self.broker is not None:
            credential = replace(credential, broker_tls_ca=str(BROKER_CA_FILE))
        if self.controller is not None:
            credential = replace(credential, controller_tls_ca=str(CONTROLLER_CA_FILE))
        return credential

    def check_that_none_is_missing(self, credential: GatewayCredential, root: Path) -> None:
        """Refuse a credential that names an authority which is neither handed over nor on the box.

        Raises:
            CannotDo: It does; the gateway would reach nobody.
        """
        for option, given, path in (
            ("--tls-ca", self.broker, credential.broker_tls_ca),
            ("--controller-tls-ca", self.controller, credential.controller_tls_ca),
        ):
            if given is None and path is not None and not below(root, Path("/") / path).exists():
                raise CannotDo(f"the credential names {path}, which is not on this box: {option} FILE")


def read_authority(path: Path | None) -> bytes | None:
    """Return the content of a PEM file with certificates and nothing else.

    Raises:
        CannotDo: It is none. A key above all would be copied to where everyone can read it.
        OSError: It cannot be read.
    """
    if path is None:
        return None
    content = path.read_bytes()
    if b"PRIVATE KEY" in content:
        raise CannotDo(f"{path} holds a private key; only the authority's certificate belongs on a gateway")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=content.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise CannotDo(f"{path} holds no certificate in PEM") from error
    return content
