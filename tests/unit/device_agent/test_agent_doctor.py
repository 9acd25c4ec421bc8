"""``loacast-agent doctor`` and ``status``: from facts to what a person reads."""

import ast
import os
import string
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from support.clocks import NOON
from support.signing import an_id

from device_agent.commands import findings
from device_agent.commands.doctor import report
from device_agent.commands.findings import Answer, DiskFacts, Finding, Verdict
from device_agent.commands.showing import live
from device_agent.commands.words import CHECKS, FOUND, LANGUAGES, TO_DO, VERDICTS, language_of
from device_agent.probes.timekeeping import KernelClock
from device_agent.standing import STANDING_FILE, Standing, StandingFile, read_standing
from wire.messages import Health, State
from wire.types import ClockVoucher

IN_STEP, ADRIFT = KernelClock(0, 0, 1_500), KernelClock(5, 0x40, 16_000_000)
RUNNING = Standing(
    pid=1, gateway_id="31672-001", agent_version="0.1.0", started_at=NOON, written_at=NOON, connected=True
)
UNVOUCHED = msgspec.structs.replace(
    RUNNING, health=Health(at=NOON, boot=an_id(), clock_vouched_by=ClockVoucher.NOBODY)
)
CUT_OFF = msgspec.structs.replace(RUNNING, connected=False)


def known(ahead_ms: int | None = 0, status: int = 404) -> Answer:
    return Answer(status, ahead_ms)


@pytest.mark.parametrize(
    ("finding", "found", "verdict"),
    [
        (findings.credential(None, "g", 0o600), "credential_ok", "ok"),
        (findings.credential("no credential at /x", "", 0), "credential_bad", "wrong"),
        (findings.credential(None, "g", 0o644), "credential_open", "wrong"),
        (findings.agent(RUNNING, NOON), "agent_running", "ok"),
        (findings.agent(None, NOON), "agent_not_running", "wrong"),
        (findings.agent(RUNNING, NOON + timedelta(minutes=4)), "agent_silent", "wrong"),
        (findings.clock(IN_STEP, known(29_000), RUNNING, has_battery=True), "clock_ok", "ok"),
        (findings.clock(IN_STEP, None, None, has_battery=False), "clock_no_battery", "ok"),
        (findings.clock(IN_STEP, known(-31_000), RUNNING, has_battery=True), "clock_off", "wrong"),
        (findings.clock(ADRIFT, known(0), RUNNING, has_battery=True), "clock_not_synchronised", "wrong"),
        (findings.clock(ADRIFT, None, UNVOUCHED, has_battery=False), "clock_unvouched", "wrong"),
        (findings.clock(None, None, None, has_battery=False), "clock_unknown", "unsure"),
        (findings.network(None, "h"), "network_ok", "ok"),
        (findings.network("no route", "h"), "network_down", "wrong"),
        (findings.broker(RUNNING, reachable=True, let_in=None), "broker_connected", "ok"),
        (findings.broker(CUT_OFF, reachable=True, let_in=None), "broker_not_connected", "wrong"),
        (findings.broker(None, reachable=True, let_in=True), "broker_lets_in", "ok"),
        (findings.broker(None, reachable=True, let_in=False), "broker_refuses", "wrong"),
        (findings.broker(None, reachable=False, let_in=None), "broker_not_tried", "unsure"),
        (findings.controller(known()), "controller_ok", "ok"),
        (findings.controller(known(status=401)), "controller_refuses", "wrong"),
        (findings.controller(known(status=502)), "controller_odd", "wrong"),
        (findings.controller("timed out"), "controller_silent", "wrong"),
        (findings.disk(DiskFacts(True, False, 9_000)), "disk_ok", "ok"),
        (findings.disk(DiskFacts(True, False, 90)), "disk_little", "wrong"),
        (findings.disk(DiskFacts(True, True, 9_000)), "disk_read_only", "wrong"),
        (findings.disk(DiskFacts(False, False, 0)), "disk_missing", "wrong"),
        (findings.decoding(None, live=True), "decoding_ok", "ok"),
        (findings.decoding("no libsndfile", live=False), "decoding_no_clips", "wrong"),
        (findings.decoding(None, live=False), "decoding_no_live", "wrong"),
        (findings.audio("device", ["bcm2835 Headphones"]), "audio_ok", "ok"),
        (findings.audio("device:headphones", ["bcm2835 Headphones"]), "audio_ok", "ok"),
        (findings.audio("device:horn", ["bcm2835 Headphones"]), "audio_other_devices", "wrong"),
        (findings.audio("device", []), "audio_no_device", "wrong"),
        (findings.audio("device", "PortAudio library not found"), "audio_no_library", "wrong"),
        (findings.audio("file:/x", []), "audio_file", "unsure"),
    ],
)
def test_each_finding_is_judged_and_said_in_both_languages(
    finding: Finding, found: str, verdict: str
) -> None:
    assert (finding.found, finding.verdict) == (found, verdict)
    for language in LANGUAGES:
        lines = list(report([finding], language))
        assert len(lines) == (2 if finding.verdict is Verdict.WRONG else 1)
        assert "{" not in "".join(lines)


