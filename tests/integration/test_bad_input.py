"""Bad input: a clear sentence in the reader's language, a stable code, nothing half-saved."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.broadcasting import ZONE, now
from support.hostile_media import silent_flac
from support.town import Api, Town

pytestmark = [pytest.mark.slow]

SAVED = ("bulletin", "schedule", "broadcast", "delivery", "outbox", '"order"')


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("bad-input"), gateways=2)
    try:
        town.controller.start()
        town.wait_for_controller()
        yield town
    finally:
        town.stop()


@pytest.fixture(scope="module")
def clip(town: Town) -> dict[str, Any]:
    clip: dict[str, Any] = town.api().speak("Kính mời bà con")["clip"]
    return clip


@pytest.fixture(params=["vi", "en"])
def api(town: Town, request: pytest.FixtureRequest) -> Api:
    return town.api("officer", request.param)


@pytest.fixture(autouse=True)
def nothing_is_half_saved(town: Town) -> Iterator[None]:
    before = saved(town)
    yield
    assert saved(town) == before
    assert list((town.data / "uploads").iterdir()) == []
    assert list((town.data / "scratch").iterdir()) == []


def saved(town: Town) -> dict[str, int]:
    database = sqlite3.connect(town.data / "loacast.db")
    try:
        return {table: database.execute(f"select count(*) from {table}").fetchone()[0] for table in SAVED}  # noqa: S608
    finally:
        database.close()


def in_seconds(seconds: float) -> str:
    return (now() + timedelta(seconds=seconds)).astimezone(ZONE).strftime("%Y-%m-%dT%H:%M:%S")


def wanted(clip: dict[str, Any], *, areas: list[int], **recurrence: Any) -> dict[str, Any]:
    return {
        "bulletin": {"title": "Họp dân", "clip_sha256": clip["sha256"], "source": "speech"},
        "audience": {"areas": areas},
        "recurrence": {"dtstart": in_seconds(3600), **recurrence},
    }


def said(api: Api, problem: dict[str, Any], vi: str, en: str) -> None:
    expected = vi if api.client.headers["accept-language"] == "vi" else en
    assert expected in problem["message"], problem


def test_a_text_file_named_mp3(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "loa.mp3"
    path.write_text("Đây không phải âm thanh.\n" * 100)
    told = api.upload(path)
    assert (told["state"], told["problem"]["code"], told["clip"]) == ("refused", "audio_not_audio", None)
    said(api, told["problem"], "không phải tệp âm thanh", "not an audio file")


def test_an_empty_file(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "rong.wav"
    path.touch()
    told = api.upload(path)
    assert told["problem"]["code"] == "audio_empty_file"
    said(api, told["problem"], "Tệp rỗng", "empty")


def test_ten_hours_of_silence_in_a_small_flac(api: Api, tmp_path: Path) -> None:
    told = api.upload(silent_flac(tmp_path / "im-lang.flac", hours=10))
    assert told["problem"]["code"] == "audio_too_long"
    said(api, told["problem"], "quá dài", "too long")


def test_a_rule_without_an_occurrence(api: Api, clip: dict[str, Any]) -> None:
    body = wanted(clip, areas=[api.area("Ấp Chợ")], rrule="FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30")
    answer = api.post("/schedules", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "no_occurrence")
    said(api, answer.json(), "không có lần phát nào", "nothing to play")


def test_a_rule_that_is_not_supported(api: Api, clip: dict[str, Any]) -> None:
    body = wanted(clip, areas=[api.area("Ấp Chợ")], rrule="FREQ=HOURLY")
    answer = api.post("/schedules", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "rule_unsupported_freq")
    said(api, answer.json(), "Chưa hỗ trợ chu kỳ", "not supported")


def test_an_audience_without_gateways(api: Api, clip: dict[str, Any]) -> None:
    for areas in ([api.area("Ấp chưa có loa")], []):
        answer = api.post("/schedules", json=wanted(clip, areas=areas))
        assert (answer.status_code, answer.json()["code"]) == (422, "nobody_to_play_it")
        said(api, answer.json(), "chưa có cụm loa nào", "no gateway")


def test_a_start_in_the_past(api: Api, clip: dict[str, Any]) -> None:
    body = wanted(clip, areas=[api.area("Ấp Chợ")], dtstart=in_seconds(-60))
    answer = api.post("/schedules", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "start_in_the_past")
    said(api, answer.json(), "Giờ phát đã qua", "gone by")


def test_a_foreign_area(town: Town, api: Api, clip: dict[str, Any]) -> None:
    foreign = town.api("admin").area("Xã Lịch Hội Thượng")
    for path in ("/schedules", "/broadcasts"):
        answer = api.post(path, json=wanted(clip, areas=[api.area("Ấp Chợ"), foreign]))
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_area")
        said(api, answer.json(), "không thuộc phạm vi", "not within yours")


def test_a_gateway_that_does_not_exist_and_one_of_somebody_else(
    town: Town, api: Api, clip: dict[str, Any]
) -> None:
    body = {**wanted(clip, areas=[]), "audience": {"gateways": ["31672-999"]}}
    assert api.post("/schedules", json=body).json()["code"] == "unknown_gateway"
    body = {**wanted(clip, areas=[]), "audience": {"gateways": ["31672-001"]}}
    neighbour = town.api("neighbour")
    answer = neighbour.post("/schedules", json={**body, "bulletin_id": None})
    assert answer.json()["code"] == "foreign_area"


def test_an_emergency_is_not_scheduled(api: Api, clip: dict[str, Any]) -> None:
    body = {**wanted(clip, areas=[api.area("Ấp Chợ")]), "priority": "emergency"}
    assert api.post("/schedules", json=body).json()["code"] == "emergency_not_scheduled"


def test_a_body_that_is_not_what_was_asked_for(api: Api) -> None:
    for body in ({}, {"audience": {"areas": "all"}}, {"title": 1}):
        answer = api.post("/schedules", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    answer = api.client.get("/api/v1/nowhere")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = api.client.delete("/api/v1/schedules")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_a_request_from_another_site(api: Api, clip: dict[str, Any]) -> None:
    body = wanted(clip, areas=[api.area("Ấp Chợ")])
    answer = api.client.post("/api/v1/broadcasts", json=body, headers={"X-CSRF-Token": "guess"})
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_mismatch")


def test_quiet_hours_are_refused_where_they_are_set(tmp_path: Path) -> None:
    town = Town(tmp_path / "quiet", gateways=1, LOACAST_QUIET_HOURS="21:00-05:00")
    try:
        town.controller.start()
        town.wait_for_controller()
        api = town.api()
        clip = api.speak("Kính mời bà con")["clip"]
        tomorrow = (now().astimezone(ZONE) + timedelta(days=1)).strftime("%Y-%m-%d")
        areas = [api.area("Ấp Chợ")]
        answer = api.post("/schedules", json=wanted(clip, areas=areas, dtstart=f"{tomorrow}T03:15:00"))
        assert (answer.status_code, answer.json()["code"]) == (422, "in_quiet_hours")
        assert "03:15" in answer.json()["message"]
        body = wanted(clip, areas=areas, dtstart=f"{tomorrow}T05:00:00")
        assert api.post("/schedules", json=body).status_code == 201
        just_before = wanted(clip, areas=areas, dtstart=f"{tomorrow}T20:59:59")
        assert api.post("/schedules", json=just_before).json()["code"] == "in_quiet_hours"
    finally:
        town.stop()
