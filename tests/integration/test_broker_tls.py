"""Broker over TLS: our own authority is trusted, a stranger's is not."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.authority import authority
from support.broker import free_port, wait_for_port

from controller import broker as configuration
from wire.mqtt import BrokerAddress, Connection

pytestmark = [
    pytest.mark.slow,
    # paho leaves the socket of a failed handshake to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SECRET = "s" * 43


@pytest.fixture
def secure_port(tmp_path: Path) -> Iterator[int]:
    _, certificate, key = authority(tmp_path, "ours")
    port = free_port()
    path = configuration.write_configuration(
        tmp_path / "broker", host="127.0.0.1", port=port, run_as="root", tls=(certificate, key)
    )
    configuration.write_passwords(tmp_path / "broker", {"g1": SECRET})
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(["mosquitto", "-c", str(path)], stdout=log, stderr=log)
    try:
        wait_for_port(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def connects(port: int, ca: Path | None) -> bool:
    connection = Connection(
        BrokerAddress("127.0.0.1", port, "g1", SECRET, tls_ca=ca),
        subscriptions=(),
        on_message=lambda _incoming: None,
        on_connected=lambda _present: None,
        on_lost=lambda: None,
    )
    connection.start()
    try:
        return connection.wait_connected(2.5)
    finally:
        connection.stop()


def test_only_a_broker_that_our_authority_vouches_for_is_spoken_to(tmp_path: Path, secure_port: int) -> None:
    stranger, _, _ = authority(tmp_path, "stranger")
    assert connects(secure_port, tmp_path / "ours-ca.pem")
    assert not connects(secure_port, stranger)
    assert not connects(secure_port, None), "a TLS listener takes no plain TCP"


def test_an_authority_that_is_missing_for_a_moment_is_waited_for(tmp_path: Path, secure_port: int) -> None:
    late = tmp_path / "late.pem"
    connection = Connection(
        BrokerAddress("127.0.0.1", secure_port, "g1", SECRET, tls_ca=late),
        subscriptions=(),
        on_message=lambda _incoming: None,
        on_connected=lambda _present: None,
        on_lost=lambda: None,
    )
    connection.start()
    try:
        assert not connection.wait_connected(0.5)
        late.write_bytes((tmp_path / "ours-ca.pem").read_bytes())
        assert connection.wait_connected(20)
    finally:
        connection.stop()
