"""What a probe is and what it returns."""

from collections.abc import Callable

from msgspec import Struct, structs


class Readings(Struct, frozen=True, kw_only=True):
    """What was found; the fields are those of `wire.messages.Health`. None: not present, or not asked."""

    uptime_s: int | None = None
    temperature_c: float | None = None
    load_1m: float | None = None
    memory_free_bytes: int | None = None
    memory_own_bytes: int | None = None
    disk_free_bytes: int | None = None
    signal_percent: int | None = None
    signal_by: str | None = None
    signal_age_s: int | None = None
    clock_synchronised: bool | None = None
    clock_error_ms: int | None = None
    power: str | None = None
    battery_percent: int | None = None
    under_voltage: bool | None = None
    under_voltage_before: bool | None = None
    amplifier: str | None = None
    unreadable: tuple[str, ...] = ()

    def with_those_of(self, other: "Readings") -> "Readings":
        """Return both together; where both found something, the other's counts."""
        found = {name: value for name, value in structs.asdict(other).items() if value is not None}
        found["unreadable"] = (*self.unreadable, *other.unreadable)
        return structs.replace(self, **found)


NOTHING = Readings()

Probe = Callable[[], Readings]
"""Looks once. Returns only its own fields; `NOTHING` if what it looks for is not present; raises if that is
there and cannot be read."""
