"""What one gateway costs: memory, processor, and time from start to ready. A real agent, a recorded sound."""

import contextlib
import os
import select
import socket
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import typer
from support.broker import Broker
from support.far_end import FarEnd, now
from support.media import MediaServer, opus, warble
from support.pole import Pole
from support.signing import GATEWAY, an_item

from tests.bench.processes import cpu_s, rss_mb
from tests.bench.pulse import Pulse
from wire.messages import ClipRef
from wire.types import Event

RSS_AIM_MB, CPU_AIM_PERCENT, READY_AIM_S = 80, 5.0, 3.0
PLAN_ITEMS = 150
PULSE_SINK = "pole"
AS_A_SERVICE = {"MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1"}
"""What `device_agent.commands.unit` sets and what counts for memory."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One run of an agent that holds a plan of `PLAN_ITEMS`."""

    ready_s: float
    """Start of the process to ``READY=1``: from here on it plays what its plan says."""
    online_s: float
    """Start of the process to its birth at the broker."""
    idle_mb: float
    idle_percent: float
    playing_mb: float
    playing_percent: float
    """Of one core."""


def measure(seconds: int, rounds: int, sink: str | None = None, *, through_pulse: bool = False) -> None:
    """Run the agent several times and print medians beside the aims.

    Args:
        seconds: How long it is watched idle, and again while it plays.
        rounds: How many runs.
        sink: As the agent's option; None records what would have sounded.
        through_pulse: Whether ALSA's default device is a null sink of a PulseAudio of our own.
    """
    with tempfile.TemporaryDirectory(prefix="loacast-") as directory, contextlib.ExitStack() as ending:
        environment = dict(AS_A_SERVICE)
        if through_pulse:
            pulse = Pulse(Path(directory) / "pulse", [PULSE_SINK])
            ending.callback(pulse.stop)
            environment |= pulse.environment(PULSE_SINK)
        broker, media = Broker(Path(directory) / "broker").start(), MediaServer()
        far_end = FarEnd(broker.controller_address())
        try:
            costs = [
                run_once(
                    Path(directory) / str(number),
                    broker,
                    media,
                    far_end,
                    seconds=seconds,
                    sink=sink,
                    environment=environment,
                )
                for number in range(rounds)
            ]
        finally:
            far_end.stop()
            media.stop()
            broker.stop()
    _print(costs)


def run_once(
    directory: Path,
    broker: Broker,
    media: MediaServer,
    far_end: FarEnd,
    *,
    seconds: int,
    sink: str | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Cost:
    """Start an agent twice: to give it a plan and its clips, then to measure it with both in hand."""
    directory.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(directory / "notify"))
        notified = {"NOTIFY_SOCKET": str(directory / "notify")}
        pole = Pole(directory, GATEWAY, broker, media.url, sink=sink, environment={**environment, **notified})
        media.passwords[GATEWAY] = pole.secret
        clip = media.add(opus(warble((seconds + 4) * 1000)), (seconds + 4) * 1000)
        _give_a_plan(pole, far_end, clip)
        _drain(notify)
        states = len(far_end.states[GATEWAY])
        began = time.monotonic()
        pole.start()
        try:
            ready_s = _wait_ready(notify, began)
            far_end.wait(lambda: any(state.online for state in far_end.states[GATEWAY][states:]))
            online_s = time.monotonic() - began
            assert pole.process is not None
            idle = _watch(pole.process.pid, notify, seconds)
            order = an_item(now(), clips=(clip,))
            far_end.send(far_end.pen(GATEWAY).play(now(), order))
            far_end.wait_for_events(GATEWAY, order.broadcast_id, Event.PLAYING)
            playing = _watch(pole.process.pid, notify, seconds)
        finally:
            pole.stop()
        return Cost(ready_s, online_s, *idle, *playing)


def _give_a_plan(pole: Pole, far_end: FarEnd, clip: ClipRef) -> None:
    pole.start()
    items = [an_item(now() + timedelta(hours=1 + number), clips=(clip,)) for number in range(PLAN_ITEMS)]
    try:
        far_end.wait_online(GATEWAY)
        far_end.send(far_end.pen(GATEWAY).plan(now(), *items), "plan")
        # What is to be played at once is fetched at once; the rest of the week takes its time.
        hurry = an_item(now(), clips=(clip,))
        far_end.send(far_end.pen(GATEWAY).play(now(), hurry))
        far_end.wait_for_events(GATEWAY, hurry.broadcast_id, Event.PLAYING, timeout_s=30)
    finally:
        pole.stop()


def _wait_ready(notify: socket.socket, began: float) -> float:
    while select.select([notify], [], [], 30)[0]:
        if b"READY=1" in notify.recv(4096):
            return time.monotonic() - began
    raise RuntimeError("the agent did not get ready in 30 s")


def _watch(pid: int, notify: socket.socket, seconds: int) -> tuple[float, float]:
    """Return the highest resident memory in MB and the share of one core in per cent."""
    cpu, began = cpu_s(pid), time.monotonic()
    highest = 0.0
    while (passed := time.monotonic() - began) < seconds:
        highest = max(highest, rss_mb(pid))
        select.select([notify], [], [], 0.25)
        _drain(notify)
    return highest, 100 * (cpu_s(pid) - cpu) / passed


def _drain(notify: socket.socket) -> None:
    while select.select([notify], [], [], 0)[0]:
        notify.recv(4096)


def _print(costs: list[Cost]) -> None:
    def median(name: str) -> float:
        return statistics.median(getattr(cost, name) for cost in costs)

    typer.echo(f"one gateway, {PLAN_ITEMS} items planned, {len(costs)} runs, {os.cpu_count()} cores; medians")
    typer.echo(f"start to ready           {median('ready_s'):6.2f} s    aim ≤ {READY_AIM_S:g}")
    typer.echo(f"start to online          {median('online_s'):6.2f} s")
    typer.echo(f"resident memory, idle    {median('idle_mb'):6.1f} MB   aim ≤ {RSS_AIM_MB}")
    typer.echo(f"resident memory, playing {median('playing_mb'):6.1f} MB   aim ≤ {RSS_AIM_MB}")
    typer.echo(f"processor, idle          {median('idle_percent'):6.2f} % of one core")
    typer.echo(f"processor, playing       {median('playing_percent'):6.2f} %    aim ≤ {CPU_AIM_PERCENT:g}")
