"""Alerts in CAP 1.2 as a weather service would write them, and certificates to sign them with."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml.signer import XMLSigner
from support.clocks import NOON

SENDER = "kttv@example.vn"
COMMUNE = "31673"
AROUND_THE_COMMUNE = "9.50,106.10 9.50,106.20 9.60,106.20 9.60,106.10 9.50,106.10"
LINE = "urn:oasis:names:tc:emergency:cap:1.2"


def at(when: datetime) -> str:
    """Write an instant as CAP wants it."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def reference(identifier: str, sent_at: datetime = NOON, sender: str = SENDER) -> str:
    return f"{sender},{identifier},{at(sent_at)}"


def area_xml(
    *,
    polygons: Iterable[str] = (),
    circles: Iterable[str] = (),
    geocodes: Iterable[tuple[str, str]] = (("VN-GSO", COMMUNE),),
) -> str:
    shapes = "".join(f"<polygon>{each}</polygon>" for each in polygons)
    shapes += "".join(f"<circle>{each}</circle>" for each in circles)
    codes = "".join(
        f"<geocode><valueName>{name}</valueName><value>{value}</value></geocode>" for name, value in geocodes
    )
    return f"<area><areaDesc>Xã Trần Đề</areaDesc>{shapes}{codes}</area>"


def recording_xml(
    content: bytes = b"",
    *,
    uri: str | None = None,
    digest: str | None = "",
    size: str | None = None,
    mime_type: str = "audio/mpeg",
) -> str:
    """Return a recording with its bytes in it, or at an address; its digest is right if nothing is said."""
    sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest() if digest == "" else digest
    rows = {
        "resourceDesc": "Bản ghi âm",
        "mimeType": mime_type,
        "size": size,
        "uri": uri,
        "derefUri": base64.b64encode(content).decode() if uri is None else None,
        "digest": sha1,
    }
    told = "".join(f"<{name}>{value}</{name}>" for name, value in rows.items() if value is not None)
    return f"<resource>{told}</resource>"


def info_xml(
    *,
    language: str = "vi-VN",
    event: str = "Bão mạnh",
    severity: str = "Severe",
    headline: str = "Bão số 9 vào gần bờ",
    description: str = "Gió giật cấp 12",
    instruction: str = "Bà con chằng chống nhà cửa",
    effective: str | None = None,
    onset: str | None = None,
    expires: str | None = at(NOON + timedelta(hours=3)),
    level: int | None = None,
    resources: str = "",
    areas: str | None = None,
) -> str:
    times = "".join(
        f"<{name}>{value}</{name}>"
        for name, value in (("effective", effective), ("onset", onset), ("expires", expires))
        if value is not None
    )
    parameter = (
        ""
        if level is None
        else f"<parameter><valueName>VN-QD18-2021-Level</valueName><value>{level}</value></parameter>"
    )
    return (
        f"<info><language>{language}</language><category>Met</category><event>{escape(event)}</event>"
        f"<urgency>Immediate</urgency><severity>{severity}</severity><certainty>Likely</certainty>{times}"
        f"<headline>{escape(headline)}</headline><description>{escape(description)}</description>"
        f"<instruction>{escape(instruction)}</instruction>{parameter}{resources}"
        f"{area_xml() if areas is None else areas}</info>"
    )


def alert_xml(
    identifier: str = "KTTV-1",
    *,
    sender: str = SENDER,
    sent: str = at(NOON),
    status: str = "Actual",
    msg_type: str = "Alert",
    scope: str = "Public",
    references: Iterable[str] = (),
    infos: str | None = None,
    namespace: str = LINE,
    **info: object,
) -> bytes:
    """Return an alert; what is not said is a strong storm for the commune, sent at `NOON`."""
    named = " ".join(references)
    told = info_xml(**info) if infos is None else infos  # type: ignore[arg-type]
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<alert xmlns="{namespace}">'
        f"<identifier>{identifier}</identifier><sender>{sender}</sender><sent>{sent}</sent><status>{status}</status><msgType>{msg_type}</msgType>"
        f"<scope>{scope}</scope>{f'<references>{named}</references>' if named else ''}{told}</alert>"
    ).encode()


@dataclass(frozen=True, slots=True)
class Signer:
    """A key, and the certificate that speaks for it."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, at_: datetime = NOON) -> "Signer":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "weather service")])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(at_ - timedelta(days=1)).not_valid_after(at_ + timedelta(days=30))
        return cls(key, builder.sign(key, hashes.SHA256()))

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def sign(self, raw: bytes) -> bytes:
        signed = XMLSigner().sign(etree.fromstring(raw), key=self.key, cert=[self.certificate])
        return etree.tostring(signed, xml_declaration=True, encoding="UTF-8")


HOSTILE: Mapping[str, bytes] = {
    "an external entity": b'<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1:%d/x">]>'
    + alert_xml(event="&x;"),
    "an external DTD": b'<!DOCTYPE alert SYSTEM "http://127.0.0.1:%d/x.dtd">' + alert_xml(),
    "a billion laughs": (
        b'<!DOCTYPE a [<!ENTITY l0 "ha">'
        + b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
        + b"]><a>&l9;</a>"
    ),
    "a doctype in UTF-16": '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a []><a/>'.encode("utf-16"),
    "another encoding": b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE',
    "a hundred thousand mistakes": alert_xml(infos="<info/>" * 100_000),
    "a deep well": b"<a>" * 300_000,
    "an inclusion": alert_xml(
        infos='<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="http://127.0.0.1:%d/x"/>'
    ),
    "a stylesheet": b'<?xml-stylesheet href="http://127.0.0.1:%d/x.xsl"?><a/>',
    "a schema elsewhere": (
        b'<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        b' xsi:schemaLocation="urn:oasis:names:tc:emergency:cap:1.2 http://127.0.0.1:%d/x.xsd"/>'
    ),
    "nothing": b"",
}
"""``%d`` is the port of someone who must never be rung up."""
