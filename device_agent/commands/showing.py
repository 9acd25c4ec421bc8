"""``status``: what the running agent last showed, and what its journal holds."""

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import msgspec
from msgspec import Struct

from device_agent.clock import Clock
from device_agent.commands.unit import RUNTIME_DIR
from device_agent.journal import JOURNAL_FILE, JournalError, SqliteJournal
from device_agent.journal.contract import Journal
from device_agent.standing import SILENT_AFTER_S, Standing, read_standing
from device_agent.status import describe
from wire.messages import Health

_MEGABYTE = 2**20


class HeldInJournal(Struct, frozen=True, kw_only=True):
    """The journal's part of ``status --json``."""

    journal_id: str
    plan_version: int | None
    volume_percent: int
    items_held: int
    next_at: datetime | None
    reports_waiting: int


class Status(Struct, frozen=True, kw_only=True):
    """What ``status --json`` prints. None: nothing running, nothing readable."""

    agent: Standing | None
    silent: bool
    """It runs, and has shown nothing for so long that it must hang."""
    journal: HeldInJournal | None


def status(state_dir: Path, *, as_json: bool = False) -> int:
    """Print it; return the exit code: 0 if an agent runs or its journal can be read."""
    standing = read_standing((RUNTIME_DIR, state_dir))
    silent = standing is not None and is_silent(standing, Clock().now())
    try:
        journal = SqliteJournal.open_to_read(state_dir / JOURNAL_FILE)
    except JournalError as error:
        sys.stderr.write(f"{error}\n")
        return _show(standing, None, silent=silent, as_json=as_json)
    try:
        return _show(standing, journal, silent=silent, as_json=as_json)
    finally:
        journal.close()


def is_silent(standing: Standing, now: datetime) -> bool:
    """Whether an agent that lives has not said anything for too long."""
    return now - standing.written_at > timedelta(seconds=SILENT_AFTER_S)


def live(standing: Standing | None, zone: tzinfo | None, *, silent: bool) -> Iterator[str]:
    """Yield lines on the running agent for a person at a terminal.

    Args:
        standing: What it last showed; None if none runs.
        zone: In which instants are shown; None is the machine's own.
        silent: It has shown nothing for too long.
    """
    if standing is None:
        yield "agent     not running"
        return
    hangs = f", silent since {_at(standing.written_at, zone)}: it hangs" if silent else ""
    began = _at(standing.started_at, zone)
    yield f"agent     {standing.agent_version}, pid {standing.pid}, since {began}{hangs}"
    yield f"gateway   {standing.gateway_id}"
    changed = standing.connected_changed_at
    since = "" if changed is None else f" since {_at(changed, zone)}"
    yield f"broker    {'connected' if standing.connected else 'not connected'}{since}"
    if standing.state is not None:
        yield f"playing   {standing.state.playing or 'nothing'}"
    if standing.health is None:
        yield "health    none yet"
    else:
        yield f"health    of {_at(standing.health.at, zone)}"
        yield from (f"  {name:22}{value}" for name, value in figures(standing.health))


def figures(health: Health) -> Iterator[tuple[str, str]]:
    """Yield name and value of every figure; what is not present says so."""
    yield "temperature", _said(health.temperature_c, "{:.1f} °C")
    yield "load", _said(health.load_1m, "{:.2f}")
    yield "memory free", _megabytes(health.memory_free_bytes)
    yield "memory of the agent", _megabytes(health.memory_own_bytes)
    yield "disk free", _megabytes(health.disk_free_bytes)
    by = "" if health.signal_by is None else f" ({health.signal_by}, {health.signal_age_s or 0} s ago)"
    yield "signal", _said(health.signal_percent, "{} %") + by
    battery = "" if health.battery_percent is None else f", battery {health.battery_percent} %"
    yield "power", _said(health.power, "{}") + battery
    yield (
        "under-voltage",
        _yes(health.under_voltage, "now")
        if health.under_voltage
        else _yes(health.under_voltage_before, "since the board was switched on"),
    )
    yield "amplifier", _said(health.amplifier, "{}")
    yield "clock synchronised", _yes(health.clock_synchronised)
    yield "clock vouched for by", _said(health.clock_vouched_by, "{}")
    yield "clock offset", _said(health.clock_offset_ms, "{} ms from the controller's")
    yield "noise while idle", _said(health.idle_noise_db, "{} dBFS at the probe")
    at = "" if health.self_test_at is None else f", {health.self_test_at:%Y-%m-%d %H:%M} UTC"
    yield "self-test", _said(health.self_test, "{}") + at
    yield "underruns", _said(health.underruns, "{}")
    yield "cannot be read", ", ".join(health.unreadable) or "nothing"
    yield "last error", health.last_error or "none"


def _show(standing: Standing | None, journal: Journal | None, *, silent: bool, as_json: bool) -> int:
    if as_json:
        told = Status(agent=standing, silent=silent, journal=None if journal is None else _held(journal))
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
    else:
        lines = [*live(standing, None, silent=silent)]
        if journal is not None:
            lines += describe(journal, None)
        sys.stdout.write("\n".join(lines) + "\n")
    return 0 if standing is not None or journal is not None else 1


def _held(journal: Journal) -> HeldInJournal:
    held = journal.load()
    return HeldInJournal(
        journal_id=held.journal_id,
        plan_version=None if held.plan is None else held.plan.version,
        volume_percent=held.volume_percent,
        items_held=len(held.entries),
        next_at=min((entry.due_at for entry in held.entries.values()), default=None),
        reports_waiting=journal.waiting(),
    )


def _at(at: datetime, zone: tzinfo | None) -> str:
    return at.astimezone(zone).isoformat(sep=" ", timespec="seconds")


def _said(value: object, pattern: str) -> str:
    return "not present" if value is None else pattern.format(value)


def _megabytes(value: int | None) -> str:
    return "not present" if value is None else f"{value / _MEGABYTE:.0f} MB"


def _yes(value: bool | None, more: str = "") -> str:  # noqa: FBT001 - what a probe said
    if value is None:
        return "not present"
    return f"yes {more}".rstrip() if value else "no"
