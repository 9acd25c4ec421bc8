"""What feeds the box: mains or battery, and whether a Raspberry Pi's supply is strong enough."""

import re
from pathlib import Path

from device_agent.probes.commands import Run
from device_agent.probes.contract import NOTHING, Readings
from wire.types import Power

_MAINS_TYPES = {"Mains", "USB", "USB_C", "USB_PD", "Wireless"}
_UNDER_VOLTAGE_NOW = 1 << 0
_UNDER_VOLTAGE_BEFORE = 1 << 16


def power(root: Path) -> Readings:
    """Return what the kernel's power supplies say (Documentation/ABI/testing/sysfs-class-power).

    A box with neither a battery nor a socket that tells says nothing: it is fed by something, and cannot
    tell by what. Batteries of mice and the like, whose scope is ``Device``, do not count.
    """
    supplies = [
        folder
        for folder in sorted((root / "sys/class/power_supply").glob("*"))
        if _word(folder / "scope") != "Device"
    ]
    sockets = [folder for folder in supplies if _word(folder / "type") in _MAINS_TYPES]
    batteries = [
        folder
        for folder in supplies
        if _word(folder / "type") in {"Battery", "UPS"} and _word(folder / "present") != "0"
    ]
    if not sockets and not batteries:
        return NOTHING
    left = [int(level) for level in (_word(folder / "capacity") for folder in batteries) if level is not None]
    if sockets:
        on_mains = any(_word(folder / "online") == "1" for folder in sockets)
    else:
        on_mains = all(_word(folder / "status") != "Discharging" for folder in batteries)
    return Readings(
        power=Power.MAINS if on_mains else Power.BATTERY,
        battery_percent=min(100, max(0, min(left))) if left else None,
    )


def under_voltage(root: Path, run: Run) -> Readings:
    """Return whether a Raspberry Pi's supply is, or was, below 4.63 V.

    The firmware tells both (``vcgencmd get_throttled``, raspberrypi.com/documentation/computers/os.html);
    without it the kernel's driver tells the first (Documentation/hwmon/raspberrypi-hwmon.rst).
    """
    said = run(("vcgencmd", "get_throttled"))
    if said is not None:
        match = re.search(r"throttled=0x([0-9a-fA-F]+)", said)
        if match is None:
            raise ValueError(f"vcgencmd said {said!r}")
        bits = int(match[1], 16)
        return Readings(
            under_voltage=bool(bits & _UNDER_VOLTAGE_NOW),
            under_voltage_before=bool(bits & _UNDER_VOLTAGE_BEFORE),
        )
    for folder in sorted((root / "sys/class/hwmon").glob("*")):
        if _word(folder / "name") == "rpi_volt":
            return Readings(under_voltage=(folder / "in0_lcrit_alarm").read_text().strip() == "1")
    return NOTHING


def _word(file: Path) -> str | None:
    """Return what stands in a file; None if there is none: not every driver has every file."""
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        return None
