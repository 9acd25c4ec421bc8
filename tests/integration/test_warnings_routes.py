"""Prepared warnings over HTTP: each sees their area's, and has one spoken with its blanks filled."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from support.commune import Commune, found_commune, found_database
from support.site import MidMorning, Site, quiet_settings, running_site
from support.town import Api
from support.warning_pack import CLIP_MS, keep_warning


@dataclass(frozen=True, slots=True)
class Served:
    site: Site
    commune: Commune
    known: dict[str, Api] = field(default_factory=dict)

    def api(self, username: str) -> Api:
        if username not in self.known:
            self.known[username] = Api(self.site.base_url, username)
        return self.known[username]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings, clock = quiet_settings(tmp_path_factory.mktemp("site")), MidMorning()
    engine = found_database(settings)
    commune = found_commune(engine, settings, clock.now())
    areas, now = commune.areas, clock.now()
    station, other = areas["Địa bàn đài Đại Ân 2"], areas["Xã Lịch Hội Thượng"]
    keep_warning(engine, areas["Xã Trần Đề"], "Bão mạnh", at=now, hazard="storm", level=4)
    keep_warning(engine, station, "ព្យុះ", at=now, hazard="storm", level=4, language="km")
    keep_warning(engine, areas["Xã Trần Đề"], "Báo yên", at=now, key="all_clear")
    keep_warning(engine, station, "Còi báo bão", at=now, key="siren_storm")
    keep_warning(engine, station, "Vỡ bờ bao", at=now, key="dyke_broken")
    keep_warning(engine, other, "Cháy", at=now, key="fire", hazard="fire")
    engine.dispose()
    with running_site(settings, clock) as site:
        found = Served(site, commune)
        yield found
        for api in found.known.values():
            api.client.close()


def test_an_officer_sees_what_their_gateways_keep_and_not_what_has_a_role(served: Served) -> None:
    storm, dyke = served.api("officer").get("/warnings")
    assert (storm["key"], storm["hazard"], storm["level"], storm["siren"]) == (
        "storm_4",
        "storm",
        4,
        "siren_storm",
    )
    assert (storm["title"], storm["languages"], storm["duration_ms"]) == (
        "Bão mạnh",
        ["vi", "km"],
        2 * CLIP_MS,
    )
    assert [blank["name"] for blank in storm["blanks"]] == ["name", "place", "wind", "time"]
    assert (dyke["key"], dyke["hazard"], dyke["blanks"], dyke["siren"]) == ("dyke_broken", None, [], None)


def test_the_commune_does_not_see_what_only_a_station_below_keeps(served: Served) -> None:
    leader = served.api("leader")
    # Nor a siren that they could not order.
    assert [(each["languages"], each["siren"]) for each in leader.get("/warnings")] == [(["vi"], None)]
    station = served.commune.areas["Địa bàn đài Đại Ân 2"]
    assert len(leader.get("/warnings", area_id=station)) == 2


def test_nobody_sees_or_speaks_those_of_a_neighbour(served: Served) -> None:
    other = served.commune.areas["Xã Lịch Hội Thượng"]
    officer = served.api("officer")
    answer = officer.client.get("/api/v1/warnings", params={"area_id": other})
    assert answer.json()["code"] == "foreign_area"
    body = {"values": {"place": "chợ"}, "area_id": other}
    assert officer.post("/warnings/fire/spoken", json=body).json()["code"] == "foreign_area"


STORM = {"name": "số 9", "place": "cửa Trần Đề", "wind": "12", "time": "7h30"}


def spoken(api: Api, key: str = "storm_4", **values: str) -> httpx.Response:
    return api.post(f"/warnings/{key}/spoken", json={"values": values})


def test_with_its_blanks_filled_it_becomes_a_clip_that_says_so_for_the_own_authority(served: Served) -> None:
    leader = served.api("leader")
    answer = spoken(leader, **STORM)
    assert answer.status_code == 202, answer.text
    begun: dict[str, Any] = answer.json()
    assert begun["text"].startswith("Ủy ban nhân dân xã Trần Đề cảnh báo khẩn cấp: bão mạnh")
    assert "Tâm bão số 9 đang ở cửa Trần Đề, gió mạnh cấp 12, ảnh hưởng đến vùng ta từ 7h30." in begun["text"]
    clip = leader.prepared(begun["preparation_id"])["clip"]
    assert clip["duration_ms"] > 20_000


@pytest.mark.parametrize(
    ("key", "values", "code", "field_named"),
    [
        ("storm_4", {**STORM, "wind": ""}, "invalid_input", "wind"),
        ("storm_4", {**STORM, "colour": "đỏ"}, "invalid_input", "colour"),
        ("storm_4", {**STORM, "wind": "x" * 200}, "invalid_input", "wind"),
        ("all_clear", {}, "invalid_input", "values"),
        ("dyke_broken", {}, "not_found", None),
        ("storm_5", STORM, "nothing_prepared", None),
    ],
)
def test_what_cannot_be_filled_is_refused_by_its_name(
    served: Served, key: str, values: dict[str, str], code: str, field_named: str | None
) -> None:
    problem = spoken(served.api("officer"), key, **values).json()
    assert (problem["code"], problem["field"]) == (code, field_named)


def test_who_may_not_warn_has_nothing_spoken(served: Served) -> None:
    assert spoken(served.api("monitor"), **STORM).json()["code"] == "not_allowed"
