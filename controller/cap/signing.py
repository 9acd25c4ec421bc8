"""The key by which others know that an alert is ours. It lives beside the other keys of the controller."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from controller.cap.signature import with_signature
from controller.keyring import write_secret

FILE = "alerts.pem"
BITS = 3072
"""Enough beyond 2030 (NIST SP 800-57 part 1, table 2)."""
LASTS = timedelta(days=3650)
"""Others pin the certificate by hand, and nothing but its key is looked at by those who do."""
_LONGEST_NAME = 64  # of a common name (X.520)


@dataclass(frozen=True, slots=True)
class AlertKey:
    """A key, and the certificate that others pin."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        """The certificate, for others."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as people read it to each other."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    def sign(self, document: bytes) -> bytes:
        """Return an alert with its signature; the same one gets the same bytes each time."""
        return with_signature(document, self.key, self.certificate)


def load_alert_key(directory: Path) -> AlertKey | None:
    """Return the key of an installation; None: an older one that ``init`` has not been run on since."""
    path = directory / FILE
    if not path.exists():
        return None
    pem = path.read_bytes()
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{path} holds no RSA key")
    return AlertKey(key, x509.load_pem_x509_certificate(pem))


def ensure_alert_key(directory: Path, name: str, now: datetime) -> AlertKey:
    """Return the key of an installation, and make it when there is none. Readable by its owner only.

    Args:
        directory: Where the controller keeps its keys.
        name: Who we are, for people who look at the certificate.
        now: From which on it is valid, less a day for clocks that are behind.
    """
    found = load_alert_key(directory)
    if found is not None:
        return found
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_LONGEST_NAME])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LASTS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_only_signs(), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_secret(directory / FILE, secret + certificate.public_bytes(Encoding.PEM))
    return AlertKey(key, certificate)


def _only_signs() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
