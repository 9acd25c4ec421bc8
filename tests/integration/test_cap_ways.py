"""Alerts on their real ways: a token, a person, a real broker; and out again as a feed for others."""

import base64
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlmodel import Session, col, update
from support.alerts import (
    HOSTILE,
    SENDER,
    Signer,
    alert_xml,
    area_xml,
    at,
    info_xml,
    recording_xml,
    reference,
)
from support.broadcasting import now
from support.eventually import eventually
from support.media import murmur, opus
from support.town import Town
from typer.testing import CliRunner, Result

from controller.cap.alert import Alert, MsgType
from controller.cap.atom import CAP_TYPE, read_entries
from controller.cap.command import app as cap
from controller.cap.models import CapFeed
from controller.cap.reading import read
from controller.cap.signature import signed_part
from controller.cap.signing import ensure_alert_key, load_alert_key
from controller.cap.xml import parse, read_alert, to_node
from controller.db import make_engine
from wire.mqtt import BrokerAddress, Connection

pytestmark = [pytest.mark.slow]

HAMLET = area_xml(geocodes=[("VN-GSO", "H1")])


def run(town: Town, *arguments: str) -> Result:
    """Run the controller's command line."""
    return CliRunner().invoke(cap, ["feed", *arguments], env=town.environment)


def add(town: Town, *arguments: str) -> str:
    """Add a feed for the commune and return the secret that is printed."""
    done = run(town, "add", *arguments, "--sender", SENDER)
    assert done.exit_code == 0, done.output
    return done.stdout.rsplit(": ", 1)[-1].strip()


def grow_old(town: Town, name: str) -> None:
    """Let a feed have been there for a minute."""
    engine = make_engine(town.settings.url)
    with Session(engine) as session, session.begin():
        then = now() - timedelta(minutes=1)
        session.execute(update(CapFeed).where(col(CapFeed.name) == name).values(created_at=then))
    engine.dispose()


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer.make(now())


@pytest.fixture(scope="module")
def secrets() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, signer: Signer, secrets: dict[str, str]) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("cap"), gateways=2)
    ensure_alert_key(town.settings.data_dir, "LoaCast", now())
    certificate = town.directory / "kttv.pem"
    certificate.write_text(signer.pem)
    secrets["push"] = add(town, "push", "31673", "--kind", "push", "--auto-level", "5")
    add(town, "silent", "31673", "--kind", "push", "--interval", "5")
    grow_old(town, "silent")
    signed = ("--certificate", str(certificate), "--auto-level", "4")
    secrets["kttv"] = add(town, "wmo", "31673", "--kind", "mqtt", "--topic", "cap/kttv/alerts", *signed)
    try:
        town.broker.start()
        town.controller.start()
        town.wait_for_controller()
        yield town
    finally:
        town.stop()


def fresh(identifier: str, **how: Any) -> bytes:
    """Return an alert of this very moment for one hamlet."""
    plain = {"sent": at(now()), "expires": at(now() + timedelta(hours=2)), "areas": HAMLET}
    plain |= {"description": "", "instruction": ""}
    return alert_xml(identifier, **(plain | how))


def push(town: Town, secrets: dict[str, str], raw: bytes, token: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token or secrets['push']}", "Content-Type": CAP_TYPE}
    return httpx.post(f"{town.base_url}/api/v1/cap", content=raw, headers=headers)


def alert_row(town: Town, identifier: str) -> dict[str, Any]:
    found = [each for each in town.api().get("/cap/alerts") if each["identifier"] == identifier]
    return found[0] if found else {}


def emergency_of(town: Town, identifier: str) -> dict[str, Any]:
    """Wait until an alert has become an emergency, and return it."""
    ids = eventually(lambda: alert_row(town, identifier).get("emergency_ids"), 30, f"a draft of {identifier}")
    assert ids
    found: dict[str, Any] = town.api().get(f"/emergencies/{ids[0]}")
    return found


def published(town: Town, emergency_id: str, number: int) -> Alert:
    """Return a message of ours as others take it: valid, and signed by the certificate that they pinned."""
    answer = httpx.get(f"{town.base_url}/api/v1/cap/alerts/{emergency_id}/{number}.xml")
    assert (answer.status_code, answer.headers["content-type"]) == (200, CAP_TYPE)
    key = load_alert_key(town.settings.data_dir)
    assert key is not None
    root = parse(answer.content)
    read_alert(root, allow_11=False)
    return read(read_alert(signed_part(root, key.pem, now()), allow_11=False))


