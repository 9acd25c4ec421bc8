"""A PC in QEMU that boots Debian: power, a keyboard by ssh, and nothing of ours in it."""

import os
import subprocess
import sys
from pathlib import Path

from support.cables import Namespace
from support.eventually import eventually

HOME = Path(
    os.environ.get("LOACAST_BOOTED_HOME")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "loacast-booted"
)
ACCELERATOR = os.environ.get("LOACAST_BOOTED_ACCEL", "tcg,thread=multi")
MEMORY_MB = 1024
BOOT_S = 180
SSH_PORT = 2222
"""On loopback of the namespace, which is the machine's own."""


def tell(line: str) -> None:
    """Show that it goes on, and what was measured."""
    sys.stderr.write(f"  booted: {line}\n")


class Machine:
    """One box with a disk of its own, behind the cable of a network namespace.

    Args:
        directory: Where its disk and what its console said are kept.
        name: What ``ssh`` calls it.
        inside: Whose network it uses; the controller is reached through it and nothing else.
    """

    def __init__(self, directory: Path, name: str, inside: Namespace) -> None:
        self.directory = directory
        self.ssh_config = directory / "ssh_config"
        self._name = name
        self._inside = inside
        self._process: subprocess.Popen[bytes] | None = None
        disk = (str(HOME / "disk.img"), str(directory / "disk.img"))
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", *disk], check=True)
        options = {
            "HostName": "127.0.0.1",
            "Port": SSH_PORT,
            "User": "pi",
            "IdentityFile": HOME / "key",
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "ConnectTimeout": 5,
            "ServerAliveInterval": 10,
        }
        lines = [f"  {key} {value}\n" for key, value in options.items()]
        self.ssh_config.write_text(f"Host {name}\n{''.join(lines)}")

    def power_on(self) -> None:
        """Switch it on and wait until systemd has started everything."""
        drive = "format=raw,if=virtio,file"
        self._process = self._inside.start(
            [
                *("qemu-system-x86_64", "-accel", ACCELERATOR, "-cpu", "max", "-smp", "2"),
                *("-m", str(MEMORY_MB), "-display", "none", "-serial", "stdio", "-monitor", "none"),
                *("-kernel", str(HOME / "vmlinuz"), "-initrd", str(HOME / "initrd")),
                *("-append", "root=/dev/vda rw console=ttyS0 quiet"),
                *("-drive", f"{drive}={self.directory / 'disk.img'}"),
                *("-drive", f"{drive}={HOME / 'wheels.img'},readonly=on"),
                *("-nic", f"user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:{SSH_PORT}-:22"),
            ],
            self.directory / "console.log",
        )
        self._wait_until_booted(before="")

    def cut_power(self) -> None:
        """Pull the plug: what its kernel had not written yet is lost."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def reboot(self) -> None:
        """Shut it down in order and wait until it is back."""
        before = self.boot_id()
        self.attempt("sudo systemctl reboot")
        self._wait_until_booted(before)

    def boot_id(self) -> str:
        """Return what differs from boot to boot; empty while nobody answers."""
        return self.attempt("cat /proc/sys/kernel/random/boot_id").stdout.strip()

    def run(self, command: str, *, given: bytes = b"") -> str:
        """Run a line of shell there, as its ordinary user, and return what it said; fail if it does."""
        done = self.attempt(command, given=given)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def attempt(self, command: str, *, given: bytes = b"") -> subprocess.CompletedProcess[str]:
        """Run a line of shell there and return how it ended."""
        ssh = ["ssh", "-F", str(self.ssh_config), self._name, command]
        done = subprocess.run(self._inside.command(ssh), input=given, capture_output=True, check=False)
        said, complained = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        return subprocess.CompletedProcess(done.args, done.returncode, said, complained)

    def fetch(self, path: str) -> bytes:
        """Return the content of one of its files, whoever may read it there."""
        ssh = ["ssh", "-F", str(self.ssh_config), self._name, f"sudo cat {path}"]
        return subprocess.run(self._inside.command(ssh), capture_output=True, check=True).stdout

    def shown(self, unit: str, *properties: str) -> dict[str, str]:
        """Return what systemd knows of a unit."""
        names = " ".join(f"--property={each}" for each in properties)
        lines = self.run(f"systemctl show {unit} {names}").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def _wait_until_booted(self, before: str) -> None:
        def is_another() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, "it is off; see console.log"
            return self.boot_id() not in {"", before}

        eventually(is_another, BOOT_S, "it answers")
        state = self.attempt("systemctl is-system-running --wait").stdout.strip()
        tell(f"it has booted: {state}, {self.run('systemd-analyze').splitlines()[0]}")
