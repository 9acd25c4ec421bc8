"""A network of its own for a test: one namespace for the controller, one per gateway, real packets.

    with network_bed("a", "b") as bed:
        with bed.controller.inside():  # sockets, threads and processes made here belong to the controller
            broker = Broker(directory, LocalProcess(directory, bed.controller.address)).start()
        Pole(directory, "a", broker, media_url, inside=bed.gateways["a"]).start()

        with network_bed("31672-001") as bed, bed.controller.inside(), running_town(path, 1, bed) as town:
            ...                        # or a whole town, spread over the network

        bed.gateways["a"].start([sys.executable, "-m", "device_agent", ...], log)
        bed.gateways["a"].link.loss(30)      # percent of packets lost, in each direction
        bed.gateways["a"].link.rate(64)      # kbit/s, in each direction
        bed.gateways["a"].link.black_hole()  # everything vanishes, without a word
        bed.gateways["a"].link.black_hole(ports=(1883,))  # only what goes to or comes from these TCP ports
        bed.gateways["a"].link.down()        # the cable is pulled; up() puts it back
        bed.gateways["a"].link.heal()        # no loss, no limit, no hole

Every gateway hangs on a bridge in the controller's namespace by a cable (veth) of its own. Packets are lost
where they arrive (nft, ingress hook), at either end, so no sender is told. ARP is let through: a network that
swallows packets does not answer "no route" either. The rate is a token bucket (tc tbf) at both ends.

Needs root, iproute2, nftables and util-linux; a test skips and prints the reason where they are missing.
Processes still running and all namespaces end with the block. What a killed test run has left behind is
taken away by the next one.
"""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.cables import NAMESPACES, Link, Namespace, bucket, run

_PREFIX = "loacast"

_TOOLS = {"ip": "iproute2", "tc": "iproute2", "nft": "nftables", "nsenter": "util-linux"}
_NET = "10.213.0"

_numbers = itertools.count()


class GatewayNamespace(Namespace):
    """A gateway's machine, with its cable."""

    def __init__(self, name: str, address: str, controller: Namespace, port: str) -> None:
        super().__init__(name, address)
        self.link = Link(controller, port, self)


class Bed:
    """The whole network."""

    def __init__(self, controller: Namespace, gateways: dict[str, GatewayNamespace]) -> None:
        self.controller = controller
        self.gateways = gateways


@contextmanager
def network_bed(*gateways: str) -> Iterator[Bed]:
    """Build a network with these gateways, and take it away when the block ends.

    Skips the test, with the reason, where this machine cannot.
    """
    skip_unless_possible()
    _sweep()
    prefix = f"{_PREFIX}-{os.getpid()}-{next(_numbers)}"
    controller = Namespace(f"{prefix}-controller", f"{_NET}.1")
    machines = [
        GatewayNamespace(f"{prefix}-{number}", f"{_NET}.{10 + number}", controller, f"port{number}")
        for number in range(len(gateways))
    ]
    bed = Bed(controller, dict(zip(gateways, machines, strict=True)))
    try:
        for machine in (controller, *machines):
            run("ip", "netns", "add", machine.name)
            run("ip", "-n", machine.name, "link", "set", "lo", "up")
        _lay_cables(bed)
        yield bed
    finally:
        for machine in (controller, *machines):
            machine.kill_processes()
        for machine in (controller, *machines):
            _remove(machine.name)


def skip_unless_possible() -> None:
    """Skip the test, and say why, where no namespaces can be made."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    missing = sorted({package for tool, package in _TOOLS.items() if shutil.which(tool) is None})
    if missing:
        pytest.skip(f"network namespaces need the Debian packages {', '.join(missing)}")
    probe = f"{_PREFIX}-{os.getpid()}-probe"
    try:
        run("ip", "netns", "add", probe)
        run("ip", "-n", probe, "link", "add", "v0", "type", "veth", "peer", "name", "v1")
        hook = 'table netdev t {\nchain c {\ntype filter hook ingress device "v0" priority 0;\n}\n}\n'
        run("nsenter", f"--net={NAMESPACES / probe}", "nft", "-f", "-", given=hook)
        run("tc", "-n", probe, "qdisc", "add", "dev", "v0", "root", "tbf", *bucket(64))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this kernel or container allows no network of our own: {error.stderr.strip()}")
    finally:
        _remove(probe)


def _lay_cables(bed: Bed) -> None:
    hub = bed.controller.name
    run("ip", "-n", hub, "link", "add", "hub", "type", "bridge")
    run("ip", "-n", hub, "addr", "add", f"{bed.controller.address}/24", "dev", "hub")
    run("ip", "-n", hub, "link", "set", "hub", "up")
    for number, gateway in enumerate(bed.gateways.values()):
        port = f"port{number}"
        run(
            *("ip", "-n", hub, "link", "add", port, "type", "veth"),
            *("peer", "name", "eth0", "netns", gateway.name),
        )
        run("ip", "-n", hub, "link", "set", port, "master", "hub", "up")
        run("ip", "-n", gateway.name, "addr", "add", f"{gateway.address}/24", "dev", "eth0")
        run("ip", "-n", gateway.name, "link", "set", "eth0", "up")


def _sweep() -> None:
    """Take away what runs that were killed have left behind."""
    for path in NAMESPACES.glob(f"{_PREFIX}-*"):
        pid = path.name.split("-")[1]
        if not Path("/proc", pid).exists():
            _remove(path.name)


def _remove(name: str) -> None:
    subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