def test_a_feed_with_its_token_brings_a_draft_and_what_is_strong_sounds(
    town: Town, secrets: dict[str, str]
) -> None:
    weak, strong = fresh("PUSH-1"), fresh("PUSH-2", severity="Extreme")
    for raw, is_new in ((weak, True), (weak, False), (strong, True)):
        answer = push(town, secrets, raw)
        assert (answer.status_code, answer.json()["is_new"]) == (202, is_new)
    assert emergency_of(town, "PUSH-1")["state"] == "draft"
    sounding = emergency_of(town, "PUSH-2")
    assert (sounding["state"], sounding["source"], sounding["level"]) == ("active", "cap", 5)
    roll_call = town.api().get(f"/emergencies/{sounding['id']}/roll-call")
    assert (roll_call["total"], [each["name"] for each in roll_call["hamlets"]]) == (2, ["Ấp Chợ"])

    told = published(town, sounding["id"], 1)
    assert (told.msg_type, told.infos[0].level, told.infos[0].headline) == (
        MsgType.ALERT,
        5,
        sounding["title"],
    )
    feed = httpx.get(f"{town.base_url}/api/v1/cap/feed.atom").content
    urls = [each.url for each in read_entries(to_node(parse(feed)), town.base_url)]
    assert f"{town.base_url}/api/v1/cap/alerts/{sounding['id']}/1.xml" in urls
    assert not any(emergency_of(town, "PUSH-1")["id"] in url for url in urls), "a draft is nobody's business"

    sent = alert_row(town, "PUSH-2")["sent_at"]
    cancel = alert_xml(
        "PUSH-3",
        sent=at(now()),
        msg_type="Cancel",
        references=[f"{SENDER},PUSH-2,{sent.replace('Z', '+00:00')}"],
        infos="",
    )
    assert push(town, secrets, cancel).status_code == 202
    assert town.api().get(f"/emergencies/{sounding['id']}")["ending"] == "all_clear"
    taken_back = published(town, sounding["id"], 2)
    assert (taken_back.msg_type, taken_back.references) == (MsgType.CANCEL, (told.key,))


def test_whoever_has_no_token_is_a_stranger(town: Town, secrets: dict[str, str]) -> None:
    raw = fresh("STRANGER")
    for token in ("guess", secrets["kttv"]):
        answer = httpx.post(
            f"{town.base_url}/api/v1/cap", content=raw, headers={"Authorization": f"Bearer {token}"}
        )
        assert (answer.status_code, answer.json()["code"]) == (401, "not_logged_in")
    assert httpx.post(f"{town.base_url}/api/v1/cap", content=raw).status_code == 401
    assert alert_row(town, "STRANGER") == {}


def test_what_an_officer_brings_is_a_draft_in_their_own_area(town: Town) -> None:
    api = town.api("officer")
    raw = fresh("BY-HAND", severity="Extreme", areas=area_xml(geocodes=[("VN-GSO", "92")]))
    answer = api.client.post("/api/v1/cap", content=raw, headers={"Content-Type": CAP_TYPE})
    assert answer.status_code == 202, answer.text
    draft = emergency_of(town, "BY-HAND")
    assert (draft["state"], alert_row(town, "BY-HAND")["reason"]) == ("draft", "unproven")
    station = next(each for each in api.get("/areas") if each["name"].startswith("Địa bàn"))
    assert draft["area_id"] == station["id"]
    assert [each["identifier"] for each in town.api("neighbour").get("/cap/alerts")] == []
    monitor = town.api("monitor").client.post("/api/v1/cap", content=raw)
    assert (monitor.status_code, monitor.json()["code"]) == (403, "not_allowed")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_refusal_says_why_and_keeps_nothing(town: Town, language: str) -> None:
    api = town.api("officer", language)
    for raw, code in (
        (HOSTILE["a billion laughs"], "cap_doctype"),
        (bytes(2**20 + 1), "cap_too_large"),
        (fresh("LATE", sent="2026-11-24T05:00:00Z"), "cap_bad_time"),
    ):
        answer = api.client.post("/api/v1/cap", content=raw)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert len(answer.json()["message"]) > 20
    assert alert_row(town, "LATE") == {}


def test_a_composer_publishes_through_a_real_broker_and_only_the_pinned_signature_sounds(
    town: Town, secrets: dict[str, str], signer: Signer
) -> None:
    town.broker.reload()
    connection = Connection(
        BrokerAddress(town.broker.host, town.broker.port, "kttv", secrets["kttv"]),
        subscriptions=(),
        on_message=lambda _message: None,
        on_connected=lambda _present: None,
        on_lost=lambda: None,
    )
    connection.start()
    try:
        assert connection.wait_connected(10)
        for raw in (
            Signer.make(now()).sign(fresh("FORGED")),
            fresh("UNSIGNED"),
            signer.sign(fresh("SIGNED")),
        ):
            composed = {"data": base64.b64encode(raw).decode(), "filename": "alert.xml"}
            connection.publish("cap/kttv/alerts", orjson.dumps(composed))
            connection.publish("cap/other/alerts", orjson.dumps(composed))
        assert emergency_of(town, "SIGNED")["state"] == "active"
        assert emergency_of(town, "UNSIGNED")["state"] == "draft"
        assert alert_row(town, "FORGED") == {}
    finally:
        connection.stop()


