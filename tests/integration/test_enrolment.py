"""A gateway enrolled by one command: the controller's `gateway add --out -`, piped into `install`."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from wire.credential import read_credential

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("systemctl") is None or shutil.which("systemd-sysusers") is None,
        reason="no systemd here",
    ),
]


def run(*words: str, data_dir: Path, given: bytes = b"") -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        input=given,
        capture_output=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"LOACAST_DATA_DIR": str(data_dir)},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_one_pipe_enrols_a_box_and_leaves_the_secret_in_one_place_only(tmp_path: Path) -> None:
    data_dir, box = tmp_path / "controller", tmp_path / "box"
    box.mkdir()
    run("controller", "init", data_dir=data_dir)
    assert stat.S_IMODE((data_dir / "alerts.pem").stat().st_mode) == 0o600
    run("controller", "area", "add", "92", "province", "Cần Thơ", data_dir=data_dir)
    credential = run(
        "controller", "gateway", "add", "92-001", "92", "UBND tỉnh", "--out", "-", data_dir=data_dir
    )
    install = ("device_agent", "install", "--credential", "-", "--root", str(box))
    said = run(*install, "--python", "/opt/loacast-agent/bin/python", data_dir=data_dir, given=credential)
    held = read_credential(box / "etc/loacast/gateway.json")
    assert held.gateway_id == "92-001"
    assert held.secret.encode() not in said
    holders = [
        path for path in tmp_path.rglob("*") if path.is_file() and held.secret.encode() in path.read_bytes()
    ]
    assert holders == [box / "etc/loacast/gateway.json"]
    assert stat.S_IMODE(holders[0].stat().st_mode) == 0o600
