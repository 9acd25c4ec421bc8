"""The system in containers, as docs/deployment.md has a stranger start it."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from compose.deployment import GATEWAYS, LASTING, Deployment, Visitor, tell
from support.broadcasting import HEARD, heard_at, now, wait_for_states
from support.eventually import eventually
from support.sound import decode_clip
from support.voices import MEETING, speech

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]


def test_a_spoken_announcement_sounds_at_all_three_gateways_and_outlives_a_restart(
    deployment: Deployment, admin: Visitor, tmp_path: Path
) -> None:
    eventually(
        lambda: [each["contact"] for each in admin.gateways().values()] == ["online"] * 3, 60, "all online"
    )
    clip = admin.speak(MEETING)["clip"]
    begun = now()
    answer = admin.post(
        "/broadcasts",
        json={
            "bulletin": {"title": "Họp dân", "clip_sha256": clip["sha256"], "source": "speech"},
            "audience": {"areas": [admin.area("Xã Trần Đề")]},
        },
    )
    assert answer.status_code == 202, answer.text
    broadcast_id = answer.json()["id"]
    wait_for_states(admin, broadcast_id, {"played"}, 90)

    sound = admin.client.get(f"/api/v1/clips/{clip['sha256']}/audio")
    (tmp_path / "clip.opus").write_bytes(sound.content)
    reference = decode_clip(tmp_path / "clip.opus")
    for gateway in GATEWAYS:
        recording = deployment.recording(gateway, tmp_path)
        correlation, start_at = heard_at(recording, reference, begun, now() + timedelta(seconds=1))
        tell(f"{gateway}: correlation {correlation:.3f}, {start_at - begun} after the press")
        assert correlation >= HEARD

    deployment.restart("controller")
    assert {each["state"] for each in admin.deliveries(broadcast_id).values()} == {"played"}
    assert admin.get(f"/broadcasts/{broadcast_id}")["title"] == "Họp dân"


def test_an_upload_of_megabytes_becomes_a_clip(admin: Visitor, tmp_path: Path) -> None:
    recording = speech(tmp_path / "long.wav", " ".join([MEETING] * 8))
    assert recording.stat().st_size > 2 * 2**20
    assert admin.upload(recording)["state"] == "ready"


def test_a_gateway_enrolled_later_is_let_in_without_a_restart(deployment: Deployment) -> None:
    enrolled = deployment.run_in(
        "controller",
        *("python", "-m", "controller", "gateway", "add", "31673-004", "31673.01", "Chợ Trần Đề"),
        *("--out", "/data/31673-004.json"),
    )
    assert enrolled.returncode == 0, enrolled.stderr
    secret = deployment.run_in(
        "controller",
        *("python", "-c", "import json; print(json.load(open('/data/31673-004.json'))['secret'])"),
    ).stdout.strip()

    def let_in() -> bool:
        knock = ("mosquitto_pub", "-h", "broker", "-u", "31673-004", "-P", secret, "-n", "-t", "x")
        return deployment.run_in("broker", *knock).returncode == 0

    eventually(let_in, 10, "the broker knows it")


def test_each_gateway_sees_its_own_volume_only(deployment: Deployment) -> None:
    mounts = {
        service: {mount["Name"]: mount["Destination"] for mount in deployment.inspect(service)["Mounts"]}
        for service in LASTING
        if service != "broker"
    }
    for gateway in GATEWAYS:
        ((volume, destination),) = mounts[gateway].items()
        assert destination == "/data"
        assert [service for service in mounts if volume in mounts[service]] == [gateway]


def test_only_the_pages_are_published_and_on_loopback(deployment: Deployment) -> None:
    published = {
        service: [
            (binding["HostIp"], port)
            for port, bindings in deployment.inspect(service)["NetworkSettings"]["Ports"].items()
            for binding in bindings or []
        ]
        for service in deployment.services
    }
    assert published.pop("controller") == [("127.0.0.1", "8000/tcp")]
    assert all(not ports for ports in published.values())


def test_a_service_of_ours_runs_without_root_without_capabilities_and_cannot_change_its_image(
    deployment: Deployment,
) -> None:
    for service in LASTING:
        assert deployment.run_in(service, "id", "-u").stdout.strip() == "10001", service
        status = deployment.run_in(service, "cat", "/proc/1/status").stdout
        assert "CapEff:\t0000000000000000" in status, service
        assert "NoNewPrivs:\t1" in status, service
        assert "Read-only" in deployment.run_in(service, "touch", "/etc/x").stderr, service


def test_no_secret_is_in_an_environment_and_none_but_the_password_is_in_a_log(
    deployment: Deployment,
) -> None:
    password = deployment.run_in("controller", "cat", "/data/admin-password").stdout.strip()
    keys = deployment.run_in("controller", "cat", "/data/keys.json").stdout
    broker_password = keys.split('"broker_password": "')[1].split('"')[0]
    credential = deployment.run_in("gateway-1", "cat", "/data/credential.json").stdout
    gateway_secret = credential.split('"secret": "')[1].split('"')[0]
    shown = {service: str(deployment.inspect(service)) for service in LASTING}
    said = {service: deployment.logs(service) for service in ("setup", *LASTING)}
    assert password in said.pop("setup")
    for secret in (password, broker_password, gateway_secret):
        assert len(secret) >= 16
        assert not any(secret in text for text in (*shown.values(), *said.values()))


def test_starting_again_founds_nothing_anew(deployment: Deployment, admin: Visitor) -> None:
    before = admin.gateways().keys()
    deployment.up()
    assert "Founded before" in deployment.logs("setup")
    assert admin.gateways().keys() == before


def test_a_stranger_is_turned_away_by_the_pages(deployment: Deployment) -> None:
    assert httpx.get(f"{deployment.base_url}/api/v1/gateways").status_code == 401
