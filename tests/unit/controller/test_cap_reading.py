"""CAP from strangers: what is good becomes values, all else is refused with a reason, quickly and quietly."""

import resource
import socket
import sys
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from signxml.signer import XMLSigner
from support.alerts import (
    AROUND_THE_COMMUNE,
    HOSTILE,
    Signer,
    alert_xml,
    area_xml,
    info_xml,
    reference,
)
from support.clocks import NOON

from controller.cap.alert import Alert, Geocode, Key
from controller.cap.reading import read, read_time
from controller.cap.refusal import CapRefused, Refusal
from controller.cap.signature import signed_part
from controller.cap.xml import has_signature, parse, read_alert


def taken(raw: bytes, *, tolerant: bool = False, allow_11: bool = False) -> Alert:
    return read(read_alert(parse(raw), allow_11=allow_11), tolerant=tolerant)


def refusal(raw: bytes, **how: bool) -> Refusal:
    with pytest.raises(CapRefused) as caught:
        taken(raw, **how)
    return caught.value.refusal


def test_an_alert_is_read_whole() -> None:
    areas = area_xml(polygons=[AROUND_THE_COMMUNE], circles=["9.55,106.15 2.5"])
    alert = taken(alert_xml(level=4, areas=areas, onset="2026-11-24T15:00:00+07:00"))
    assert alert.key == Key("kttv@example.vn", "KTTV-1", NOON)
    (info,) = alert.infos
    assert (info.language, info.event, info.level) == ("vi-VN", "Bão mạnh", 4)
    assert info.starts_at == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert info.expires_at == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert len(info.areas[0].shapes) == 2
    assert info.areas[0].geocodes == (Geocode("VN-GSO", "31673"),)


