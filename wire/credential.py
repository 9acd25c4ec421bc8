"""What a gateway is given once, when it is enrolled; the controller writes the file, the agent reads it."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from wire.envelope import PublicKey
from wire.messages import WireError
from wire.types import GatewayId


class GatewayCredential(Struct, frozen=True, kw_only=True):
    """Identity, secret and trusted keys of one gateway. A secret: mode 0600, never logged."""

    gateway_id: GatewayId
    secret: Annotated[str, Meta(min_length=32)]
    """Password at the broker and for ``/media`` (HTTP Basic, RFC 7617), 256 random bits."""
    broker_host: str
    broker_port: Annotated[int, Meta(ge=1, le=65535)]
    controller_url: str
    """Base of ``/media/<sha256>``, without a slash at the end."""
    keys: Annotated[tuple[PublicKey, ...], Meta(min_length=1)]
    broker_tls_ca: str | None = None
    """Path on the gateway of the authority that signed the broker's certificate."""
    controller_tls_ca: str | None = None
    """The same for the controller's; None: the system's authorities count."""


def credential_json(credential: GatewayCredential) -> bytes:
    """Return what stands in the file."""
    return msgspec.json.format(msgspec.json.encode(credential), indent=2) + b"\n"


def write_credential(credential: GatewayCredential, path: Path) -> None:
    """Write the file so that its owner alone can read it; a power cut leaves the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(credential_json(credential))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def read_credential(path: Path) -> GatewayCredential:
    """Read the file.

    Raises:
        WireError: It is not there, or not such a file; the sentence says which.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=GatewayCredential)
    except OSError as error:
        raise WireError(f"no credential at {path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise WireError(f"{path} is no gateway credential: {error}") from error
