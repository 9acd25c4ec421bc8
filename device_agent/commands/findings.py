"""What ``doctor`` finds, from facts to findings. Pure: `senses` gathers the facts."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct

from device_agent.clock_trust import MAX_OFFSET
from device_agent.commands.showing import is_silent
from device_agent.probes.timekeeping import KernelClock
from device_agent.standing import Standing
from wire.types import ClockVoucher

LITTLE_DISK_MB = 500
_UNAUTHORIZED = (401, 403)
_NOT_FOUND = 404
_FOR_OTHERS = 0o077


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WRONG = "wrong"
    UNSURE = "unsure"
    """It could not be checked; `doctor` still ends well."""


class Finding(Struct, frozen=True, kw_only=True):
    """One check's result; `words` has a sentence and, unless all is well, what to do."""

    check: str
    verdict: Verdict
    found: str
    """A stable word: the key of the sentences, and what programs read."""
    facts: dict[str, Any]


class DiskFacts(Struct, frozen=True):
    """The disk that holds the state."""

    there: bool
    read_only: bool
    free_mb: int


class Answer(Struct, frozen=True):
    """What the controller answered to a request for a clip that does not exist."""

    status: int
    ahead_ms: int | None
    """By how much its ``Date`` is ahead of this box's clock; None without one."""


def credential(problem: str | None, gateway_id: str, mode: int) -> Finding:
    """Judge the credential: there, readable, readable by its owner alone."""
    if problem is not None:
        return _wrong("credential", "credential_bad", reason=problem)
    if mode & _FOR_OTHERS:
        return _wrong("credential", "credential_open", mode=f"{mode:04o}")
    return _ok("credential", "credential_ok", gateway=gateway_id)


def agent(standing: Standing | None, now: datetime) -> Finding:
    """Judge whether an agent runs and moves."""
    if standing is None:
        return _wrong("agent", "agent_not_running")
    if is_silent(standing, now):
        return _wrong("agent", "agent_silent", pid=standing.pid)
    return _ok("agent", "agent_running", version=standing.agent_version)


def clock(
    kernel: KernelClock | None, answer: Answer | None, standing: Standing | None, *, has_battery: bool
) -> Finding:
    """Judge the clock: against the controller's, by what the agent believes, by what the kernel says."""
    ahead_ms = None if answer is None else answer.ahead_ms
    if ahead_ms is not None and timedelta(milliseconds=abs(ahead_ms)) > MAX_OFFSET:
        return _wrong("clock", "clock_off", seconds=round(ahead_ms / 1000))
    health = None if standing is None else standing.health
    if health is not None and health.clock_vouched_by is ClockVoucher.NOBODY:
        return _wrong("clock", "clock_unvouched")
    if kernel is None:
        return _unsure("clock", "clock_unknown")
    if not kernel.is_synchronised:
        return _wrong("clock", "clock_not_synchronised")
    error_ms = -(-kernel.max_error_us // 1000)
    if not has_battery:
        return _ok("clock", "clock_no_battery", error_ms=error_ms)
    return _ok("clock", "clock_ok", error_ms=error_ms)


def network(problem: str | None, host: str) -> Finding:
    """Judge whether the broker's machine can be reached at all."""
    if problem is not None:
        return _wrong("network", "network_down", host=host, reason=problem)
    return _ok("network", "network_ok", host=host)


def broker(standing: Standing | None, *, reachable: bool, let_in: bool | None) -> Finding:
    """Judge the log-in at the broker: the running agent's, or one tried in its place."""
    if standing is not None:
        if standing.connected:
            return _ok("broker", "broker_connected")
        return _wrong("broker", "broker_not_connected")
    if not reachable or let_in is None:
        return _unsure("broker", "broker_not_tried")
    return _ok("broker", "broker_lets_in") if let_in else _wrong("broker", "broker_refuses")


def controller(answer: Answer | str) -> Finding:
    """Judge the way to the clips; a text is why there was no answer."""
    if isinstance(answer, str):
        return _wrong("controller", "controller_silent", reason=answer)
    if answer.status in _UNAUTHORIZED:
        return _wrong("controller", "controller_refuses")
    if answer.status != _NOT_FOUND:
        return _wrong("controller", "controller_odd", status=answer.status)
    return _ok("controller", "controller_ok")


def disk(facts: DiskFacts) -> Finding:
    """Judge the disk of the journal and the clips."""
    if not facts.there:
        return _wrong("disk", "disk_missing")
    if facts.read_only:
        return _wrong("disk", "disk_read_only")
    if facts.free_mb < LITTLE_DISK_MB:
        return _wrong("disk", "disk_little", free=facts.free_mb)
    return _ok("disk", "disk_ok", free=facts.free_mb)


def decoding(no_clips: str | None, *, live: bool) -> Finding:
    """Judge the libraries that turn clips and a live voice into sound.

    Args:
        no_clips: Why clips cannot be decoded; None if they can.
        live: Whether a live voice can be.
    """
    if no_clips is not None:
        return _wrong("decoding", "decoding_no_clips", reason=no_clips)
    if not live:
        return _wrong("decoding", "decoding_no_live")
    return _ok("decoding", "decoding_ok")


def audio(sink: str, outputs: list[str] | str) -> Finding:
    """Judge the way to the loudspeaker.

    Args:
        sink: As the agent's option.
        outputs: Names of the devices that PortAudio can play on; a text is why it cannot tell.
    """
    kind, _, name = sink.partition(":")
    if kind == "file":
        return _unsure("audio", "audio_file", directory=name)
    if isinstance(outputs, str):
        return _wrong("audio", "audio_no_library", reason=outputs)
    if not outputs:
        return _wrong("audio", "audio_no_device")
    if name and not any(name.lower() in output.lower() for output in outputs):
        return _wrong("audio", "audio_other_devices", name=name, outputs=", ".join(outputs))
    return _ok("audio", "audio_ok", outputs=", ".join(outputs))


def _ok(check: str, found: str, **facts: object) -> Finding:
    return Finding(check=check, verdict=Verdict.OK, found=found, facts=facts)


def _wrong(check: str, found: str, **facts: object) -> Finding:
    return Finding(check=check, verdict=Verdict.WRONG, found=found, facts=facts)


def _unsure(check: str, found: str, **facts: object) -> Finding:
    return Finding(check=check, verdict=Verdict.UNSURE, found=found, facts=facts)
