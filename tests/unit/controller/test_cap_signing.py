"""What we tell others is signed by a key of our own, and reads as theirs does when it comes to us."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from support.alerts import alert_xml
from support.clocks import NOON
from typer.testing import CliRunner

from controller.cap.command import app as cap
from controller.cap.reading import read
from controller.cap.refusal import CapRefused, Refusal
from controller.cap.signature import signed_part
from controller.cap.signing import FILE, AlertKey, ensure_alert_key, load_alert_key
from controller.cap.xml import NS_SIGNATURE, parse, read_alert, to_node

LATER = NOON + timedelta(days=3000)
ALERT = alert_xml(headline="Bão số 9 <gần bờ> & mạnh")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> AlertKey:
    return ensure_alert_key(tmp_path_factory.mktemp("keys"), "UBND xã Trần Đề", NOON)


def test_a_signed_alert_holds_to_the_schema_and_reads_as_it_was(key: AlertKey) -> None:
    root = parse(key.sign(ALERT))
    assert to_node(root).children[-1].namespace == NS_SIGNATURE, "the last child (CAP 1.2)"
    covered = signed_part(root, key.pem, LATER)
    expected = read(read_alert(parse(ALERT), allow_11=False))
    assert read(read_alert(root, allow_11=False)) == expected
    assert read(read_alert(covered, allow_11=False)) == expected


def test_the_same_alert_is_signed_by_the_same_bytes(key: AlertKey) -> None:
    assert key.sign(ALERT) == key.sign(ALERT), "other bytes of the same name would look forged"


def test_what_was_changed_or_is_by_someone_else_is_refused(key: AlertKey, tmp_path: Path) -> None:
    another = ensure_alert_key(tmp_path, "UBND xã Trần Đề", NOON)
    signed = key.sign(ALERT)
    for raw, pem in ((signed.replace(b"Severe", b"Minor"), key.pem), (signed, another.pem)):
        with pytest.raises(CapRefused) as refused:
            signed_part(parse(raw), pem, LATER)
        assert refused.value.refusal is Refusal.BAD_SIGNATURE


def test_the_key_is_made_once_and_read_by_its_owner_only(tmp_path: Path) -> None:
    assert load_alert_key(tmp_path) is None
    made = ensure_alert_key(tmp_path, "LoaCast", NOON)
    assert ensure_alert_key(tmp_path, "LoaCast", NOON).pem == made.pem
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert b"PRIVATE" not in made.pem.encode()


def test_the_certificate_is_shown_for_others_to_pin(tmp_path: Path) -> None:
    environment = {"LOACAST_DATA_DIR": str(tmp_path)}
    before = CliRunner().invoke(cap, ["certificate"], env=environment)
    assert (before.exit_code, "not signed" in before.stderr) == (2, True)
    made = ensure_alert_key(tmp_path, "LoaCast", NOON)
    shown = CliRunner().invoke(cap, ["certificate"], env=environment)
    assert x509.load_pem_x509_certificate(shown.stdout.encode()) == made.certificate
    assert made.fingerprint in shown.stderr
    out = tmp_path / "loacast.pem"
    assert CliRunner().invoke(cap, ["certificate", "--out", str(out)], env=environment).exit_code == 0
    assert out.read_text() == made.pem