def test_a_cancel_needs_no_info() -> None:
    alert = taken(alert_xml("KTTV-2", msg_type="Cancel", references=[reference("KTTV-1")], infos=""))
    assert (alert.infos, alert.references) == ((), (Key("kttv@example.vn", "KTTV-1", NOON),))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_refused_within_two_seconds_and_ring_nobody_up(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as canary:
        raw = HOSTILE[name].replace(b"%d", str(canary.getsockname()[1]).encode())
        began, memory_before = time.perf_counter(), peak_mb()
        assert refusal(raw) in {
            Refusal.DOCTYPE,
            Refusal.TOO_LARGE,
            Refusal.NOT_UTF8,
            Refusal.TOO_MANY,
            Refusal.NOT_XML,
            Refusal.SCHEMA,
            Refusal.FOREIGN,
        }
        assert time.perf_counter() - began < 2
        assert peak_mb() - memory_before < 100
        canary.setblocking(False)
        with pytest.raises(BlockingIOError):
            canary.accept()


def test_a_hundred_megabytes_are_not_even_looked_at() -> None:
    raw = bytes(100_000_000)
    began, memory_before = time.perf_counter(), peak_mb()
    assert refusal(raw) is Refusal.TOO_LARGE
    assert time.perf_counter() - began < 0.1
    assert peak_mb() - memory_before < 10


def peak_mb() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 2**20 if sys.platform == "darwin" else used / 2**10


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (alert_xml(namespace="http://www.incident.com/cap/1.0"), Refusal.OLD_VERSION),
        (alert_xml(namespace="urn:oasis:names:tc:emergency:cap:1.1"), Refusal.OLD_VERSION),
        (alert_xml(namespace="urn:example:other"), Refusal.FOREIGN),
        (b"<rss/>", Refusal.FOREIGN),
        (alert_xml(status="Real"), Refusal.SCHEMA),
        (alert_xml().replace(b"<scope>Public</scope>", b""), Refusal.SCHEMA),
        (alert_xml(event=" "), Refusal.SCHEMA),
        (alert_xml("KTTV 1"), Refusal.BAD_NAME),
        (alert_xml(sender="a,b"), Refusal.BAD_NAME),
        (alert_xml("a&amp;b"), Refusal.BAD_NAME),
        (alert_xml("&lt;b"), Refusal.BAD_NAME),
        (alert_xml(sent="2026-11-24T05:00:00Z"), Refusal.BAD_TIME),
        (alert_xml(sent="2026-11-24T05:00:00"), Refusal.BAD_TIME),
        (alert_xml(sent="2026-11-24 05:00:00+07:00"), Refusal.BAD_TIME),
        (alert_xml(sent="2026-02-30T05:00:00+07:00"), Refusal.BAD_TIME),
        (alert_xml(sent="2026-11-24T05:00:00+99:00"), Refusal.BAD_TIME),
        (alert_xml(expires="2026-11-24T05:00:00+00:00"), Refusal.EXPIRES_FIRST),
        (alert_xml(references=["KTTV-1"]), Refusal.BAD_REFERENCE),
        (alert_xml(references=[reference("KTTV-1")]), Refusal.BAD_REFERENCE),
        (alert_xml(references=["a,b,2026-11-24T05:00:01+00:00"]), Refusal.BAD_REFERENCE),
        (alert_xml(areas=area_xml(polygons=["1,1 2,2 1,1"])), Refusal.BAD_SHAPE),
        (alert_xml(areas=area_xml(polygons=["1,1 1,2 2,2 2,1"])), Refusal.BAD_SHAPE),
        (alert_xml(areas=area_xml(polygons=["91,1 1,2 2,2 91,1"])), Refusal.BAD_SHAPE),
        (alert_xml(areas=area_xml(circles=["1,1 -2"])), Refusal.BAD_SHAPE),
        (alert_xml(areas=area_xml(circles=["1,1 nan"])), Refusal.BAD_SHAPE),
        (alert_xml(infos=info_xml() * 51), Refusal.TOO_MANY),
        (alert_xml(areas=area_xml() * 201), Refusal.TOO_MANY),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_reason(raw: bytes, expected: Refusal) -> None:
    assert refusal(raw) is expected


def test_the_largest_alert_that_is_allowed_is_taken() -> None:
    areas = [area_xml() * 4] * 50
    assert len(taken(alert_xml(infos="".join(info_xml(areas=each) for each in areas))).infos) == 50


def test_version_1_1_is_taken_where_a_feed_allows_it() -> None:
    raw = alert_xml(namespace="urn:oasis:names:tc:emergency:cap:1.1")
    assert taken(raw, allow_11=True).version == "1.1"


def test_a_tolerant_feed_may_write_z_but_no_time_without_an_offset() -> None:
    assert taken(alert_xml(sent="2026-11-24T05:00:00.25Z"), tolerant=True).key.sent_at == NOON
    assert refusal(alert_xml(sent="2026-11-24T05:00:00"), tolerant=True) is Refusal.BAD_TIME
    assert read_time("2026-11-24T05:00:00-00:00") == NOON
    assert read_time("2026-11-24T12:00:00+07:00") == NOON


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer.make()


def test_a_signature_by_the_pinned_certificate_holds_and_says_what_was_signed(signer: Signer) -> None:
    root = parse(signer.sign(alert_xml()))
    assert has_signature(root)
    assert read(read_alert(signed_part(root, signer.pem, NOON), allow_11=False)) == taken(alert_xml())


def test_a_changed_alert_another_certificate_or_one_that_is_over_is_no_signature(signer: Signer) -> None:
    signed = signer.sign(alert_xml())
    for raw, pem, now in (
        (signed.replace("cấp 12".encode(), "cấp 17".encode()), signer.pem, NOON),
        (signed, Signer.make().pem, NOON),
        (signed, signer.pem, datetime(2027, 11, 24, tzinfo=UTC)),
        (signed, "no certificate", NOON),
    ):
        with pytest.raises(CapRefused) as caught:
            signed_part(parse(raw), pem, now)
        assert caught.value.refusal is Refusal.BAD_SIGNATURE


def test_a_signed_alert_wrapped_in_another_is_no_signature(signer: Signer) -> None:
    """Signature wrapping: the old, signed alert is hidden in a new one that says something else."""
    signed = signer.sign(alert_xml("OLD")).split(b"?>", 1)[1].strip()
    body, signature = (
        signed[: signed.index(b"<ds:Signature")] + b"</alert>",
        signed[signed.index(b"<ds:Signature") :],
    )
    signature = signature.removesuffix(b"</alert>")
    forged = alert_xml("NEW").replace(b"</alert>", b"<note>%s</note>%s</alert>" % (body, signature))
    with pytest.raises(CapRefused) as caught:
        signed_part(parse(forged), signer.pem, NOON)
    assert caught.value.refusal is Refusal.BAD_SIGNATURE


def test_an_alert_hidden_in_the_signature_itself_is_no_signature(signer: Signer) -> None:
    """The schema looks away from what is in a signature, and what is in it may be what is signed."""
    hidden = etree.fromstring(alert_xml("OLD"))
    hidden.set("Id", "hidden")
    signed = XMLSigner().sign(
        hidden, key=signer.key, cert=[signer.certificate], reference_uri="hidden", always_add_key_value=False
    )
    (signature,) = (child for child in signed if str(child.tag).endswith("Signature"))
    signed.remove(signature)
    container = etree.SubElement(signature, "{http://www.w3.org/2000/09/xmldsig#}Object")
    container.append(signed)
    forged = etree.fromstring(alert_xml("NEW"))
    forged.append(signature)
    assert taken(etree.tostring(forged)).key.identifier == "NEW"
    with pytest.raises(CapRefused) as caught:
        signed_part(parse(etree.tostring(forged)), signer.pem, NOON)
    assert caught.value.refusal is Refusal.BAD_SIGNATURE


PIECES = st.sampled_from(
    [
        *(bytes([each]) for each in b"<>&;/\"'=! \0\xff"),
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"&#0;",
        b"&#x10FFFF;",
        b"<info>",
        b"</info>",
        b"<polygon>1,1</polygon>",
        b"9" * 40,
        b"1e999",
        b"nan",
        b"\xc2\x85",
        "２０２６".encode(),
    ]
)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 40), PIECES | st.binary(max_size=6)), max_size=4)
)
def test_whatever_is_done_to_an_alert_nothing_but_a_refusal_is_raised(
    edits: list[tuple[int, int, bytes]],
) -> None:
    raw = alert_xml(areas=area_xml(polygons=[AROUND_THE_COMMUNE], circles=["9.5,106.1 3"]), level=3)
    for place, length, piece in edits:
        raw = raw[:place] + piece + raw[place + length :]
    try:
        alert = taken(raw, tolerant=True, allow_11=True)
    except CapRefused:
        return
    assert alert.key.identifier


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_noise_is_refused(raw: bytes) -> None:
    assert refusal(raw) in set(Refusal)
