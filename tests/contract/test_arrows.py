"""What import-linter is trusted to catch, planted into a copy of the packages: each must be found."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("wire", "schedules", "audio", "controller", "device_agent")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("planted")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def broken(copy: Path) -> set[str]:
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-cache"], cwd=copy, capture_output=True, text=True, check=False)
    found = set(re.findall(r"^(.+) BROKEN(?: \(.*\))?$", run.stdout, re.MULTILINE))
    assert (run.returncode != 0) == bool(found), run.stdout + run.stderr
    return found


def test_the_code_as_it_is_keeps_every_contract(copy: Path) -> None:
    assert broken(copy) == set()


@pytest.mark.parametrize(
    ("module", "statement", "contract"),
    [
        ("wire/topics.py", "import audio.formats", "Arrows point one way"),
        ("schedules/zones.py", "import audio.formats", "Arrows point one way"),
        ("controller/clock.py", "import device_agent.clock", "Arrows point one way"),
        ("device_agent/cache.py", "import schedules.zones", "A gateway installs no server"),
        ("device_agent/cache.py", "import fastapi", "A gateway installs no server"),
        ("wire/credential.py", "import sqlmodel", "A gateway installs no server"),
        ("controller/broker.py", "from paho.mqtt.client import Client", "paho only in wire.mqtt"),
        ("audio/chimes.py", "from pydub import AudioSegment", "pydub only in audio.compose"),
        (
            "controller/app.py",
            "from apscheduler.triggers.cron import CronTrigger",
            "APScheduler only in schedules.engine",
        ),
        ("audio/probe.py", "import imageio_ffmpeg", "ffmpeg only in audio.ffmpeg"),
        ("controller/broadcasts/delivery.py", "from sqlmodel import Session", "What decides touches nothing"),
        ("controller/outbox/resend.py", "import time", "What decides touches nothing"),
        ("schedules/rules.py", "import os", "What decides touches nothing"),
        ("device_agent/playback.py", "import asyncio", "What decides touches nothing"),
        ("wire/lateness.py", "import random", "What decides touches nothing"),
    ],
)
def test_a_planted_import_is_found(copy: Path, module: str, statement: str, contract: str) -> None:
    planted = copy / module
    before = planted.read_text(encoding="utf-8")
    planted.write_text(f"{before}\n{statement}\n", encoding="utf-8")
    try:
        assert contract in broken(copy)
    finally:
        planted.write_text(before, encoding="utf-8")
