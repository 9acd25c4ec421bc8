"""Broker over TLS: our own authority is trusted, a stranger's is not."""

import datetime as dt
import ipaddress
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.broker import free_port, wait_for_port

from controller import broker as configuration
from wire.mqtt import BrokerAddress, Connection

pytestmark = [
    pytest.mark.slow,
    # paho leaves the socket of a failed handshake to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SECRET = "s" * 43


def authority(directory: Path, name: str) -> tuple[Path, Path, Path]:
    """Make an authority and a certificate for 127.0.0.1; returns authority, certificate and key as files."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - OpenSSL asks the real clock

    def certificate(who: x509.Name, public: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(who)
            .issuer_name(subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
                critical=False,
            )
            .sign(ca_key, hashes.SHA256())
        )

    server = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    files = directory / f"{name}-ca.pem", directory / f"{name}.pem", directory / f"{name}.key"
    pem = serialization.Encoding.PEM
    files[0].write_bytes(certificate(subject, ca_key.public_key(), ca=True).public_bytes(pem))
    files[1].write_bytes(certificate(server, key.public_key(), ca=False).public_bytes(pem))
    files[2].write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@pytest.fixture
def secure_port(tmp_path: Path) -> Iterator[int]:
    _, certificate, key = authority(tmp_path, "ours")
    port = free_port()
    path = configuration.write_configuration(
        tmp_path / "broker", host="127.0.0.1", port=port, run_as="root", tls=(certificate, key)
    )
    configuration.write_passwords(tmp_path / "broker", {"g1": SECRET})
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(["mosquitto", "-c", str(path)], stdout=log, stderr=log)
    try:
        wait_for_port(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def connects(port: int, ca: Path | None) -> bool:
    connection = Connection(
        BrokerAddress("127.0.0.1", port, "g1", SECRET, tls_ca=ca),
        subscriptions=(),
        on_message=lambda _incoming: None,
        on_connected=lambda _present: None,
        on_lost=lambda: None,
    )
    connection.start()
    try:
        return connection.wait_connected(2.5)
    finally:
        connection.stop()


def test_only_a_broker_that_our_authority_vouches_for_is_spoken_to(tmp_path: Path, secure_port: int) -> None:
    stranger, _, _ = authority(tmp_path, "stranger")
    assert connects(secure_port, tmp_path / "ours-ca.pem")
    assert not connects(secure_port, stranger)
    assert not connects(secure_port, None), "a TLS listener takes no plain TCP"
