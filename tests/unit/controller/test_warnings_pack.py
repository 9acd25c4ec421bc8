"""The built-in warnings: what the law and the loudspeaker ask of their words, and their blanks."""

import re
from pathlib import Path

import pytest

from audio.sirens import Siren
from controller.areas.models import AreaKind
from controller.errors import InvalidInput
from controller.warnings.pack import LONGEST_VALUE, PackedWarning, find_packed, issuer_of, read_pack

ISSUER = "Ủy ban nhân dân xã Trần Đề"
WARNINGS = [each for each in read_pack() if not each.is_role]
ROLES = {each.key: each for each in read_pack() if each.is_role}

LEVELS = {
    "storm": {3, 4, 5},
    "depression": {3},
    "flood": {1, 2, 3, 4, 5},
    "surge": {2, 3, 4, 5},
    "salt": {1, 2, 3, 4},
    "whirlwind": {1, 2},
    "rain": {1, 2, 3, 4},
    "sea_wind": {2, 3},
    "drought": {1, 2, 3, 4},
    "erosion": {None},
    "fire": {None},
    "epidemic": {None},
    "missing_child": {None},
    "evacuation": {None},
}
"""By Decision 18/2021/QĐ-TTg; what it gives no level has none."""

MOST_WORDS = 70
"""Said once, some 30 s: who listens in the rain keeps no more in mind."""


def test_every_hazard_has_the_levels_that_the_law_gives_it_and_no_others() -> None:
    found: dict[str | None, set[int | None]] = {}
    for each in WARNINGS:
        found.setdefault(each.hazard, set()).add(each.level)
    assert found == LEVELS


def test_keys_and_titles_name_one_warning_each() -> None:
    for names in ([each.key for each in read_pack()], [each.title for each in read_pack()]):
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("each", WARNINGS, ids=lambda each: each.key)
def test_a_warning_says_who_speaks_what_comes_and_how_bad_it_is(each: PackedWarning) -> None:
    text = each.spoken(ISSUER)
    assert text.startswith(ISSUER)
    assert "{" not in text
    assert (f"rủi ro thiên tai cấp {each.level}" in text) == (each.level is not None)
    assert text.count(".") >= 2
    assert len(text.split()) <= MOST_WORDS
    assert each.times == 2


def test_no_two_levels_of_a_hazard_ask_people_to_do_the_same() -> None:
    told = [re.sub(r".*rủi ro thiên tai cấp \d[^.]*\.", "", each.text) for each in WARNINGS]
    assert len(set(told)) == len(told)


@pytest.mark.parametrize("each", WARNINGS, ids=lambda each: each.key)
def test_with_its_blanks_filled_a_warning_says_the_same_and_more(each: PackedWarning) -> None:
    values = {blank.name: f"<{blank.name}>" for blank in each.blanks}
    assert all(blank.label for blank in each.blanks)
    filled = each.spoken_with(ISSUER, values)
    assert all(value in filled for value in values.values())
    facts = filled
    for sentence in each.spoken(ISSUER).split(". "):
        assert sentence.rstrip(".") in filled
        facts = facts.replace(sentence, "")
    assert all(value in facts for value in values.values())


@pytest.mark.parametrize(
    ("changed", "at"),
    [
        ({"place": ""}, "place"),
        ({"place": " \n "}, "place"),
        ({"place": "x" * (LONGEST_VALUE + 1)}, "place"),
        ({"colour": "đỏ"}, "colour"),
    ],
)
def test_a_blank_that_is_empty_too_long_or_unknown_is_refused_by_its_name(
    changed: dict[str, str], at: str
) -> None:
    erosion = find_packed("erosion")
    assert erosion is not None
    with pytest.raises(InvalidInput) as refused:
        erosion.spoken_with(ISSUER, {"place": "ấp Chợ", **changed})
    assert refused.value.field == at


def test_what_is_filled_in_is_said_as_it_stands_and_is_no_pattern() -> None:
    erosion = find_packed("erosion")
    assert erosion is not None
    filled = erosion.spoken_with(ISSUER, {"place": "  bờ kênh\n{issuer}. "})
    assert "Sạt lở tại bờ kênh {issuer}. " in filled


def test_signals_and_words_without_blanks_refuse_values() -> None:
    for each in ROLES.values():
        with pytest.raises(InvalidInput):
            each.spoken_with(ISSUER, {})


def test_every_siren_that_a_warning_asks_for_is_there() -> None:
    signals = {key: each.signal for key, each in ROLES.items() if each.signal is not None}
    assert {each.siren for each in WARNINGS if each.siren} <= signals.keys()
    assert signals == {
        "attention": Siren.ATTENTION,
        "siren_storm": Siren.STORM,
        "siren_flood": Siren.FLOOD,
        "siren_extreme": Siren.EXTREME,
    }
    worst = [each for each in WARNINGS if each.level == 5]
    assert {each.siren for each in worst} == {"siren_extreme"}


def test_a_drill_and_a_test_say_what_they_are_before_anything_else_and_no_warning_says_it() -> None:
    assert ROLES["drill_opening"].spoken(ISSUER).startswith("Đây là diễn tập.")
    assert ROLES["drill_closing"].spoken(ISSUER).startswith("Diễn tập kết thúc.")
    assert ROLES["test_opening"].spoken(ISSUER).startswith("Đây là phát thử.")
    assert ROLES["test_closing"].spoken(ISSUER).startswith("Phát thử kết thúc.")
    assert not any("diễn tập" in each.text or "phát thử" in each.text for each in WARNINGS)


@pytest.mark.parametrize(
    ("kind", "name", "issuer"),
    [
        (AreaKind.COMMUNE, "Xã Trần Đề", "Ủy ban nhân dân xã Trần Đề"),
        (AreaKind.COMMUNE, "Phường Ninh Kiều", "Ủy ban nhân dân phường Ninh Kiều"),
        (AreaKind.COMMUNE, "Đại Ân 2", "Ủy ban nhân dân Đại Ân 2"),
        (AreaKind.PROVINCE, "Thành phố Cần Thơ", "Ủy ban nhân dân thành phố Cần Thơ"),
        (AreaKind.HAMLET, "Ấp Chợ", "Ban nhân dân ấp Chợ"),
        (AreaKind.STATION, "Địa bàn đài Đại Ân 2", "Đài truyền thanh Đại Ân 2"),
    ],
)
def test_who_speaks_is_the_authority_of_the_area(kind: AreaKind, name: str, issuer: str) -> None:
    assert issuer_of(kind, name) == issuer


def test_the_manual_lists_the_pack_as_it_is() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "warnings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]*) \| ([^|]*) \|$", manual, re.MULTILINE)
    told = {key: (title.strip(), siren.strip(), blanks.strip()) for key, title, siren, blanks in rows}
    assert told == {
        each.key: (
            each.title,
            f"`{each.siren}`" if each.siren else "",
            ", ".join(f"`{blank.name}`" for blank in each.blanks),
        )
        for each in read_pack()
    }
