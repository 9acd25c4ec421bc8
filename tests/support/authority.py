"""Certificates for tests of TLS, made on the spot."""

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = dt.timedelta(days=1)


def authority(
    directory: Path, name: str, valid_for: dt.timedelta = DAY, host: str | None = None
) -> tuple[Path, Path, Path]:
    """Make an authority and a certificate; returns authority, certificate and key as files.

    Args:
        directory: Where they go.
        name: Of the authority.
        valid_for: How long from now the certificate is; negative if it is over.
        host: Whom it is for; None is 127.0.0.1.
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - OpenSSL asks the real clock
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    names = x509.SubjectAlternativeName([here if host is None else x509.DNSName(host)])

    def certificate(who: x509.Name, public: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(who)
            .issuer_name(subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 2 * DAY)
            .not_valid_after(now + (DAY if ca else valid_for))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(names, critical=False)
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