def test_every_word_of_doctor_has_its_sentence_and_every_sentence_its_word() -> None:
    tree = ast.parse(Path(findings.__file__).read_text())
    made = {
        (call.func.id, *[arg.value for arg in call.args if isinstance(arg, ast.Constant)])
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in {"_ok", "_wrong", "_unsure"}
    }
    assert {word for _, _, word in made} == set(FOUND)
    assert {word for how, _, word in made if how == "_wrong"} == set(TO_DO)
    assert {check for _, check, _ in made} == set(CHECKS)
    assert set(VERDICTS) == {verdict.value for verdict in Verdict}


@pytest.mark.parametrize("table", [CHECKS, VERDICTS, FOUND, TO_DO])
def test_both_languages_name_the_same_facts(table: dict[str, tuple[str, str]]) -> None:
    def facts(sentence: str) -> set[str | None]:
        return {field for _, field, _, _ in string.Formatter().parse(sentence) if field}

    assert all(facts(vietnamese) == facts(english) for vietnamese, english in table.values())


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "vi_VN.UTF-8"}, "vi"),
        ({"LANG": "vi_VN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
    ],
)
def test_the_terminals_language_is_taken(environment: dict[str, str], language: str) -> None:
    assert language_of(environment) == language


def test_a_running_agent_shows_itself_and_one_that_is_gone_does_not(tmp_path: Path) -> None:
    file = StandingFile(tmp_path, msgspec.structs.replace(RUNNING, pid=os.getpid(), connected=False))
    assert read_standing((tmp_path,)) is None
    file.connected(NOON, yes=True)
    file.told(Health(at=NOON, boot=an_id(), temperature_c=51.5, unreadable=("signal",)), NOON)
    heard = an_id()
    file.told(State(online=True, boot=an_id(), playing=heard), NOON + timedelta(seconds=5))
    shown = read_standing((tmp_path / "none", tmp_path))
    assert shown is not None
    assert (shown.connected, shown.written_at) == (True, NOON + timedelta(seconds=5))
    told = "\n".join(live(shown, NOON.tzinfo, silent=False))
    assert f"playing   {heard}" in told
    assert "51.5 °C" in told
    assert "cannot be read        signal" in told
    assert "amplifier             not present" in told
    dead = msgspec.structs.replace(shown, pid=2**22 + 1)
    (tmp_path / STANDING_FILE).write_bytes(msgspec.json.encode(dead))
    assert read_standing((tmp_path,)) is None
    assert list(live(None, None, silent=False)) == ["agent     not running"]
    file.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_the_showing_stops_nothing(tmp_path: Path) -> None:
    file = StandingFile(tmp_path / "gone", RUNNING)
    file.connected(NOON, yes=True)
    assert read_standing((tmp_path / "gone",)) is None
