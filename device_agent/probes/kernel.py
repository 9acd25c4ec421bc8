"""What Linux says of itself in ``/proc`` and ``/sys``; each takes the root that they hang in."""

import os
import shutil
from pathlib import Path

from device_agent.probes.contract import NOTHING, Readings

_PAGE = os.sysconf("SC_PAGE_SIZE")
_KIB = 1024


def uptime(root: Path) -> Readings:
    """Return since when the box runs (proc_uptime(5))."""
    return Readings(uptime_s=int(float((root / "proc/uptime").read_text().split()[0])))


def load(root: Path) -> Readings:
    """Return the mean number of threads that wanted a core in the last minute (proc_loadavg(5))."""
    return Readings(load_1m=float((root / "proc/loadavg").read_text().split()[0]))


def memory(root: Path) -> Readings:
    """Return what could still be had without swapping, and what this process has (proc_meminfo(5))."""
    sizes = dict(line.split(":", 1) for line in (root / "proc/meminfo").read_text().splitlines())
    return Readings(
        memory_free_bytes=int(sizes["MemAvailable"].split()[0]) * _KIB,
        memory_own_bytes=int((root / "proc/self/statm").read_text().split()[1]) * _PAGE,
    )


def temperature(root: Path) -> Readings:
    """Return the highest of all thermal zones, °C; the kernel counts in thousandths.

    Raises:
        OSError: There are zones and none of them can be read.
    """
    found: list[float] = []
    refused: OSError | None = None
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*/temp")):
        try:
            found.append(int(zone.read_text()) / 1000)
        except OSError as error:  # a zone that is switched off answers EAGAIN or ENODATA
            refused = error
    if found:
        return Readings(temperature_c=max(found))
    if refused is not None:
        raise refused
    return NOTHING


def disk(directory: Path) -> Readings:
    """Return what is free for us on the disk that holds the journal and the clips."""
    return Readings(disk_free_bytes=shutil.disk_usage(directory).free)
