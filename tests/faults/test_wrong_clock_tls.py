"""To a clock that is a year behind the broker's certificate is not valid yet (F17), and it says so."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.authority import authority
from support.broker import Broker, free_port, wait_for_port
from support.eventually import eventually
from support.far_end import FarEnd
from support.pole import Pole
from support.signing import GATEWAY
from support.wrong_clock import WrongClock

from controller import broker as configuration
from wire.credential import read_credential, write_credential
from wire.mqtt import BrokerAddress

pytestmark = [pytest.mark.slow]

YEAR_S = 365 * 86_400
SECRET = "c" * 43


@dataclass
class Secured:
    """A broker that speaks TLS only."""

    address: BrokerAddress
    pole: Pole


@pytest.fixture
def clock(tmp_path: Path) -> WrongClock:
    return WrongClock(tmp_path / "clock", -YEAR_S)


@pytest.fixture
def secured(tmp_path: Path, clock: WrongClock) -> Iterator[Secured]:
    ca, certificate, key = authority(tmp_path, "ours")
    port = free_port()
    path = configuration.write_configuration(
        tmp_path / "broker", host="127.0.0.1", port=port, run_as="root", tls=(certificate, key)
    )
    # Never started: it only makes the gateway's secret.
    nobody = Broker(tmp_path / "nobody")
    pole = Pole(tmp_path / "pole", GATEWAY, nobody, "http://127.0.0.1:9", environment=clock.environment)
    credential = read_credential(pole.directory / "credential.json")
    write_credential(
        replace(credential, broker_port=port, broker_tls_ca=str(ca)), pole.directory / "credential.json"
    )
    secrets = {GATEWAY: pole.secret, configuration.CONTROLLER_USER: SECRET}
    configuration.write_passwords(tmp_path / "broker", secrets)
    with (tmp_path / "broker.log").open("wb") as log:
        process = subprocess.Popen(["mosquitto", "-c", str(path)], stdout=log, stderr=log)
    try:
        wait_for_port(port)
        yield Secured(
            BrokerAddress("127.0.0.1", port, configuration.CONTROLLER_USER, SECRET, tls_ca=ca), pole
        )
    finally:
        pole.stop()
        process.terminate()
        process.wait(10)


def test_a_certificate_refused_by_a_wrong_clock_is_named_in_the_health(
    secured: Secured, clock: WrongClock
) -> None:
    far_end = FarEnd(secured.address)
    try:
        secured.pole.start()
        log = secured.pole.directory / "agent.log"
        eventually(lambda: log.exists() and "broker_tls_failed" in log.read_text(), 15, "named in the log")
        assert "not yet valid" in log.read_text()
        assert GATEWAY not in far_end.states

        clock.step_to(0.0)
        far_end.wait_online(GATEWAY, timeout_s=40)
        far_end.wait(lambda: far_end.health.get(GATEWAY), 70)
    finally:
        far_end.stop()
    error = far_end.health[GATEWAY][0].last_error
    assert error is not None
    assert "broker_tls_failed" in error
    assert "not yet valid" in error
