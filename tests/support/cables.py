"""One machine of a `support.netns` network and the cable that it hangs on, with what can be wrong with it."""

import ctypes
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

NAMESPACES = Path("/run/netns")

_CLONE_NEWNET = 0x40000000
"""From <linux/sched.h>."""

_BURST_BYTES = 3200
"""What a token bucket lets through at once: two full packets."""
_QUEUE_MS = 1000
"""How long a packet waits at a slow link before newer ones are dropped, as a modem would have it."""


class Namespace:
    """One machine of the network.

    Args:
        name: Of the namespace, as ``ip netns`` knows it.
        address: Its IPv4 address.
    """

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self._processes: list[subprocess.Popen[bytes]] = []

    def command(self, arguments: Sequence[str]) -> list[str]:
        """Return the command line that runs another one here."""
        return ["nsenter", f"--net={NAMESPACES / self.name}", *arguments]

    def start(
        self, arguments: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a process here. Its output is added to `log`; it is killed at the end of the bed."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.command(arguments),
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
            )
        self._processes.append(process)
        return process

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Move this thread here, with every socket, thread and process that it makes meanwhile."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        here = os.open(NAMESPACES / self.name, os.O_RDONLY)
        try:
            _move_thread(here)
            yield
        finally:
            _move_thread(before)
            os.close(here)
            os.close(before)

    def kill_processes(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait(10)
        self._processes.clear()


class Link:
    """The cable between one gateway and the controller, and what is wrong with it."""

    def __init__(self, controller: Namespace, port: str, gateway: Namespace) -> None:
        self._controller = controller
        self._port = port
        self._gateway = gateway
        self._loss_percent = 0
        self._holes: tuple[int, ...] | None = ()

    def down(self) -> None:
        """Pull the cable: the gateway sees that there is no carrier."""
        run("ip", "-n", self._controller.name, "link", "set", self._port, "down")

    def up(self) -> None:
        """Put the cable back."""
        run("ip", "-n", self._controller.name, "link", "set", self._port, "up")

    def loss(self, percent: int) -> None:
        """Lose so many of a hundred packets in each direction."""
        self._loss_percent = percent
        self._filter()

    def black_hole(self, ports: Sequence[int] = ()) -> None:
        """Let packets vanish in both directions, with neither a reset nor an ICMP message.

        Args:
            ports: Only TCP packets to or from these ports; empty is everything.
        """
        self._holes = tuple(ports) or None
        self._filter()

    def open(self) -> None:
        """Fill the black hole; loss and rate stay."""
        self._holes = ()
        self._filter()

    def rate(self, kbit_s: int | None) -> None:
        """Let so many kilobits a second through in each direction; None is no limit."""
        for namespace, device in self._ends():
            if kbit_s is None:
                with suppress(subprocess.CalledProcessError):  # there was no limit
                    run("tc", "-n", namespace, "qdisc", "del", "dev", device, "root")
            else:
                run(
                    *("tc", "-n", namespace, "qdisc", "replace", "dev", device, "root"),
                    *(
                        "tbf",
                        "rate",
                        f"{kbit_s}kbit",
                        "burst",
                        str(_BURST_BYTES),
                        "latency",
                        f"{_QUEUE_MS}ms",
                    ),
                )

    def heal(self) -> None:
        """Make it whole: up, nothing lost, no limit."""
        self._loss_percent = 0
        self.open()
        self.rate(None)
        self.up()

    def _ends(self) -> tuple[tuple[str, str], tuple[str, str]]:
        return (self._controller.name, self._port), (self._gateway.name, "eth0")

    def _filter(self) -> None:
        rules = []
        if self._holes is None:
            rules.append("meta protocol ip drop")
        elif self._holes:
            ports = ", ".join(map(str, self._holes))
            rules += [f"tcp {way} {{ {ports} }} drop" for way in ("sport", "dport")]
        if self._loss_percent:
            rules.append(f"meta protocol ip numgen random mod 100 < {self._loss_percent} drop")
        for namespace, device in self._ends():
            table = f"netdev faults_{self._port}"
            chain = f'type filter hook ingress device "{device}" priority 0; policy accept;'
            # Declared, deleted and made anew in one transaction, whether it was there or not.
            script = f"table {table}\ndelete table {table}\ntable {table} {{\nchain arriving {{\n{chain}\n"
            run(
                *("nsenter", f"--net={NAMESPACES / namespace}", "nft", "-f", "-"),
                given=script + "\n".join(rules) + "\n}\n}\n",
            )


def _move_thread(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def bucket(kbit_s: int) -> tuple[str, ...]:
    """Return what tc's tbf is told for a rate."""
    return ("rate", f"{kbit_s}kbit", "burst", str(_BURST_BYTES), "latency", f"{_QUEUE_MS}ms")


def run(*arguments: str, given: str | None = None) -> None:
    """Run a command of iproute2 or nftables; its complaint is in the error."""
    subprocess.run(arguments, input=given, check=True, capture_output=True, text=True)
