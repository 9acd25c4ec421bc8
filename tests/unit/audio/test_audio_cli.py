from pathlib import Path

import pytest
from support.hostile_media import silent_flac
from support.sound import decode_clip
from typer.testing import CliRunner

from audio.__main__ import app
from audio.sniff import Container

CLI = CliRunner()


def test_a_file_is_prepared(spoken: Path, tmp_path: Path) -> None:
    out = tmp_path / "clip.opus"
    result = CLI.invoke(app, ["prepare", str(spoken), str(out)])
    assert result.exit_code == 0, result.stderr
    assert f"{out.stat().st_size} bytes" in result.stdout
    assert list(tmp_path.iterdir()) == [out]


def test_a_text_is_spoken_with_chimes_and_twice(tmp_path: Path) -> None:
    once, twice = tmp_path / "once.opus", tmp_path / "twice.opus"
    assert CLI.invoke(app, ["speak", "Xin chào", str(once)]).exit_code == 0
    options = ["--chime", "--closing-chime", "--repeats", "2", "--gap-ms", "1000"]
    assert CLI.invoke(app, ["speak", "-", str(twice), *options], input="Xin chào").exit_code == 0
    added = len(decode_clip(twice)) - 2 * len(decode_clip(once))
    assert added == (2 * 2020 + 500 + 400 + 1000) * 48


def test_a_file_is_probed(spoken: Path) -> None:
    result = CLI.invoke(app, ["probe", str(spoken)])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{Container.WAV.name} pcm_s16le 22050 Hz ")


@pytest.mark.parametrize("command", ["probe", "prepare"])
def test_a_bomb_is_refused_with_its_code_and_exit_code_2(command: str, tmp_path: Path) -> None:
    bomb, out = silent_flac(tmp_path / "bomb.flac", hours=2), tmp_path / "out.opus"
    result = CLI.invoke(app, [command, str(bomb), *([str(out)] if command == "prepare" else [])])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "too_long: 7200 s, at most 3600 s" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    "arguments",
    [["probe", "nothing.wav"], ["prepare", "nothing.wav", "out.opus"], ["speak", " ", "out.opus"]],
)
def test_what_is_not_there_is_refused_with_exit_code_2(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CLI.invoke(app, arguments)
    assert result.exit_code == 2
    assert "nothing.wav" in result.stderr or "empty_text" in result.stderr


def test_a_voice_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    result = CLI.invoke(app, ["speak", "a", str(tmp_path / "a.opus"), "--voice", "km"])
    assert result.exit_code == 2
    assert "vi-south" in result.stderr


@pytest.mark.parametrize("command", ["prepare", "speak", "probe"])
def test_every_command_says_what_it_takes(command: str) -> None:
    assert "Usage" in CLI.invoke(app, [command, "--help"]).stdout
