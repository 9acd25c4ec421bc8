"""A gateway's health as figures that a page shows. Pure. What a box cannot tell is None, never "well"."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure: `health.<name>` names it, and `health.<unit>` has the words for its value."""

    name: str
    value: float | None
    unit: str
    digits: int = 0
    worrying: bool = False
    by_sensor: bool = False
    """Without a value there is no sensor, rather than nothing said so far."""


_HOT_C = 75.0
_LITTLE_DISK = 200
_WEAK_PERCENT = 25
_OFF_MS = 2_000


def readings(health: Mapping[str, Any] | None) -> list[Reading]:
    """Return what a gateway last said of itself, in a fixed order; empty if it never said anything."""
    if health is None:
        return []
    temperature = health.get("temperature_c")
    disk = _scaled(health.get("disk_free_bytes"))
    signal = health.get("signal_percent")
    offset = health.get("clock_offset_ms")
    missing = health.get("clips_missing")
    return [
        Reading(
            "temperature", temperature, "celsius", 1, worrying=_over(temperature, _HOT_C), by_sensor=True
        ),
        Reading(
            "signal",
            signal,
            "percent",
            worrying=signal is not None and signal < _WEAK_PERCENT,
            by_sensor=True,
        ),
        Reading("disk", disk, "megabytes", worrying=disk is not None and disk < _LITTLE_DISK),
        Reading("memory", _scaled(health.get("memory_free_bytes")), "megabytes"),
        Reading("load", health.get("load_1m"), "plain", 2),
        Reading("clock", offset, "milliseconds", worrying=offset is not None and abs(offset) > _OFF_MS),
        Reading("peak", health.get("output_peak_db"), "dbfs", 1),
        Reading("idle_noise", health.get("idle_noise_db"), "dbfs", 1, by_sensor=True),
        Reading("underruns", health.get("underruns"), "plain", worrying=_over(health.get("underruns"), 0)),
        Reading("missing", missing, "plain", worrying=_over(missing, 0)),
        Reading("waiting", health.get("reports_waiting"), "plain"),
    ]


def self_test_at(health: Mapping[str, Any] | None) -> datetime | None:
    """Return when the gateway last tested its own sound; None if it never said so."""
    at = None if health is None else health.get("self_test_at")
    return None if at is None else datetime.fromisoformat(at)


def _scaled(value: float | None) -> float | None:
    return None if value is None else value / _MEGABYTE


def _over(value: float | None, limit: float) -> bool:
    return value is not None and value > limit
