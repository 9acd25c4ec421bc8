"""What a stranger gets: headers that protect, a way to the log-in, faults as pages or as JSON."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.app import create_app
from controller.settings import Settings


class Stranger:
    """Someone without a log-in, who keeps cookies; nothing that asks the database for more than nothing."""

    def __init__(self, data_dir: Path, **settings: Any) -> None:
        app = create_app(Settings(data_dir=data_dir, **settings))
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._cookies = httpx.Cookies()

    def get(self, path: str, **how: Any) -> httpx.Response:
        return asyncio.run(self._ask("GET", path, **how))

    def post(self, path: str, **how: Any) -> httpx.Response:
        return asyncio.run(self._ask("POST", path, **how))

    async def _ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=self._transport, base_url="http://loacast.test", cookies=self._cookies
        ) as client:
            answer = await client.request(method, path, **how)
            self._cookies.update(client.cookies)
            return answer


@pytest.fixture
def client(tmp_path: Path) -> Stranger:
    return Stranger(tmp_path)


@pytest.mark.parametrize("path", ["/dang-nhap", "/", "/static/app.js", "/api/v1/me", "/nowhere"])
def test_every_answer_keeps_other_peoples_scripts_and_frames_out(client: Stranger, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "microphone=(self)" in headers["permissions-policy"]


def test_pages_are_not_kept_by_caches_and_files_are_asked_for_again(client: Stranger) -> None:
    assert client.get("/dang-nhap").headers["cache-control"] == "no-store"
    assert client.get("/static/app.css").headers["cache-control"] == "no-cache"


def test_browsers_are_held_to_https_only_where_it_is_served(tmp_path: Path) -> None:
    assert "strict-transport-security" not in Stranger(tmp_path / "plain").get("/dang-nhap").headers
    secure = Stranger(tmp_path / "secure", https=True).get("/dang-nhap")
    assert secure.headers["strict-transport-security"].startswith("max-age=")


def test_a_stranger_is_led_to_the_log_in_and_back(client: Stranger) -> None:
    answer = client.get("/tuan?from=2026-11-23")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/dang-nhap?next=%2Ftuan%3Ffrom%3D2026-11-23"


@pytest.mark.parametrize("path", ["/parts/today", "/api/v1/gateways"])
def test_programs_are_told_in_json(client: Stranger, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 401
    assert answer.json()["code"] == "not_logged_in"


def test_a_page_that_is_not_there_says_so_in_the_readers_language(client: Stranger) -> None:
    answer = client.get("/nowhere", headers={"accept-language": "en"})
    assert answer.status_code == 404
    assert "There is no such thing here." in answer.text
    assert "Không tìm thấy" in client.get("/nowhere").text


def test_a_form_on_another_site_cannot_log_anyone_in(client: Stranger) -> None:
    answer = client.post(
        "/dang-nhap", data={"username": "a", "password": "b"}, headers={"sec-fetch-site": "cross-site"}
    )
    assert answer.status_code == 403


def test_the_language_is_kept_and_leads_back(client: Stranger) -> None:
    answer = client.post("/ngon-ngu", data={"language": "en", "next": "//evil.example"})
    assert answer.headers["location"] == "/"
    assert "loacast_language=en" in answer.headers["set-cookie"]
    assert "Log in" in client.get("/dang-nhap").text


def test_an_unknown_language_changes_nothing(client: Stranger) -> None:
    answer = client.post("/ngon-ngu", data={"language": "xx", "next": "/"})
    assert "set-cookie" not in answer.headers
