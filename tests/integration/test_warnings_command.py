"""Prepared warnings from the terminal: the built-in pack, a reading in Khmer, and letting one go."""

from pathlib import Path

import pytest
from sqlmodel import Session, select
from support.voices import STORM, speech
from typer.testing import CliRunner

from controller.__main__ import app
from controller.bulletins.models import Bulletin
from controller.db import make_engine
from controller.gateways.models import GatewayConfig
from controller.settings import Settings

pytestmark = pytest.mark.slow

COMMUNE = "31672"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("LOACAST_DATA_DIR", str(tmp_path / "data"))
    told("init")
    told("migrate")
    told("area", "add", COMMUNE, "commune", "Đại Ân 2")
    told("gateway", "add", "31672-001", COMMUNE, "UBND xã", "--out", str(tmp_path / "credential.json"))
    return Settings()


def told(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    return result.output


def pinned(settings: Settings) -> set[str]:
    with Session(make_engine(settings.url)) as session:
        config = session.get(GatewayConfig, "31672-001")
    assert config is not None
    return {clip["sha256"] for clip in config.body["pinned"]}


def prepared(settings: Settings) -> dict[tuple[str | None, str], Bulletin]:
    """Return the prepared warnings by key and language."""
    with Session(make_engine(settings.url)) as session:
        found = session.exec(select(Bulletin).where(Bulletin.prepared)).all()
    named = {(bulletin.warning_key, bulletin.language): bulletin for bulletin in found}
    assert len(named) == len(found)
    return named


def test_warnings_of_the_pack_and_a_khmer_reading_are_kept_until_one_is_let_go(
    settings: Settings, tmp_path: Path
) -> None:
    few = ("--only", "fire", "--only", "attention")
    assert "2 warnings prepared, 0 were there" in told("warning", "pack", COMMUNE, *few)
    assert "0 warnings prepared, 2 were there" in told("warning", "pack", COMMUNE, *few)
    fire = prepared(settings)["fire", "vi"]
    assert (fire.hazard, fire.level) == ("fire", None)
    assert fire.text.startswith("Ủy ban nhân dân Đại Ân 2 báo cháy.")

    recording = speech(tmp_path / "khmer.wav", STORM)
    khmer = ("--recording", str(recording), "--language", "km", "--key", "fire")
    told("warning", "add", COMMUNE, "ភ្លើងឆេះ", *khmer)
    assert recording.exists()
    assert prepared(settings).keys() == {("fire", "vi"), ("fire", "km"), ("attention", "vi")}
    assert prepared(settings)["fire", "km"].hazard == "fire"
    assert pinned(settings) == {each.clip_sha256 for each in prepared(settings).values()}

    told("warning", "add", COMMUNE, "ភ្លើងឆេះ!", *khmer)
    assert prepared(settings)["fire", "km"].title == "ភ្លើងឆេះ!"
    assert prepared(settings)["fire", "vi"].id == fire.id

    newer = prepared(settings)["fire", "km"]
    assert newer.id in told("warning", "list", COMMUNE)
    told("warning", "release", COMMUNE, newer.id)
    assert prepared(settings).keys() == {("fire", "vi"), ("attention", "vi")}
    assert pinned(settings) == {each.clip_sha256 for each in prepared(settings).values()}


def test_what_an_older_version_prepared_is_given_its_key_and_not_doubled(settings: Settings) -> None:
    told("warning", "add", COMMUNE, "Cảnh báo bão", "--text", "Cảnh báo bão.")
    old = prepared(settings)[None, "vi"]
    assert "0 warnings prepared, 1 were there" in told("warning", "pack", COMMUNE, "--only", "storm_3")
    adopted = prepared(settings)["storm_3", "vi"]
    assert (adopted.id, adopted.clip_sha256) == (old.id, old.clip_sha256)
    assert (adopted.hazard, adopted.level) == ("storm", 3)


def test_a_key_that_the_pack_does_not_have_is_named(settings: Settings) -> None:
    assert "storm_9" in told("warning", "pack", COMMUNE, "--only", "storm_9", code=2)
    assert prepared(settings) == {}


def test_what_is_no_sound_is_refused_with_the_reason(settings: Settings, tmp_path: Path) -> None:
    noise = tmp_path / "notes.mp3"
    noise.write_text("no sound")
    output = told("warning", "add", COMMUNE, "x", "--recording", str(noise), code=2)
    assert output.strip()
    assert prepared(settings) == {}
    told("warning", "add", COMMUNE, "x", code=2)
    told("warning", "list", "00000", code=2)
