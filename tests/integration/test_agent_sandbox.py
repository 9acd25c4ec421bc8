"""The unit's filter of system calls, against those that a playing agent really makes."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.broker import Broker
from support.cables import Namespace
from support.far_end import FarEnd, now
from support.media import MediaServer, opus, warble
from support.pole import Pole
from support.signing import GATEWAY, an_item

from device_agent.commands.unit import UnitFacts, unit
from wire.types import Event

MISSING = [name for name in ("strace", "systemd-analyze") if shutil.which(name) is None]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]

HARMLESS = {"mbind", "fchown"}
"""Refused with EPERM and not missed: OpenBLAS asks for memory near its core, SQLite as root for an owner."""


class Traced(Namespace):
    """This machine, with every system call noted."""

    def __init__(self, trace: Path) -> None:
        super().__init__("traced", "127.0.0.1")
        self._trace = trace

    def command(self, arguments: Sequence[str]) -> list[str]:
        return ["strace", "-f", "-qq", "-o", str(self._trace), *arguments]


def group(name: str) -> set[str]:
    told = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True
    ).stdout
    calls: set[str] = set()
    for line in (line.strip() for line in told.splitlines()[1:]):
        if line and not line.startswith("#"):
            calls |= group(line) if line.startswith("@") else {line}
    return calls


def allowed_by(unit_text: str) -> set[str]:
    calls: set[str] = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit_text, re.MULTILINE):
        named = line.removeprefix("~").split()
        members = set().union(*(group(name) if name.startswith("@") else {name} for name in named))
        calls = calls - members if line.startswith("~") else calls | members
    return calls


def test_the_service_may_do_all_that_a_playing_agent_does(tmp_path: Path) -> None:
    broker, media = Broker(tmp_path / "broker").start(), MediaServer()
    far_end = FarEnd(broker.controller_address())
    pole = Pole(tmp_path / "pole", GATEWAY, broker, media.url, inside=Traced(tmp_path / "trace"))
    media.passwords[GATEWAY] = pole.secret
    try:
        pole.start()
        far_end.wait_online(GATEWAY, timeout_s=40)
        item = an_item(now(), clips=(media.add(opus(warble(1_000)), 1_000),))
        far_end.send(far_end.pen(GATEWAY).play(now(), item))
        far_end.wait_for_events(GATEWAY, item.broadcast_id, Event.PLAYED, timeout_s=40)
        far_end.wait(lambda: far_end.health.get(GATEWAY), 40)
        assert pole.process is not None
        strace = pole.process.pid
        for agent in Path(f"/proc/{strace}/task/{strace}/children").read_text().split():
            os.kill(int(agent), signal.SIGTERM)
        pole.process.wait(20)
    finally:
        pole.stop()
        far_end.stop()
        media.stop()
        broker.stop()
    used = set(re.findall(r"^\d+ +([a-z]\w*)\(", (tmp_path / "trace").read_text(), re.MULTILINE))
    assert {"sched_setscheduler", "fdatasync"} <= used, "it asked for priority, and it saved"
    assert used & {"adjtimex", "clock_adjtime", "clock_adjtime64"}, "it looked at its clock"
    python, settings = Path("/opt/loacast-agent/bin/python"), Path("/etc/loacast/agent.env")
    text = unit(UnitFacts(python, Path("/etc/loacast/gateway.json"), settings, 30, ("audio",)))
    assert used - allowed_by(text) - HARMLESS == set()
