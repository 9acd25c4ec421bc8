"""The bed that the tests of faults stand on does what it says, or none of them means anything."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.eventually import eventually
from support.netns import Bed, GatewayNamespace, network_bed

PACKETS = 400


@pytest.fixture(scope="module")
def bed() -> Iterator[Bed]:
    with network_bed("a", "b") as built:
        yield built


@pytest.fixture
def gateway(bed: Bed) -> Iterator[GatewayNamespace]:
    yield bed.gateways["a"]
    bed.gateways["a"].link.heal()


@pytest.fixture(scope="module")
def door(bed: Bed) -> Iterator[tuple[str, int]]:
    """Something to connect to at the controller; it answers each connection with one byte."""
    with bed.controller.inside():
        listener = socket.create_server((bed.controller.address, 0))

    def greet() -> None:
        while True:
            try:
                visitor, _ = listener.accept()
            except OSError:
                return
            with visitor:
                visitor.sendall(b"!")

    thread = threading.Thread(target=greet, daemon=True)
    thread.start()
    yield listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def reaches(gateway: GatewayNamespace, door: tuple[str, int], timeout_s: float = 2.0) -> bool:
    with gateway.inside():
        try:
            with socket.create_connection(door, timeout=timeout_s) as line:
                return line.recv(1) == b"!"
        except TimeoutError:
            return False


def test_a_gateway_reaches_the_controller_and_nothing_outside(
    bed: Bed, gateway: GatewayNamespace, door: tuple[str, int]
) -> None:
    assert reaches(gateway, door)
    with gateway.inside(), pytest.raises(OSError, match="unreachable"):
        socket.create_connection(("192.0.2.1", 80), timeout=1.0)
    assert bed.controller.address == door[0]


def test_the_thread_comes_home_even_from_an_error(gateway: GatewayNamespace) -> None:
    interfaces = socket.if_nameindex()
    with pytest.raises(OSError, match="no interface with this name"), gateway.inside():
        socket.if_nametoindex(interfaces[-1][1] + "?")
    assert socket.if_nameindex() == interfaces


def test_a_pulled_cable_is_one_gateways_and_can_be_put_back(
    bed: Bed, gateway: GatewayNamespace, door: tuple[str, int]
) -> None:
    gateway.link.down()
    assert not reaches(gateway, door, 0.3)
    assert reaches(bed.gateways["b"], door)
    gateway.link.up()
    assert reaches(gateway, door)


def test_a_black_hole_says_nothing_and_spares_other_ports(
    gateway: GatewayNamespace, door: tuple[str, int]
) -> None:
    gateway.link.black_hole(ports=(door[1] + 1,))
    assert reaches(gateway, door)
    gateway.link.black_hole(ports=(door[1],))
    assert not reaches(gateway, door, 0.3)
    gateway.link.black_hole()
    assert not reaches(gateway, door, 0.3)
    gateway.link.open()
    assert reaches(gateway, door)


def test_a_lossy_link_loses_about_as_many_packets_as_told(bed: Bed, gateway: GatewayNamespace) -> None:
    with bed.controller.inside():
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind((bed.controller.address, 0))
    with gateway.inside():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with receiver, sender:
        gateway.link.loss(30)
        for _ in range(PACKETS):
            sender.sendto(b"?", receiver.getsockname())
        receiver.settimeout(0.3)
        arrived = 0
        with suppress(TimeoutError):
            while receiver.recv(1):
                arrived += 1
    # Binomial, n = 400, p = 0.7: mean 280, standard deviation 9; five of them on either side.
    assert 234 <= arrived <= 326


def test_a_slow_link_is_as_slow_as_told(bed: Bed, gateway: GatewayNamespace) -> None:
    with bed.controller.inside():
        listener = socket.create_server((bed.controller.address, 0))
    gateway.link.rate(256)
    with listener, gateway.inside(), socket.create_connection(listener.getsockname()) as sender:
        visitor, _ = listener.accept()
        size, got = 64_000, 0
        began = time.monotonic()
        sender.sendall(bytes(size))
        with visitor:
            while got < size:
                got += len(visitor.recv(65536))
        # 64 kB at 256 kbit/s are 2 s, and headers on top.
        assert 1.8 <= time.monotonic() - began <= 3.5


def test_a_process_of_the_bed_ends_with_it(tmp_path: Path) -> None:
    with network_bed("c") as other:
        process = other.gateways["c"].start(["sleep", "60"], tmp_path / "log")
        eventually(lambda: process.poll() is None, 1)
    assert process.poll() is not None
