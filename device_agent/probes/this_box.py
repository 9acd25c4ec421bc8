"""Every probe that a gateway asks, on two boards: files answer at once, other programs when they like."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from device_agent.clock import Clock
from device_agent.probes import kernel, radio, supply, timekeeping
from device_agent.probes.amplifier import amplifier
from device_agent.probes.board import Board
from device_agent.probes.commands import Run, run
from device_agent.probes.contract import Probe


def boards_of_this_box(
    state_dir: Path,
    clock: Clock,
    amplifier_is_on: Callable[[], bool | None] = lambda: None,
    *,
    amplifier_wired: bool = False,
    root: Path = Path("/"),
    run_command: Run = run,
) -> tuple[Board, ...]:
    """Return the boards, not yet started.

    Args:
        state_dir: On the disk to measure.
        clock: Tells the age of an answer.
        amplifier_is_on: Whether the relay is closed; None if there is none, or it refuses.
        amplifier_wired: Whether the settings name a pin for it.
        root: Where ``/proc`` and ``/sys`` hang.
        run_command: Runs other programs.
    """
    files: dict[str, Probe] = {
        "uptime": partial(kernel.uptime, root),
        "load": partial(kernel.load, root),
        "memory": partial(kernel.memory, root),
        "temperature": partial(kernel.temperature, root),
        "disk": partial(kernel.disk, state_dir),
        "power": partial(supply.power, root),
        "clock": timekeeping.clock,
        "amplifier": partial(amplifier, amplifier_is_on, wired=amplifier_wired),
    }
    programs: dict[str, Probe] = {
        "under_voltage": partial(supply.under_voltage, root, run_command),
        "signal": partial(radio.signal, run_command),
    }
    return Board(files, clock), Board(programs, clock)
