"""A gateway under a systemd that has booted it: a Debian 12 with its own kernel, cgroups and sound driver.

The tests share one box and follow each other as its days would: each leaves it running and online.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from booted.gateway import ID, SERVICE, STATE_DIR, Gateway
from booted.machine import tell
from booted.secure_site import NAME
from support.broadcasting import HEARD, enough, now
from support.eventually import eventually
from support.recording import Recording
from support.sound import decode_clip, normalised_cross_correlation
from support.voices import MEETING, speech

from wire.credential import credential_json, read_credential

pytestmark = [pytest.mark.booted, pytest.mark.timeout(900)]

HEARD_FILE = "/var/tmp/heard.wav"  # noqa: S108 - on the box

LEAST_EXPOSED = 2.5
"""Of ten, as in tests/unit/device_agent/test_agent_install.py."""

WATCHDOG_S, ABORT_S, RESTART_S, START_S = 30, 5, 2, 25
"""Of the unit; and what a start may take on an emulated processor."""

MOST_MEMORY_KB = 80 * 1024


@pytest.fixture(scope="module")
def short(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    clip: dict[str, Any] = gateway.admin.upload(
        speech(tmp_path_factory.mktemp("short") / "short.wav", "Mời bà con nhận gạo lúc bảy giờ.")
    )["clip"]
    return clip


@pytest.fixture(scope="module")
def long(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    clip: dict[str, Any] = gateway.admin.upload(
        speech(tmp_path_factory.mktemp("long") / "long.wav", MEETING)
    )["clip"]
    return clip


def test_what_the_documentation_says_makes_a_service_that_is_active_enabled_and_connected(
    gateway: Gateway,
) -> None:
    shown = gateway.machine.shown(SERVICE, "ActiveState", "UnitFileState", "Type", "NRestarts", "User")
    assert shown == {
        "ActiveState": "active",
        "UnitFileState": "enabled",
        "Type": "notify",
        "NRestarts": "0",
        "User": SERVICE,
    }
    eventually(lambda: gateway.shown("StatusText") == "Connected.", 30, "it tells systemd of the broker")
    tell(f"from the process to READY: {gateway.start_ms():.0f} ms")
    tell(f"memory by systemd (its cgroup): {int(gateway.shown('MemoryCurrent')) / 2**20:.0f} MB")


def test_the_secret_of_the_pipe_lies_where_root_alone_reads_it_and_nowhere_else(
    gateway: Gateway, tmp_path: Path
) -> None:
    (tmp_path / "credential.json").write_bytes(gateway.machine.fetch("/etc/loacast/gateway.json"))
    secret = read_credential(tmp_path / "credential.json").secret
    found = gateway.machine.run(
        "sudo grep -rlF -f - /etc /home /root /tmp /var /run", given=secret.encode()
    ).split()
    assert set(found) == {"/etc/loacast/gateway.json", f"/run/credentials/{SERVICE}.service/gateway.json"}
    assert gateway.machine.run("stat -c '%a %U' /etc/loacast/gateway.json").split() == ["600", "root"]
    assert secret not in gateway.machine.run("sudo journalctl --no-pager --boot")


def test_it_runs_as_its_own_user_without_a_single_right_more_and_with_priority_for_the_sound(
    gateway: Gateway,
) -> None:
    status = gateway.status()
    own = gateway.machine.run(f"id -u {SERVICE}").strip()
    assert own != "0"
    assert set(status["Uid"].split()) == {own}
    for capabilities in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
        assert int(status[capabilities], 16) == 0, capabilities
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    classes = gateway.machine.run(f"ps -L -o cls=,rtprio=,ni= -p {gateway.pid}").split("\n")
    assert ["RR", "10", "-"] in [each.split() for each in classes]
    assert ["TS", "-", "-5"] in [each.split() for each in classes]
    tell(f"memory (VmRSS): {int(status['VmRSS'].split()[0]) / 1024:.0f} MB")
    assert int(status["VmRSS"].split()[0]) < MOST_MEMORY_KB


def test_what_the_service_sees_cannot_be_written_but_for_its_own_and_holds_no_home_and_no_disk(
    gateway: Gateway,
) -> None:
    run = gateway.machine.attempt
    inside = f"sudo nsenter --mount --target {gateway.pid} --"
    for place in ("/etc/loacast/x", "/usr/x", "/opt/loacast-agent/x", "/var/log/x", "/sys/x"):
        refused = run(f"{inside} touch {place}")
        assert refused.returncode != 0, place
        assert "Read-only" in refused.stderr or "denied" in refused.stderr, refused.stderr
    assert run(f"{inside} touch {STATE_DIR}/x && {inside} rm {STATE_DIR}/x").returncode == 0
    assert run(f"{inside} ls -A /home").stdout == "", "pi's home is hidden"
    cgroup = f"/sys/fs/cgroup{gateway.shown('ControlGroup')}/cgroup.procs"
    refused = run(f"sudo sh -c 'echo $$ >{cgroup}; exec head -c 1 /dev/vda'")
    assert "Operation not permitted" in refused.stderr, "the kernel lets it have no device but sound"
    judged = gateway.machine.run(f"sudo systemd-analyze security --no-pager {SERVICE}")
    (verdict,) = [line for line in judged.splitlines() if "Overall exposure level" in line]
    tell(verdict.strip())
    assert float(verdict.split(": ")[1].split()[0]) < LEAST_EXPOSED


def test_an_order_is_heard_through_the_sound_card(
    gateway: Gateway, short: dict[str, Any], tmp_path: Path
) -> None:
    record = f"arecord -q -D plughw:0,1 -f S16_LE -c 1 -r 48000 -d 40 {HEARD_FILE}"
    broadcast_id = gateway.order(short)
    gateway.machine.run(f"sudo systemd-run --collect --unit ear {record}")
    delivery = gateway.wait_for(broadcast_id, "played")
    gateway.machine.run("sudo systemctl stop ear")
    assert delivery["played_ms"] == pytest.approx(short["duration_ms"], abs=50)
    correlation, _ = normalised_cross_correlation(
        gateway.heard_by(HEARD_FILE), _reference(gateway, short, tmp_path)
    )
    tell(f"heard with a correlation of {correlation:.3f}, {delivery['underruns']} underruns")
    assert correlation >= enough(delivery)


def test_status_and_doctor_find_nothing_wrong_but_a_clock_that_no_server_sets(gateway: Gateway) -> None:
    told = json.loads(gateway.machine.run("sudo loacast-agent status --json"))
    assert told["agent"]["gateway_id"] == ID
    examined = gateway.machine.attempt("sudo loacast-agent doctor --json")
    findings = {each["check"]: each["verdict"] for each in json.loads(examined.stdout)}
    assert {check for check, verdict in findings.items() if verdict != "ok"} == {"clock"}
    assert examined.returncode == 1


def test_a_process_that_stands_still_is_started_again_within_its_limit_and_what_sounded_is_partial(
    gateway: Gateway, long: dict[str, Any]
) -> None:
    broadcast_id = gateway.order(long)
    gateway.wait_for(broadcast_id, "playing")
    since, before = gateway.clock(), gateway.pid
    stopped_at = now()
    gateway.machine.run(f"sudo kill -STOP {before}")
    limit_s = WATCHDOG_S + ABORT_S + RESTART_S + START_S
    eventually(lambda: gateway.pid not in {0, before}, limit_s, "another process")
    eventually(lambda: gateway.shown("ActiveState") == "active", START_S, "active")
    took_s = (now() - stopped_at).total_seconds()
    tell(f"stopped; active again after {took_s:.1f} s, of which {gateway.start_ms() / 1000:.1f} s its start")
    assert took_s < limit_s
    assert "Watchdog timeout (limit 30s)!" in gateway.agent_says(since=since)
    gateway.wait_online()
    delivery = gateway.wait_for(broadcast_id, "partial")
    assert delivery["reason"] == "restarted"
    assert 0 < delivery["played_ms"] < long["duration_ms"]


def test_it_comes_back_after_it_was_killed_and_after_a_restart_by_hand(gateway: Gateway) -> None:
    for command in ("sudo systemctl kill --signal KILL --kill-whom main", "sudo systemctl restart"):
        before = gateway.pid
        gateway.machine.run(f"{command} {SERVICE}")
        eventually(lambda before=before: gateway.pid not in {0, before}, START_S, command)  # type: ignore[misc]
        gateway.wait_online()


def test_after_a_reboot_without_anybody_to_reach_it_plays_what_its_disk_holds(
    gateway: Gateway, short: dict[str, Any]
) -> None:
    broadcast_id = gateway.order(short, in_s=180)
    journal = gateway.journal()["journal_id"]
    gateway.town.controller.stop()
    gateway.town.broker.stop()
    gateway.machine.reboot()
    eventually(lambda: gateway.shown("ActiveState") == "active", 60, "active after the boot")
    assert gateway.journal()["journal_id"] == journal
    assert gateway.journal()["items_held"] == 1, "it is back in time"
    eventually(lambda: gateway.journal()["items_held"] == 0, 200, "it has ended")
    gateway.town.broker.start()
    gateway.town.controller.start()
    gateway.town.wait_for_controller()
    delivery = gateway.wait_for(broadcast_id, "played")
    assert delivery["played_ms"] == pytest.approx(short["duration_ms"], abs=50)
    gateway.wait_online()


def test_after_a_power_cut_in_the_middle_of_a_sound_it_is_back_and_plays_it_no_second_time(
    gateway: Gateway, long: dict[str, Any], short: dict[str, Any]
) -> None:
    broadcast_id = gateway.order(long)
    journal = gateway.journal()["journal_id"]
    gateway.wait_for(broadcast_id, "playing")
    gateway.machine.cut_power()
    gateway.machine.power_on()
    gateway.wait_online()
    assert gateway.journal()["journal_id"] == journal
    assert gateway.wait_for(broadcast_id, "partial")["reason"] == "restarted"
    gateway.wait_for(gateway.order(short), "played")
    assert gateway.admin.deliveries(broadcast_id)[ID]["state"] == "partial"


def test_a_new_credential_with_a_private_authority_leads_it_over_tls_to_broker_and_clips(
    gateway: Gateway, tmp_path: Path
) -> None:
    site, machine = gateway.site, gateway.machine
    (tmp_path / "plain.json").write_bytes(machine.fetch("/etc/loacast/gateway.json"))
    secure = credential_json(site.credential(read_credential(tmp_path / "plain.json")))
    machine.run(f"echo {site.address} {NAME} | sudo tee --append /etc/hosts")
    machine.run("cat >ca.pem", given=site.ca.read_bytes())
    authorities = "--tls-ca ca.pem --controller-tls-ca ca.pem"
    machine.run(f"sudo loacast-agent install --credential - {authorities}", given=secure)
    gateway.wait_online()
    clip = gateway.admin.upload(speech(tmp_path / "over_tls.wav", "Đường truyền đã được mã hóa."))["clip"]
    gateway.wait_for(gateway.order(clip), "played")
    assert f"/media/{clip['sha256']}" in site.door.fetched
    connected = machine.run(f"ss --no-header --tcp --numeric dst {site.address}:{site.broker_port}")
    assert "ESTAB" in connected, "it speaks with the broker at the port with TLS"


def test_a_loudspeaker_changed_by_installing_again_is_a_file_in_its_state(
    gateway: Gateway, short: dict[str, Any], tmp_path: Path
) -> None:
    gateway.machine.run(f"sudo loacast-agent install --sink file:{STATE_DIR}/sound")
    gateway.wait_online()
    delivery = gateway.wait_for(gateway.order(short), "played")
    (tmp_path / "sound").mkdir()
    for name in ("sound.jsonl", "sound.pcm"):
        (tmp_path / "sound" / name).write_bytes(gateway.machine.fetch(f"{STATE_DIR}/sound/{name}"))
    heard = [run.samples for run in Recording(tmp_path / "sound").runs]
    reference = _reference(gateway, short, tmp_path)
    correlation = max(
        normalised_cross_correlation(samples, reference)[0]
        for samples in heard
        if len(samples) >= len(reference)
    )
    tell(f"written with a correlation of {correlation:.3f}, {delivery['underruns']} underruns")
    assert correlation >= HEARD


def test_uninstalling_leaves_journal_and_credential_until_they_are_purged(gateway: Gateway) -> None:
    gateway.machine.run("sudo loacast-agent uninstall")
    assert gateway.machine.shown(SERVICE, "LoadState", "ActiveState") == {
        "LoadState": "not-found",
        "ActiveState": "inactive",
    }
    kept = f"sudo ls {STATE_DIR}/journal.sqlite3 /etc/loacast/gateway.json"
    gateway.machine.run(kept)
    gateway.machine.run("sudo loacast-agent install")
    gateway.wait_online()
    gateway.machine.run("sudo loacast-agent uninstall --purge")
    assert gateway.machine.attempt(kept).stdout == ""


def _reference(gateway: Gateway, clip: dict[str, Any], tmp_path: Path) -> Any:
    path = tmp_path / "clip.opus"
    path.write_bytes(gateway.town.stored_clip(clip["sha256"]).read_bytes())
    return decode_clip(path)
