"""``loacast-agent doctor`` beside a real broker and a server of clips: right, refused, and gone."""

import json
from pathlib import Path

import pytest
from msgspec import structs
from support.broker import Broker
from support.far_end import FarEnd
from support.media import MediaServer
from support.pole import Pole
from support.signing import GATEWAY

from device_agent.__main__ import main
from wire.credential import read_credential, write_credential

pytestmark = pytest.mark.slow


def found(pole: Pole, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    capsys.readouterr()
    state_dir = pole.directory / "state"
    state_dir.mkdir(exist_ok=True)
    files = ["--credential", str(pole.directory / "credential.json"), "--state-dir", str(state_dir)]
    main(["doctor", *files, "--sink", "file:x", "--json"], {})
    return {each["check"]: each["found"] for each in json.loads(capsys.readouterr().out)}


def test_doctor_logs_in_for_an_agent_that_does_not_run_and_tells_right_from_wrong(
    tmp_path: Path, broker: Broker, media: MediaServer, capsys: pytest.CaptureFixture[str]
) -> None:
    pole = Pole(tmp_path / "pole", GATEWAY, broker, media.url)
    media.passwords[GATEWAY] = pole.secret
    right = found(pole, capsys)
    assert right["broker"] == "broker_lets_in"
    assert (right["network"], right["controller"]) == ("network_ok", "controller_ok")
    assert (right["agent"], right["disk"]) == ("agent_not_running", "disk_ok")

    credential = pole.directory / "credential.json"
    held = read_credential(credential)
    write_credential(structs.replace(held, secret="x" * 43), credential)
    refused = found(pole, capsys)
    assert (refused["broker"], refused["controller"]) == ("broker_refuses", "controller_refuses")

    broker.kill()
    gone = found(pole, capsys)
    assert (gone["network"], gone["broker"]) == ("network_down", "broker_not_tried")


def test_doctor_believes_a_running_agent_and_does_not_take_its_session(
    tmp_path: Path, broker: Broker, media: MediaServer, capsys: pytest.CaptureFixture[str]
) -> None:
    pole = Pole(tmp_path / "pole", GATEWAY, broker, media.url).start()
    far_end = FarEnd(broker.controller_address())
    try:
        far_end.wait_online(GATEWAY)
        told = found(pole, capsys)
        assert (told["agent"], told["broker"]) == ("agent_running", "broker_connected")
        assert main(["status", "--state-dir", str(pole.directory / "state"), "--json"], {}) == 0
        shown = json.loads(capsys.readouterr().out)
        assert (shown["agent"]["gateway_id"], shown["silent"]) == (GATEWAY, False)
        assert shown["journal"]["items_held"] == 0
        assert [state.online for state in far_end.states[GATEWAY]] == [True]
    finally:
        far_end.stop()
        pole.stop()
