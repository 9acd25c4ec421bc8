"""What becomes of alerts. Pure: all that is known of a sender, the policy and the time in; what holds, out.

Nothing is decided from the order in which messages came: the same set of them always stands the same. So an
Update or a Cancel that comes before its Alert, twice, or after a restart has the effect that it was meant to.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from controller.cap.alert import Alert, Key, MsgType, Scope, Severity, Status
from controller.cap.refusal import CapRefused, Refusal
from wire.types import Mode

LASTS = timedelta(hours=2)
"""An alert that does not say when it expires is over so long after it was sent."""
REMEMBERED = timedelta(days=40)
"""So long an alert is known. What is sent earlier is not taken, so no replay outlives the memory of it."""
OLDEST = timedelta(days=30)
AHEAD = timedelta(minutes=10)
"""A sender's clock may be ahead of ours by this much."""

LEVEL_OF = {Severity.EXTREME: 5, Severity.SEVERE: 4, Severity.MODERATE: 3, Severity.MINOR: 2}
"""Level of risk (Decision 18/2021/QĐ-TTg) of an alert that does not say it."""


class State(StrEnum):
    """How an alert stands."""

    HEARTBEAT = "heartbeat"
    """The system of the sender says that it is there."""
    IGNORED = "ignored"
    """Nothing that people are to hear; `Standing.reason` says why."""
    IN_FORCE = "in_force"
    """It holds: people hear it, or someone is asked whether they are to."""
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    TOMBSTONE = "tombstone"
    """A Cancel: it says nothing itself, and keeps what it names from ever sounding."""
    EXPIRED = "expired"


class Reason(StrEnum):
    """Why an alert is ignored, or why it waits for a person."""

    DRAFT = "draft"
    NO_WARNING = "no_warning"
    """An acknowledgement, or word of an error."""
    NOT_PUBLIC = "not_public"
    NO_DRILLS = "no_drills"
    """A test or a drill from a feed whose drills are not said."""
    UNPROVEN = "unproven"
    """Nothing shows that it is the sender's: it is not signed, or a person brought it."""
    ORPHAN = "orphan"
    """It changes an alert that never came."""
    CONTESTED = "contested"
    """The same name came with other content."""
    BELOW_THRESHOLD = "below_threshold"
    """Its level is not one that sounds by itself."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a feed's alerts may do by themselves."""

    auto_level: int | None = None
    """From this level of risk on they sound by themselves; None: each one waits for a person."""
    drills: bool = False
    """Whether its tests and drills are taken at all. They always wait for a person."""
    waits_for_onset: bool = True
    """Whether what sounds by itself waits until it begins. Nobody is kept from letting it sound before."""


@dataclass(frozen=True, slots=True)
class Known:
    """What deciding needs to know of one alert."""

    key: Key
    msg_type: MsgType
    status: Status
    scope: Scope
    references: frozenset[Key]
    expires_at: datetime
    starts_at: datetime | None = None
    effective_at: datetime | None = None
    level: int | None = None
    proven: bool = False
    """It is certainly the sender's."""
    contested: bool = False
    let_sound: bool = False
    """A person or a policy has let it sound here."""
    policy: Policy = Policy()


@dataclass(frozen=True, slots=True)
class Standing:
    """How one alert stands."""

    state: State
    reason: Reason | None = None
    by: Key | None = None
    """The alert that took its place, or took it back."""
    sounds_at: datetime | None = None
    """When it sounds by itself; None: only a person lets it sound."""
    replaces: frozenset[Key] = frozenset()
    """What it took the place of, as far as it is known."""


def known(alert: Alert, *, policy: Policy, proven: bool) -> Known:
    """Return what deciding needs of an alert that has just come."""
    ends = [info.expires_at or alert.key.sent_at + LASTS for info in alert.infos]
    levels = [level for info in alert.infos if (level := level_of(info.level, info.severity)) is not None]
    return Known(
        key=alert.key,
        msg_type=alert.msg_type,
        status=alert.status,
        scope=alert.scope,
        references=frozenset(alert.references),
        expires_at=min(max(ends, default=alert.key.sent_at + LASTS), alert.key.sent_at + OLDEST),
        starts_at=_earliest(info.starts_at for info in alert.infos),
        effective_at=_earliest(info.effective_at for info in alert.infos),
        level=max(levels, default=None),
        proven=proven,
        policy=policy,
    )


def check_time(alert: Alert, now: datetime) -> None:
    """Pass when an alert was sent lately.

    Raises:
        CapRefused: It was sent too long ago, or in the future.
    """
    if alert.key.sent_at > now + AHEAD:
        raise CapRefused(Refusal.FROM_THE_FUTURE)
    if alert.key.sent_at < now - OLDEST:
        raise CapRefused(Refusal.TOO_OLD)


