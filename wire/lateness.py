"""What becomes of an item whose start has passed. Both ends ask here, so that they agree.

The gateway decides at the moment of playing; the controller forecasts the same answer for its pages. Pure:
no clock, `now` is an argument. Milliseconds are floored, so an item is never called later than it is.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from wire.types import LatenessPolicy

_MILLISECOND = timedelta(milliseconds=1)


class LateReason(StrEnum):
    """Why a late item is not played."""

    LATE = "late"
    """Its policy is to skip, and its start has passed."""
    TOO_LATE = "too_late"
    """It is later than its limit allows."""
    OVER = "over"
    """To be joined in the middle, but it would have ended by now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The start is still ahead."""

    wait_ms: int


@dataclass(frozen=True, slots=True)
class Play:
    """Play now, from `offset_ms` into the item."""

    offset_ms: int


@dataclass(frozen=True, slots=True)
class Skip:
    """Do not play; say so in the record, with how late it was."""

    reason: LateReason
    late_ms: int


def decide_lateness(
    *,
    start_at: datetime,
    now: datetime,
    duration_ms: int | None,
    policy: LatenessPolicy,
    limit_ms: int,
    tolerance_ms: int = 1_000,
) -> Wait | Play | Skip:
    """Decide what to do with an item at `now`.

    Args:
        start_at: When the item should start, aware.
        now: The present instant, aware.
        duration_ms: Length of the item; None when it has no known end (a relay without a length).
        policy: What its schedule says about lateness.
        limit_ms: The greatest lateness at which it is still played, inclusive. For a joined item it
            counts from the start too: a relay joined an hour in is a different programme.
        tolerance_ms: Lateness that is nobody's fault (a timer, a scheduler). Up to and including it an
            item is on time and plays from its start, whatever its policy or limit.

    Returns:
        `Wait` before the start, else `Play` with the offset into the item, or `Skip` with a reason.

    Raises:
        ValueError: A duration, limit or tolerance is negative, or an instant is naive.
    """
    if min(duration_ms or 0, limit_ms, tolerance_ms) < 0:
        raise ValueError("a length of time cannot be negative")
    if start_at.utcoffset() is None or now.utcoffset() is None:
        raise ValueError("an instant needs an offset from UTC")
    late_ms = (now - start_at) // _MILLISECOND
    if late_ms < 0:
        return Wait(-late_ms)
    if late_ms <= tolerance_ms:
        return Play(0)
    return _decide_late(late_ms, duration_ms, policy, limit_ms)


def _decide_late(late_ms: int, duration_ms: int | None, policy: LatenessPolicy, limit_ms: int) -> Play | Skip:
    if policy is LatenessPolicy.SKIP:
        return Skip(LateReason.LATE, late_ms)
    if late_ms > limit_ms:
        return Skip(LateReason.TOO_LATE, late_ms)
    if policy is LatenessPolicy.PLAY_FROM_START:
        return Play(0)
    if duration_ms is not None and late_ms >= duration_ms:
        return Skip(LateReason.OVER, late_ms)
    return Play(late_ms)
