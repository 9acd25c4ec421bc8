"""A gateway's health as figures that a page shows. Pure. What a box cannot tell is None, never "well"."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure: `health.<name>` names it, and `health_unit.<unit>` has the words for its value."""

    name: str
    value: float | None
    unit: str
    digits: int = 0
    worrying: bool = False
    by_sensor: bool = False
    """Without a value there is no sensor, rather than nothing said so far."""
    unreadable: bool = False
    """There is a sensor, or may be, and the gateway cannot read it."""
    word: str | None = None
    """Of `WORDS`, where the figure is none: ``battery``."""
    of: str | None = None
    """Of `WORDS`: what the figure was taken of."""


_DISK_WORDS = frozenset({"writable", "full", "read_only", "failing"})
WORDS = _DISK_WORDS | {"mains", "battery", "now", "before", "yes", "no", "on", "off", "modem", "wifi"}
WORDS |= {"beat", "ntp", "rtc", "same_boot", "nobody"}
"""A newer gateway's word that is not among them is not shown, for nobody has translated it."""

_HOT_C = 75.0
_LITTLE_DISK = 200
_WEAK_PERCENT = 25
_OFF_MS = 2_000


def readings(health: Mapping[str, Any] | None) -> list[Reading]:
    """Return what a gateway last said of itself, in a fixed order; empty if it never said anything."""
    if health is None:
        return []
    return [*_of_the_box(health), *_of_its_work(health)]


def last_error(health: Mapping[str, Any] | None) -> tuple[str, datetime | None] | None:
    """Return the gateway's newest error, in its own English, and when it was; None if it has none."""
    if health is None or not health.get("last_error"):
        return None
    at = health.get("last_error_at")
    return str(health.get("last_error")), None if at is None else datetime.fromisoformat(at)


def _of_the_box(health: Mapping[str, Any]) -> list[Reading]:
    """What its probes say; the words in ``unreadable`` are those of `device_agent.probes`."""
    unreadable = frozenset(health.get("unreadable") or ())
    temperature, battery = health.get("temperature_c"), health.get("battery_percent")
    disk, signal = _scaled(health.get("disk_free_bytes")), health.get("signal_percent")

    def sensor(name: str, probe: str, word: str | None, *, worrying: bool) -> Reading:
        return Reading(
            name, None, "plain", worrying=worrying, by_sensor=True, unreadable=probe in unreadable, word=word
        )

    power, weak = _word(health.get("power")), _weak_supply(health)
    synchronised = _yes_or_no(health.get("clock_synchronised"))
    return [
        Reading(
            "temperature",
            temperature,
            "celsius",
            1,
            worrying=_over(temperature, _HOT_C),
            by_sensor=True,
            unreadable="temperature" in unreadable,
        ),
        sensor("power", "power", power, worrying=power == "battery"),
        Reading(
            "battery",
            battery,
            "percent",
            worrying=battery is not None and battery < _WEAK_PERCENT,
            by_sensor=True,
            unreadable="power" in unreadable,
        ),
        sensor("under_voltage", "under_voltage", weak, worrying=weak in {"now", "before"}),
        sensor("amplifier", "amplifier", _word(health.get("amplifier")), worrying=False),
        Reading(
            "signal",
            signal,
            "percent",
            worrying=signal is not None and signal < _WEAK_PERCENT,
            by_sensor=True,
            unreadable="signal" in unreadable,
            of=_word(health.get("signal_by")),
        ),
        Reading(
            "disk",
            disk,
            "megabytes",
            worrying=disk is not None and disk < _LITTLE_DISK,
            unreadable="disk" in unreadable,
        ),
        Reading(
            "memory", _scaled(health.get("memory_free_bytes")), "megabytes", unreadable="memory" in unreadable
        ),
        Reading(
            "own_memory",
            _scaled(health.get("memory_own_bytes")),
            "megabytes",
            unreadable="memory" in unreadable,
        ),
        Reading("load", health.get("load_1m"), "plain", 2, unreadable="load" in unreadable),
        sensor("synchronised", "clock", synchronised, worrying=synchronised == "no"),
    ]


def _of_its_work(health: Mapping[str, Any]) -> list[Reading]:
    """What the agent itself counts and measures."""
    offset, missing = health.get("clock_offset_ms"), health.get("clips_missing")
    underruns, keeping = health.get("underruns"), _word(health.get("disk"))
    damaged, unsaved = health.get("clips_damaged"), health.get("reports_unsaved")
    voucher = _word(health.get("clock_vouched_by"))
    return [
        Reading("clock", offset, "milliseconds", worrying=offset is not None and abs(offset) > _OFF_MS),
        Reading("vouched_by", None, "plain", worrying=voucher == "nobody", word=voucher),
        Reading("peak", health.get("output_peak_db"), "dbfs", 1),
        Reading("idle_noise", health.get("idle_noise_db"), "dbfs", 1, by_sensor=True),
        Reading("underruns", underruns, "plain", worrying=_over(underruns, 0)),
        Reading("missing", missing, "plain", worrying=_over(missing, 0)),
        Reading("damaged", damaged, "plain", worrying=_over(damaged, 0)),
        Reading("waiting", health.get("reports_waiting"), "plain"),
        Reading(
            "keeping", None, "plain", worrying=keeping is not None and keeping != "writable", word=keeping
        ),
        Reading("unsaved", unsaved, "plain", worrying=_over(unsaved, 0)),
    ]


def self_test_at(health: Mapping[str, Any] | None) -> datetime | None:
    """Return when the gateway last tested its own sound; None if it never said so."""
    at = None if health is None else health.get("self_test_at")
    return None if at is None else datetime.fromisoformat(at)


def _scaled(value: float | None) -> float | None:
    return None if value is None else value / _MEGABYTE


def _over(value: float | None, limit: float) -> bool:
    return value is not None and value > limit


def _word(said: object) -> str | None:
    return said if isinstance(said, str) and said in WORDS else None


def _yes_or_no(said: bool | None) -> str | None:  # noqa: FBT001 - as the gateway said it
    return None if said is None else "yes" if said else "no"


def _weak_supply(health: Mapping[str, Any]) -> str | None:
    """Whether the supply is too weak now, was before, or neither."""
    now, before = health.get("under_voltage"), health.get("under_voltage_before")
    if now:
        return "now"
    if before:
        return "before"
    return None if now is None else "no"
