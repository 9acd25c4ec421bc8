"""Whether anything on the box vouches for its clock since it was switched on.

Without a battery behind it, systemd-timesyncd or fake-hwclock set the clock at a boot to when the box was
last seen on: a plausible time, and late by as long as it was off. What it says can be believed if the kernel
follows another clock, or if a clock with a battery agrees.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from device_agent.clock_trust import MAX_OFFSET, BoxClock
from device_agent.probes.timekeeping import KernelClock, ask_kernel
from wire.types import ClockVoucher

EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""This program is not older; a clock whose battery is flat begins in 1970 or 2000."""

_NO_CLOCKS = ("dummy", "fake", "rtc-test", "test")
"""Drivers that keep time in memory only."""


def voucher(
    now: datetime, kernel: KernelClock | None, *, timesync: bool, batteries_at: tuple[datetime, ...]
) -> ClockVoucher | None:
    """Decide who vouches for a clock; None if nobody does. Pure.

    Args:
        now: What the clock says.
        kernel: What the kernel says of it.
        timesync: systemd-timesyncd has set it in this boot.
        batteries_at: What each clock with a battery says.
    """
    if timesync or (kernel is not None and kernel.is_synchronised):
        return ClockVoucher.NTP
    if any(at >= EARLIEST and abs(at - now) <= MAX_OFFSET for at in batteries_at):
        return ClockVoucher.RTC
    return None


def box_clock(root: Path, now: datetime, ask: Callable[[], KernelClock | None] = ask_kernel) -> BoxClock:
    """Ask a box what it says of its clock. Never raises: what cannot be read vouches for nothing.

    Args:
        root: Where ``/proc``, ``/run`` and ``/sys`` hang.
        now: What the clock says.
        ask: Asks the kernel.
    """
    kernel, boot_id = None, None
    with suppress(OSError):  # forbidden, as by a service manager's filter
        kernel = ask()
    with suppress(OSError):
        boot_id = (root / "proc/sys/kernel/random/boot_id").read_text().strip() or None
    timesync = (root / "run/systemd/timesync/synchronized").exists()
    found = voucher(now, kernel, timesync=timesync, batteries_at=tuple(real_time_clocks(root)))
    return BoxClock(boot_id, found)


def real_time_clocks(root: Path) -> Iterator[datetime]:
    """Yield what each clock with a battery says, in UTC (Linux: Documentation/ABI/testing/rtc-class)."""
    for device in sorted((root / "sys/class/rtc").glob("rtc*")):
        # One that lost its battery answers EINVAL: its driver knows that it stood still.
        with suppress(OSError, ValueError, OverflowError):
            if not (device / "name").read_text().startswith(_NO_CLOCKS):
                yield datetime.fromtimestamp(int((device / "since_epoch").read_text()), UTC)
