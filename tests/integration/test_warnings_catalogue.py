"""Which prepared sounds an area has: the nearest of each language, said in order."""

import pytest
from sqlmodel import Session
from support.office import CLIP, ZONE, Office
from support.warning_pack import CLIP_MS, keep_warning

from controller.areas.models import Area
from controller.bulletins.models import Bulletin
from controller.emergencies.forms import EmergencyIn
from controller.emergencies.making import wanted_emergency
from controller.emergencies.models import EmergencySource
from controller.errors import NothingPrepared
from controller.programme.forms import AudienceIn
from controller.warnings.catalogue import all_sounds, sounds_of


def keep(
    office: Office, area_id: int | None, title: str, *, key: str | None = "storm_4", language: str = "vi"
) -> str:
    return keep_warning(office.engine, area_id, title, at=office.clock.now(), key=key, language=language)


def titles(office: Office, area: Area, key: str = "storm_4") -> list[str]:
    with Session(office.engine) as session:
        return [each.title for each in sounds_of(session, area.path, key).bulletins]


def province_of(office: Office) -> int | None:
    return office.commune.parent_id


def test_languages_of_one_key_are_said_vietnamese_first_then_khmer(office: Office) -> None:
    for title, language in (("English", "en"), ("Khmer", "km"), ("Tiếng Việt", "vi")):
        keep(office, office.commune.id, title, language=language)
    assert titles(office, office.commune) == ["Tiếng Việt", "Khmer", "English"]
    with Session(office.engine) as session:
        found = sounds_of(session, office.commune.path, "storm_4")
    assert [each.sha256 for each in found.clips] == [each.clip_sha256 for each in found.bulletins]
    assert found.duration_ms == 3 * CLIP_MS
    assert found.languages == ("vi", "km", "en")


def test_the_nearest_area_upward_wins_for_each_language_by_itself(office: Office) -> None:
    keep(office, province_of(office), "Việt của tỉnh")
    keep(office, province_of(office), "Khmer của tỉnh", language="km")
    keep(office, office.commune.id, "Khmer của xã", language="km")
    assert titles(office, office.commune) == ["Việt của tỉnh", "Khmer của xã"]
    assert titles(office, office.hamlets[0]) == ["Việt của tỉnh", "Khmer của xã"]
    assert titles(office, office.foreign) == ["Việt của tỉnh", "Khmer của tỉnh"]


def test_the_newest_of_one_area_wins(office: Office) -> None:
    keep(office, office.commune.id, "trước")
    keep(office, office.commune.id, "sau")
    assert titles(office, office.commune) == ["sau"]


def test_what_lies_below_or_beside_is_not_on_all_gateways_and_so_not_had(office: Office) -> None:
    keep(office, office.hamlets[0].id, "của ấp")
    with Session(office.engine) as session, pytest.raises(NothingPrepared) as refused:
        sounds_of(session, office.commune.path, "storm_4")
    assert refused.value.params["key"] == "storm_4"
    with pytest.raises(NothingPrepared):
        titles(office, office.hamlets[1])
    assert titles(office, office.hamlets[0]) == ["của ấp"]


def test_a_warning_without_a_key_goes_by_the_id_of_its_bulletin(office: Office) -> None:
    own = keep(office, office.commune.id, "không khóa", key=None)
    assert titles(office, office.commune, own) == ["không khóa"]
    with Session(office.engine) as session:
        assert [each.key for each in all_sounds(session, office.commune.path)] == [own]


def test_with_its_blanks_filled_in_vietnamese_it_is_still_said_in_khmer(office: Office) -> None:
    keep(office, office.commune.id, "Tiếng Việt")
    khmer = keep(office, office.commune.id, "Khmer", language="km")
    form = EmergencyIn(
        source=EmergencySource.WARNING,
        key="storm_4",
        clip_sha256=CLIP,
        text="Bão số 9.",
        audience=AudienceIn(areas=[office.commune.id]),
    )
    with Session(office.engine) as session, session.begin():
        new = wanted_emergency(session, office.officer, form, now=office.clock.now(), zone=ZONE)
        said = session.get_one(Bulletin, khmer).clip_sha256
    assert [each.sha256 for each in new.clips] == [CLIP, said]
