"""Whether the box's clock follows another one, as its kernel knows it (adjtimex(2))."""

import ctypes
import os
from collections.abc import Callable

from msgspec import Struct

from device_agent.probes.contract import NOTHING, Readings

_TIME_ERROR = 5
_STA_UNSYNC = 0x40


class KernelClock(Struct, frozen=True):
    """What adjtimex answers."""

    state: int
    status: int
    max_error_us: int

    @property
    def is_synchronised(self) -> bool:
        """Whether something disciplines it."""
        return self.state != _TIME_ERROR and not self.status & _STA_UNSYNC


class _Timex(ctypes.Structure):
    """The beginning of ``struct timex`` and room for the rest of it, which is 208 bytes in all."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def ask_kernel() -> KernelClock | None:
    """Read the kernel's clock discipline without changing it; None where there is no such call.

    Raises:
        OSError: It is forbidden, as by a service manager's filter.
    """
    adjtimex = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)
    if adjtimex is None:
        return None
    timex = _Timex(modes=0)
    state = adjtimex(ctypes.byref(timex))
    if state < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return KernelClock(state, timex.status, timex.maxerror)


def clock(ask: Callable[[], KernelClock | None] = ask_kernel) -> Readings:
    """Return whether it is synchronised, and by how much it may be wrong.

    Without synchronisation the kernel's bound means nothing and is not told.
    """
    said = ask()
    if said is None:
        return NOTHING
    if not said.is_synchronised:
        return Readings(clock_synchronised=False)
    return Readings(clock_synchronised=True, clock_error_ms=-(-said.max_error_us // 1000))
