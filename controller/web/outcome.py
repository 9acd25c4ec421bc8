"""What became of a broadcast, in counts and shapes from which a page makes its sentence. Pure; no words."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from controller.broadcasts.delivery import DeliveryState
from controller.broadcasts.summary import Summary
from controller.gateways.liveness import Contact
from wire.types import Sound

_S = DeliveryState

ORDER = (
    _S.PLAYED,
    _S.PLAYING,
    _S.UNKNOWN,
    _S.FAILED,
    _S.MISSED,
    _S.PARTIAL,
    _S.EXPIRED,
    _S.REJECTED,
    _S.PREEMPTED,
    _S.CANCELLED,
    _S.READY,
    _S.RECEIVED,
    _S.SENT,
    _S.PLANNED,
)
"""How a summary counts up: what sounded, then what needs somebody, then what is still to come."""

WRONG = frozenset({_S.UNKNOWN, _S.FAILED, _S.MISSED, _S.PARTIAL, _S.EXPIRED, _S.REJECTED})
"""Somebody should look at these. Cancelled and pre-empted were wanted by somebody."""

NEEDS_A_LOOK = frozenset({Summary.FAILED, Summary.PARTLY, Summary.UNKNOWN})

TONE: Mapping[str, str] = {
    _S.PLANNED: "plan",
    _S.SENT: "plan",
    _S.RECEIVED: "plan",
    _S.READY: "plan",
    _S.PLAYING: "live",
    _S.PLAYED: "good",
    _S.PARTIAL: "doubt",
    _S.FAILED: "bad",
    _S.REJECTED: "bad",
    _S.PREEMPTED: "doubt",
    _S.CANCELLED: "idle",
    _S.EXPIRED: "bad",
    _S.MISSED: "bad",
    _S.UNKNOWN: "doubt",
    Summary.PARTLY: "doubt",
    Summary.STOPPED: "idle",
    Contact.ONLINE: "good",
    Contact.OFFLINE: "bad",
    Contact.UNVERIFIED: "doubt",
    Contact.NEVER: "idle",
}
"""Colour of each state; its shape is the symbol of the same name in ``static/shapes.svg``."""


SOUND_SHAPE: Mapping[Sound, str] = {
    Sound.CONFIRMED: _S.PLAYED,
    Sound.NOT_CONFIRMED: _S.MISSED,
}
"""The shape and colour of what a probe says. Most gateways have no probe: that is no cause for alarm."""


@dataclass(frozen=True, slots=True)
class Part:
    """So many gateways in one state, and for those that need somebody, why."""

    count: int
    state: DeliveryState
    reasons: tuple[tuple[str, int], ...] = ()
    """Reasons and how many gave them, most frequent first."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Counts of a broadcast's deliveries; nothing is left out, so `parts` always add up to `total`."""

    total: int
    played: int
    parts: tuple[Part, ...]
    """All that did not simply play, in `ORDER`."""
    unheard: int = 0
    """At so many gateways the probe did not hear it, whatever else became of it."""
    cut_short: int = 0
    """So many of the cancelled ones had begun to sound."""


def outcome_of(
    states: Iterable[tuple[DeliveryState, str | None]], *, unheard: int = 0, cut_short: int = 0
) -> Outcome:
    """Count (state, reason) pairs.

    Args:
        states: Of each delivery.
        unheard: How many of them the gateway's probe did not hear.
        cut_short: How many of the cancelled ones had begun to sound.
    """
    counts: Counter[DeliveryState] = Counter()
    reasons: dict[DeliveryState, Counter[str]] = {}
    for state, reason in states:
        counts[state] += 1
        if reason:
            reasons.setdefault(state, Counter())[reason] += 1
    parts = tuple(
        Part(counts[state], state, tuple(reasons.get(state, Counter()).most_common()))
        for state in ORDER
        if counts[state] and state is not _S.PLAYED
    )
    return Outcome(counts.total(), counts[_S.PLAYED], parts, unheard, cut_short)
