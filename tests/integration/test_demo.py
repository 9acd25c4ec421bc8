"""The demo as a stranger starts it: one command, and what it promises."""

import os
import signal
import subprocess
import time
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from support.eventually import eventually
from support.ports import free_port
from support.recording import Recording

from controller.demo import places
from controller.demo.people import PASSWORD, PEOPLE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
RUNS_S = 28
FIRST_IN_S = 12
CONTROLLER = 2
"""Its place in the list of processes: the demo itself, the broker, the controller, the gateways."""


@dataclass
class Demo:
    """A running demo; everything it started is in its session, and so can be counted."""

    process: subprocess.Popen[bytes]
    home: Path
    url: str
    output: Path

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def pids(self) -> list[int]:
        return [int(pid) for pid in (self.home / "pids").read_text().split()]


def start(home: Path, output: Path, *arguments: str) -> Demo:
    port = free_port()
    command = ["scripts/demo", "--home", str(home), "--port", str(port), *arguments]
    # A setting of somebody's real controller must not leak into a demo.
    environment = {**os.environ, "LOACAST_DATABASE_URL": "sqlite:////nowhere/real.db", "COLUMNS": "200"}
    with output.open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file, env=environment)
    return Demo(process, home, f"http://127.0.0.1:{port}", output)


def wait_until_ready(demo: Demo, timeout_s: float) -> float:
    began = time.monotonic()

    def ready() -> bool:
        assert demo.process.poll() is None, demo.said()
        return "ready" in demo.said()

    eventually(ready, timeout_s, f"the demo is ready:\n{demo.said()}")
    return time.monotonic() - began


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "home"


@pytest.fixture(scope="module")
def first(home: Path) -> Iterator[Demo]:
    demo = start(home, home.with_name("first.log"), "--for", str(RUNS_S), "--first-in", str(FIRST_IN_S))
    try:
        wait_until_ready(demo, 90)
        yield demo
    finally:
        demo.process.terminate()
        demo.process.wait(30)


def test_everybody_it_names_can_log_in_and_sees_their_own_gateways(first: Demo) -> None:
    seen = {}
    for person in PEOPLE:
        with httpx.Client(base_url=f"{first.url}/api/v1") as client:
            answer = client.post("/log-in", json={"username": person.username, "password": PASSWORD})
            assert answer.status_code == httpx.codes.OK, answer.text
            seen[person.username] = len(client.get("/gateways").json())
    assert seen == {"officer": 8, "leader": 15, "monitor": 38, "neighbour": 6, "admin": 38}


def test_the_commune_has_warnings_to_try_at_once_and_can_hold_a_drill(first: Demo) -> None:
    for username in ("officer", "leader"):
        with httpx.Client(base_url=f"{first.url}/api/v1") as client:
            client.post("/log-in", json={"username": username, "password": PASSWORD}).raise_for_status()
            warnings = {each["key"]: each for each in client.get("/warnings").json()}
        assert warnings.keys() == {"storm_4", "flood_3", "evacuation"}
        assert warnings["flood_3"]["siren"] == "siren_flood"
        assert warnings["storm_4"]["text"].startswith("Ủy ban nhân dân xã Trần Đề")


def test_every_gateway_but_the_dead_one_is_online_and_says_what_it_is(first: Demo) -> None:
    with httpx.Client(base_url=f"{first.url}/api/v1") as client:
        client.post("/log-in", json={"username": "monitor", "password": PASSWORD}).raise_for_status()
        gateways = {each["id"]: each for each in client.get("/gateways").json()}
    assert {key for key, each in gateways.items() if each["contact"] != "online"} == {places.DEAD}
    assert gateways[places.DEAD]["contact"] == "never"
    light = {key for key, each in gateways.items() if (each["agent_version"] or "").endswith("-light")}
    assert light == set(gateways) - set(places.sounding()) - {places.DEAD}


def test_the_welcome_sounds_on_every_real_gateway_and_ends_by_itself(first: Demo) -> None:
    pids = first.pids()
    assert first.process.wait(RUNS_S + 30) == 0, first.said()
    for gateway_id in places.sounding():
        runs = Recording(first.home / "gateways" / gateway_id / "sound").runs
        assert sum(len(run.samples) for run in runs) > 5 * 48_000, gateway_id
    eventually(lambda: not any(alive(pid) for pid in pids), 5, "no process is left")
    found = subprocess.run(
        ["pgrep", "-f", str(first.home)], capture_output=True, text=True, check=False
    ).stdout.split()
    assert found == []


def test_what_a_gateway_recorded_becomes_a_wav_file(first: Demo, tmp_path: Path) -> None:
    first.process.wait(RUNS_S + 30)
    out = tmp_path / "heard.wav"
    command = [ROOT / ".venv" / "bin" / "python", "-m", "controller.demo", "sound", "31672-002", str(out)]
    subprocess.run([*command, "--home", str(first.home)], cwd=ROOT, check=True, capture_output=True)
    with wave.open(str(out)) as file:
        assert (file.getnchannels(), file.getframerate()) == (1, 48_000)
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    assert len(samples) > 5 * 48_000
    assert np.abs(samples).max() > 8_000


def test_a_second_start_is_quick_and_watches_and_leaves_cleanly(first: Demo, tmp_path: Path) -> None:
    first.process.wait(RUNS_S + 30)
    second = start(first.home, tmp_path / "second.log")
    try:
        assert wait_until_ready(second, 30) < 10
        assert "Founding" not in second.said()

        another = start(first.home, tmp_path / "another.log")
        assert another.process.wait(15) == 1
        assert f"kill {second.process.pid}" in another.said().replace("\n", " ")

        pids = second.pids()
        os.kill(pids[-1], signal.SIGKILL)
        eventually(lambda: "31672-008 ended by itself with -9" in second.said(), 5, "the gateway's end")
    finally:
        second.process.send_signal(signal.SIGINT)
    assert second.process.wait(15) == 0, second.said()
    assert not any(alive(pid) for pid in pids)


def test_without_its_controller_it_ends_and_says_why(first: Demo, tmp_path: Path) -> None:
    first.process.wait(RUNS_S + 30)
    third = start(first.home, tmp_path / "third.log")
    try:
        wait_until_ready(third, 30)
        pids = third.pids()
        os.kill(pids[CONTROLLER], signal.SIGKILL)
        assert third.process.wait(15) == 1
    finally:
        third.process.terminate()
    assert "controller ended by itself with -9" in third.said()
    assert not any(alive(pid) for pid in pids)
