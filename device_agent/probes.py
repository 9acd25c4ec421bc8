"""What this box can tell of itself. A probe that finds nothing says None: not present, never all well."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

_T = TypeVar("_T")

THERMAL = Path("/sys/class/thermal")
PROC = Path("/proc")


class Readings(Struct, frozen=True, kw_only=True):
    """One look at the box; the fields are those of `wire.messages.Health`."""

    uptime_s: int | None = None
    temperature_c: float | None = None
    load_1m: float | None = None
    memory_free_bytes: int | None = None
    disk_free_bytes: int | None = None


def read(state_dir: Path, *, thermal: Path = THERMAL, proc: Path = PROC) -> Readings:
    """Ask every probe."""
    return Readings(
        uptime_s=_or_none(lambda: int(float((proc / "uptime").read_text().split()[0]))),
        temperature_c=_or_none(lambda: _hottest(thermal)),
        load_1m=_or_none(lambda: round(os.getloadavg()[0], 2)),
        memory_free_bytes=_or_none(lambda: _memory_available(proc)),
        disk_free_bytes=_or_none(lambda: shutil.disk_usage(state_dir).free),
    )


def _hottest(thermal: Path) -> float:
    """Return the highest of all zones, °C; the kernel counts in thousandths."""
    return max(int(zone.read_text()) for zone in thermal.glob("thermal_zone*/temp")) / 1000


def _memory_available(proc: Path) -> int:
    lines = (proc / "meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))


def _or_none(probe: Callable[[], _T]) -> _T | None:
    try:
        return probe()
    except (OSError, ValueError, IndexError, StopIteration):
        return None
