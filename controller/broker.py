"""Configuration of Mosquitto: no anonymous access, deny by default, each gateway on its own topics only.

The access list is static: patterns with ``%u`` serve any number of gateways. Only the password file changes
when a gateway is enrolled or revoked; ``deploy/broker/run.sh`` has the broker read it again.
"""

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from wire.topics import ALERTS, CONTROLLER_STATE, LIVE, PREFIX

CONTROLLER_USER = "controller"

_ACL = f"""\
user {CONTROLLER_USER}
topic write {PREFIX}/g/+/down/+
topic read {PREFIX}/g/+/up/+
topic write {CONTROLLER_STATE}
topic write {LIVE}/+
topic read {ALERTS}/#

pattern read {PREFIX}/g/%u/down/+
pattern write {PREFIX}/g/%u/up/+
pattern read {CONTROLLER_STATE}
pattern read {LIVE}/+
pattern write {ALERTS}/%u/#
"""

_CONF = """\
# Written by LoaCast; changes are lost at the next start.
per_listener_settings false
allow_anonymous false
password_file {directory}/passwd
acl_file {directory}/acl
listener {port} {host}
# Without this one gateway's password takes over another's session. It belongs to a listener: written before
# one, it opens Mosquitto's own on port 1883 to everyone.
use_username_as_clientid true
{tls}
persistence true
persistence_location {directory}/data/
# Saving on every change made fan-out 7 to 20 times slower and still lost the last message.
autosave_interval 5
autosave_on_changes false
persistent_client_expiration 14d
# The default cap of 1,000 drops the newest: nine of ten answers when ten thousand gateways answer at once.
max_inflight_messages 0
max_queued_messages 100000
max_packet_size 135168
max_keepalive 120
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages false
{user}
"""

_ITERATIONS = 101
"""What Mosquitto itself uses. Enough because every password is 256 random bits, never a person's."""


def password_entry(username: str, secret: str, salt: bytes) -> str:
    """Return one line of a password file: PBKDF2 with SHA-512 in Mosquitto's ``$7$`` form.

    Args:
        username: A gateway's id, or the controller's name.
        secret: Its password.
        salt: 12 random bytes.
    """
    digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, _ITERATIONS)
    encoded = (base64.b64encode(part).decode() for part in (salt, digest))
    return f"{username}:$7${_ITERATIONS}${'$'.join(encoded)}\n"


def write_passwords(directory: Path, secrets: Mapping[str, str]) -> None:
    """Replace the whole password file."""
    _replace(
        directory / "passwd",
        "".join(password_entry(name, secret, os.urandom(12)) for name, secret in secrets.items()),
    )


def set_password(directory: Path, username: str, secret: str | None) -> None:
    """Add one entry, replace it, or with None take it away."""
    path = directory / "passwd"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    kept = [line for line in lines if not line.startswith(f"{username}:")]
    if secret is not None:
        kept.append(password_entry(username, secret, os.urandom(12)))
    _replace(path, "".join(kept))


def write_configuration(
    directory: Path,
    *,
    host: str,
    port: int,
    seen_as: Path | None = None,
    run_as: str | None = None,
    tls: tuple[Path, Path] | None = None,
) -> Path:
    """Write ``mosquitto.conf`` and ``acl`` into a directory and return the path of the first.

    Args:
        directory: Where to write; ``data/`` in it holds what the broker keeps.
        host: Address to listen on.
        port: TCP port to listen on.
        seen_as: The same directory as the broker sees it, if it runs in another container.
        run_as: User that a broker started by root changes to; None keeps Mosquitto's own choice.
        tls: Certificate chain and private key; None is plain TCP, for loopback and private networks.
    """
    (directory / "data").mkdir(parents=True, exist_ok=True)
    _replace(directory / "acl", _ACL)
    secure = "" if tls is None else f"certfile {tls[0]}\nkeyfile {tls[1]}\ntls_version tlsv1.2\n"
    user = "" if run_as is None else f"user {run_as}"
    _replace(
        directory / "mosquitto.conf",
        _CONF.format(directory=seen_as or directory.resolve(), port=port, host=host, tls=secure, user=user),
    )
    return directory / "mosquitto.conf"


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    temporary.replace(path)