def level_of(said: int | None, severity: Severity) -> int | None:
    """Return the level of risk, 1 to 5: as said, else by the severity; None if that is unknown."""
    return LEVEL_OF.get(severity) if said is None else said


def mode_of(status: Status) -> Mode:
    """Return how an alert sounds."""
    return {Status.EXERCISE: Mode.DRILL, Status.TEST: Mode.TEST}.get(status, Mode.ACTUAL)


def standings(alerts: Collection[Known], now: datetime) -> Mapping[Key, Standing]:
    """Return how each alert of one sender stands.

    Args:
        alerts: All that is known of the sender, in any order.
        now: The present.
    """
    by_key = {each.key: each for each in alerts}
    ignored = {key: reason for key, each in by_key.items() if (reason := _ignored(each)) is not None}
    retracted_by: dict[Key, list[Known]] = {}
    for each in by_key.values():
        if each.key in ignored or each.status is Status.SYSTEM:
            continue
        for key in each.references:
            if key in by_key and _may_retract(each, by_key[key]):
                retracted_by.setdefault(key, []).append(each)
    return {
        key: _standing(each, ignored.get(key), retracted_by.get(key, []), by_key, now)
        for key, each in by_key.items()
    }


def _ignored(alert: Known) -> Reason | None:
    if alert.status is Status.SYSTEM:
        return None
    if alert.status is Status.DRAFT:
        return Reason.DRAFT
    if alert.msg_type in {MsgType.ACK, MsgType.ERROR}:
        return Reason.NO_WARNING
    if alert.scope is not Scope.PUBLIC:
        return Reason.NOT_PUBLIC
    if alert.status is not Status.ACTUAL and not alert.policy.drills:
        return Reason.NO_DRILLS
    return None


def _may_retract(later: Known, earlier: Known) -> bool:
    """Whether one alert can take another's place, or take it back.

    It must be at least as certain whose it is, and be meant as earnestly: a test ends no warning. That it is
    by the same sender is so, for only those are looked at together.
    """
    return (
        later.msg_type in {MsgType.UPDATE, MsgType.CANCEL}
        and later.status is earlier.status
        and later.proven >= earlier.proven
        and later.key.sender == earlier.key.sender
    )


def _standing(
    alert: Known, ignored: Reason | None, later: list[Known], by_key: Mapping[Key, Known], now: datetime
) -> Standing:
    if alert.status is Status.SYSTEM:
        return Standing(State.HEARTBEAT)
    if ignored is not None:
        return Standing(State.IGNORED, ignored)
    if alert.msg_type is MsgType.CANCEL:
        return Standing(State.TOMBSTONE)
    if later:
        last = max(later, key=lambda each: (each.key.sent_at, each.key.identifier))
        cancelled = last.msg_type is MsgType.CANCEL
        return Standing(State.CANCELLED if cancelled else State.SUPERSEDED, by=last.key)
    if alert.expires_at <= now:
        return Standing(State.EXPIRED)
    replaces = frozenset(
        key for key in alert.references if key in by_key and _may_retract(alert, by_key[key])
    )
    reason, sounds_at = _by_itself(alert, [by_key[key] for key in replaces])
    return Standing(State.IN_FORCE, reason, None, sounds_at, replaces)


def _by_itself(alert: Known, replaced: Iterable[Known]) -> tuple[Reason | None, datetime | None]:
    """Return why an alert waits for a person, or when it sounds by itself."""
    if not alert.proven:
        return Reason.UNPROVEN, None
    if alert.contested:
        return Reason.CONTESTED, None
    # What someone let sound, its Update carries on: the people who heard the one are owed the other.
    if any(each.let_sound for each in replaced):
        return None, alert.key.sent_at
    if alert.msg_type is MsgType.UPDATE and not (alert.references and alert.references <= _keys(replaced)):
        return Reason.ORPHAN, None
    threshold = alert.policy.auto_level
    if alert.status is not Status.ACTUAL or threshold is None or (alert.level or 0) < threshold:
        return Reason.BELOW_THRESHOLD, None
    begins_at = alert.starts_at if alert.policy.waits_for_onset else alert.effective_at
    return None, max(alert.key.sent_at, begins_at or alert.key.sent_at)


def _keys(alerts: Iterable[Known]) -> frozenset[Key]:
    return frozenset(each.key for each in alerts)


def _earliest(instants: Iterable[datetime | None]) -> datetime | None:
    """Return the earliest start; None if one of them says none, for that one holds already."""
    found = list(instants)
    return None if not found or None in found else min(at for at in found if at is not None)
