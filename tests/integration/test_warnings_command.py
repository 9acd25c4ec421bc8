"""Prepared warnings from the terminal: the built-in pack, a recording in Khmer, and letting one go."""

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
from controller.warnings.pack import read_pack

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


def prepared(settings: Settings) -> dict[str, Bulletin]:
    with Session(make_engine(settings.url)) as session:
        found = session.exec(select(Bulletin).where(Bulletin.prepared)).all()
    return {bulletin.title: bulletin for bulletin in found}


def test_the_pack_and_a_khmer_recording_are_kept_until_one_is_let_go(
    settings: Settings, tmp_path: Path
) -> None:
    told("warning", "pack", COMMUNE)
    assert prepared(settings).keys() == {each.title for each in read_pack()}
    assert "0 warnings prepared" in told("warning", "pack", COMMUNE)

    recording = speech(tmp_path / "khmer.wav", STORM)
    told("warning", "add", COMMUNE, "ព្យុះ", "--recording", str(recording), "--language", "km")
    assert recording.exists()
    warnings = prepared(settings)
    assert warnings["ព្យុះ"].language == "km"
    assert pinned(settings) == {each.clip_sha256 for each in warnings.values()}

    assert warnings["ព្យុះ"].id in told("warning", "list", COMMUNE)
    told("warning", "release", COMMUNE, warnings["ព្យុះ"].id)
    assert pinned(settings) == {each.clip_sha256 for each in prepared(settings).values()}
    assert "ព្យុះ" not in prepared(settings)


def test_what_is_no_sound_is_refused_with_the_reason(settings: Settings, tmp_path: Path) -> None:
    noise = tmp_path / "notes.mp3"
    noise.write_text("no sound")
    output = told("warning", "add", COMMUNE, "x", "--recording", str(noise), code=2)
    assert output.strip()
    assert prepared(settings) == {}
    told("warning", "add", COMMUNE, "x", code=2)
    told("warning", "list", "00000", code=2)