def test_the_command_line_says_how_feeds_are_and_what_they_would_take(
    town: Town, signer: Signer, tmp_path: Path
) -> None:
    listed = run(town, "list").stdout
    assert re.search(r"^push  push  -  level 5 on sounds  \d{4}", listed, re.MULTILINE)
    good, bad = tmp_path / "good.xml", tmp_path / "bad.xml"
    good.write_bytes(signer.sign(fresh("CHECK")))
    bad.write_bytes(Signer.make(now()).sign(fresh("CHECK")))
    assert "certainly by its sender" in run(town, "check", "wmo", "--file", str(good)).stdout
    refused = run(town, "check", "wmo", "--file", str(bad))
    assert (refused.exit_code, "signature" in refused.stderr) == (2, True)
    for wrong in (
        ("add", "x", "31673", "--kind", "http", "--sender", "a", "--url", "ftp://a"),
        ("add", "x", "31673", "--kind", "mqtt", "--sender", "a", "--topic", "loa/v1/g/x/up/report"),
        ("add", "x", "31673", "--kind", "mqtt", "--sender", "a", "--topic", "cap/controller/a"),
        ("add", "x", "31673", "--kind", "push", "--sender", "a,b"),
        ("add", "x", "31673", "--kind", "mqtt", "--sender", "a", "--topic", "cap/31672-001/a"),
        ("add", "x", "31673", "--kind", "mqtt", "--sender", "a", "--topic", "cap/kttv/a"),
        ("add", "push", "31673", "--kind", "push", "--sender", "a"),
        ("add", "x", "31673", "--kind", "push", "--sender", "a", "--archive", "https://a.example/{name}"),
        ("add", "x", "31673", "--kind", "push", "--sender", "a", "--archive", "ftp://a.example/{identifier}"),
        ("remove", "nobody"),
    ):
        assert run(town, *wrong).exit_code == 2, wrong
    assert add(town, "short", "31673", "--kind", "mqtt", "--topic", "cap/short/alerts")
    passwords = town.broker.directory / "passwd"
    assert "short:" in passwords.read_text()
    assert run(town, "remove", "short").exit_code == 0
    assert "short:" not in passwords.read_text()
    assert "short" not in run(town, "list").stdout


def test_today_shows_what_is_silent_and_what_needs_a_person(town: Town, secrets: dict[str, str]) -> None:
    push(town, secrets, fresh("KHMER", language="km", headline="ព្យុះខ្លាំង"))
    page = eventually(lambda: _today(town, "KHMER"), 40, "it is shown")
    assert page is not None
    assert 'data-cap-feed="silent"' in page
    assert "Không nhận được gì từ nguồn “silent”" in page
    assert "Hãy tự đọc lên loa" in page
    assert 'data-cap-feed="push"' not in page, "it need not be heard of"
    assert "KHMER" not in town.api("neighbour").client.get("/parts/today").text


def test_whoever_approves_hears_first_what_the_alert_brings_and_reads_why_it_does_not_sound(
    town: Town, secrets: dict[str, str]
) -> None:
    recording = recording_xml(opus(murmur(1_500)), mime_type="audio/ogg")
    changed = recording_xml(opus(murmur(1_500)), digest="0" * 40)
    times: dict[str, Any] = {"expires": at(now() + timedelta(hours=2)), "areas": HAMLET}
    infos = [
        info_xml(language="vi", resources=changed, **times),
        info_xml(language="km", headline="ព្យុះ", resources=recording, **times),
    ]
    push(town, secrets, fresh("RECORDED", infos="".join(infos)))
    draft = emergency_of(town, "RECORDED")
    assert alert_row(town, "RECORDED")["recordings"] == {"vi": "other_digest", "km": "used"}
    page = town.api().client.get("/parts/khan-cap").text
    for shown in ("Tiếng Khmer", "phát bản ghi âm kèm theo", "mã kiểm tra không khớp"):
        assert shown in page
    card = page.split(draft["id"], 1)[1].split("</section>", 1)[0]
    listened = re.findall(r"/api/v1/clips/\w+/audio", card)
    assert len(listened) >= 2
    for path in listened:
        assert town.api().client.get(path).headers["content-type"] == "audio/ogg"
        assert town.api("neighbour").client.get(path).status_code == 404


def _today(town: Town, identifier: str) -> str | None:
    page = town.api().client.get("/parts/today").text
    return page if f'data-cap-alert="{identifier}"' in page and "data-cap-feed" in page else None


def test_an_update_names_what_it_replaces(town: Town, secrets: dict[str, str]) -> None:
    earlier = now() - timedelta(seconds=30)
    push(town, secrets, fresh("FLOOD-1", sent=at(earlier), severity="Extreme"))
    first = emergency_of(town, "FLOOD-1")
    named = [reference("FLOOD-1", earlier)]
    push(town, secrets, fresh("FLOOD-2", msg_type="Update", references=named, severity="Extreme"))
    second = emergency_of(town, "FLOOD-2")
    replaced: dict[str, Any] = town.api().get(f"/emergencies/{first['id']}")
    assert (replaced["ending"], replaced["superseded_by"]) == ("superseded", second["id"])
    update = published(town, second["id"], 1)
    assert (update.msg_type, update.references) == (
        MsgType.UPDATE,
        (published(town, first["id"], 1).key,),
    )
