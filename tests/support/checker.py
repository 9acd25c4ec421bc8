"""Whether a finished run kept the six invariants of the fault matrix. Pure: evidence in, violations out.

I1  what was ordered of a gateway sounded at most once there
I2  nothing sounded that was not ordered of that gateway, nor outside its time
I3  every delivery has ended, once, or was shown unknown in time; nothing is unknown after everyone is back
I4  played means that the sound is in the recording, and said to be silent means that it is not
I5  every deed of a person stands in the audit trail, and its chain holds
I6  nothing that was acknowledged is lost: what people were told is done, what gateways or the controller
    have confirmed to each other

One thing is not asked here because the product does not have it (docs/faults.md): an alarm that goes out to
someone; unknown is shown on the page by its row in the history.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from support.evidence import Ending, Evidence, Told
from support.listening import Foreign, Heard, Stretch, listen

from controller.broadcasts.delivery import OPEN, TERMINAL, WITHOUT_A_WORD, DeliveryState
from wire.types import LatenessPolicy


class Invariant(StrEnum):
    ONCE = "I1"
    ORDERED = "I2"
    ENDED = "I3"
    TRUE = "I4"
    AUDITED = "I5"
    KEPT = "I6"


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that must not be."""

    invariant: Invariant
    what: str
    gateway_id: str | None = None
    broadcast_id: str | None = None


EARLY = timedelta(milliseconds=100)
TOLERANCE = timedelta(milliseconds=1_500)
"""Beyond what the order allows: nobody's fault (`wire.lateness`, 1 s) and some."""

TWICE_MS = 200
"""So much of a sound may seem to be heard twice: two steps of hearing at either side of a cut."""

SCRAPS_MS = 200
"""So much sound next to an underrun may be too short to be recognised, or silence added by it."""

SWEEP = timedelta(seconds=10)
"""The controller looks for overdue deliveries every 5 s; no word by then has to be on the page."""

PLAYED_SHARE = 0.98
EDGE_MS = 100
"""Hearing is exact to 50 ms: so much may be missing at each place where a sound was cut."""

NOTHING_MS = 700
"""What a gateway killed within the half second of its start may let sound without knowing of it."""


def violations(evidence: Evidence) -> list[Violation]:
    """Judge a run; an empty list is what every row of the matrix asks for."""
    found: list[Violation] = []
    gateways = {told.gateway_id for told in evidence.told} | set(evidence.recordings)
    for gateway_id in sorted(gateways):
        told = [each for each in evidence.told if each.gateway_id == gateway_id]
        recording = evidence.recordings.get(gateway_id)
        if recording is not None:
            heard = listen(recording, evidence.sounds, {each.sound: each.start_at for each in told})
            found += _once(gateway_id, told, heard)
            found += _ordered(gateway_id, told, heard)
            found += _true(gateway_id, told, heard)
        found += _kept_by_gateway(gateway_id, told, evidence)
    found += _ended(evidence)
    found += _audited(evidence)
    found += _promised(evidence)
    return found


def _once(gateway_id: str, told: list[Told], heard: Heard) -> Iterator[Violation]:
    for sound in sorted({stretch.name for stretch in heard.stretches}):
        orders = [each for each in told if each.sound == sound]
        allowed = sum(each.repeat for each in orders)
        pieces = [stretch for stretch in heard.stretches if stretch.name == sound]
        if any(each.may_restart for each in orders):
            continue
        too_often_ms = _heard_more_often_than(max(allowed, 1), pieces)
        if too_often_ms > TWICE_MS:
            at = ", ".join(f"{each.start_at:%H:%M:%S.%f} {each.from_ms}-{each.to_ms} ms" for each in pieces)
            yield Violation(
                Invariant.ONCE,
                f"{too_often_ms} ms sounded more than {allowed} times: {at}",
                gateway_id,
                orders[0].broadcast_id if orders else None,
            )


def _heard_more_often_than(times: int, pieces: list[Stretch]) -> int:
    """Return how many milliseconds of a sound are in more than so many stretches."""
    edges = sorted([(each.from_ms, 1) for each in pieces] + [(each.to_ms, -1) for each in pieces])
    depth = total = 0
    for (place, step), (following, _) in pairwise(edges):
        depth += step
        if depth > times:
            total += following - place
    return total


def _ordered(gateway_id: str, told: list[Told], heard: Heard) -> Iterator[Violation]:
    for foreign in heard.foreign:
        if any(_ran_dry_there(each, foreign) for each in told):
            continue
        what = f"{foreign.length_ms} ms of sound that nobody ordered at {foreign.start_at:%H:%M:%S.%f}"
        yield Violation(Invariant.ORDERED, what, gateway_id)
    for stretch in heard.stretches:
        orders = [each for each in told if each.sound == stretch.name]
        if not any(_in_time(each, stretch, told, heard) for each in orders):
            why = "outside its time" if orders else "ordered of somebody else"
            yield Violation(
                Invariant.ORDERED,
                f"{why}: sounded {stretch.start_at:%H:%M:%S.%f} to {stretch.end_at:%H:%M:%S.%f}, ordered for "
                + (", ".join(f"{each.start_at:%H:%M:%S.%f}" for each in orders) or "nobody here"),
                gateway_id,
                orders[0].broadcast_id if orders else None,
            )


def _ran_dry_there(order: Told, foreign: Foreign) -> bool:
    """Whether it may be scraps of this order between gaps that its gateway has reported as underruns."""
    if order.started_at is None or foreign.length_ms > SCRAPS_MS * order.underruns:
        return False
    longest = timedelta(milliseconds=order.duration_ms + SCRAPS_MS * order.underruns)
    return order.started_at - EARLY <= foreign.start_at <= order.started_at + longest


def _in_time(order: Told, stretch: Stretch, told: list[Told], heard: Heard) -> bool:
    paused = sum(
        (other.end_at - other.start_at + TOLERANCE for other in _over(order, told, heard)), timedelta()
    )
    begins = order.start_at - EARLY <= stretch.start_at
    return begins and stretch.end_at <= _ends_by(order) + paused + TOLERANCE


def _over(order: Told, told: list[Told], heard: Heard) -> list[Stretch]:
    """Return what sounded of a higher priority after this was due: it may have had to wait for that."""
    higher = {each.sound for each in told if each.priority.rank > order.priority.rank}
    return [each for each in heard.stretches if each.name in higher and each.end_at > order.start_at]


def _ends_by(order: Told) -> datetime:
    duration = timedelta(milliseconds=order.duration_ms)
    if order.lateness is not LatenessPolicy.PLAY_FROM_START:
        return order.start_at + duration
    return order.start_at + timedelta(milliseconds=order.late_limit_ms) + duration


def _true(gateway_id: str, told: list[Told], heard: Heard) -> Iterator[Violation]:
    for each in told:
        pieces = [stretch for stretch in heard.stretches if stretch.name == each.sound]
        heard_ms = sum(stretch.length_ms for stretch in pieces)
        if each.state is DeliveryState.PLAYED:
            edges_ms = EDGE_MS * (len(pieces) + each.underruns)
            wanted_ms = PLAYED_SHARE * (each.expected_ms or each.duration_ms) - edges_ms
            if heard_ms < wanted_ms:
                what = f"told as played, but of {each.expected_ms} ms {heard_ms} were heard"
                yield Violation(Invariant.TRUE, what, gateway_id, each.broadcast_id)
        elif each.state in _SILENT and each.started_at is None and heard_ms > NOTHING_MS:
            others = [o for o in told if o.sound == each.sound and o is not each]
            if not others:
                what = f"told as {each.state} without a sound, but {heard_ms} ms were heard"
                yield Violation(Invariant.TRUE, what, gateway_id, each.broadcast_id)


_SILENT = TERMINAL - {DeliveryState.PLAYED, DeliveryState.PARTIAL}


def _ended(evidence: Evidence) -> Iterator[Violation]:
    for each in evidence.told:
        where = (each.gateway_id, each.broadcast_id)
        if each.state in OPEN and evidence.checked_at > each.deadline_at + SWEEP:
            yield Violation(Invariant.ENDED, f"still {each.state} after its deadline", *where)
        elif each.state in OPEN and evidence.healed_at is not None and evidence.checked_at > _over_by(each):
            yield Violation(
                Invariant.ENDED, f"still {each.state} with everyone back and its time over", *where
            )
        if each.state is DeliveryState.UNKNOWN and evidence.healed_at is not None:
            yield Violation(Invariant.ENDED, "unknown with everyone back", *where)
        final = [ending for ending in each.endings if not _without_a_word(ending)]
        if len(final) > 1 or len(each.endings) > 2:
            said = ", ".join(f"{ending.old}→{ending.new}" for ending in each.endings)
            yield Violation(Invariant.ENDED, f"ended more than once: {said}", *where)
        if each.state not in OPEN and not each.endings:
            yield Violation(Invariant.ENDED, f"{each.state}, but the history does not say since when", *where)
        for ending in each.endings:
            if ending.new is DeliveryState.UNKNOWN and ending.at > each.deadline_at + SWEEP:
                late_s = (ending.at - each.deadline_at).total_seconds()
                yield Violation(Invariant.ENDED, f"shown unknown {late_s:.0f} s after its deadline", *where)


def _without_a_word(ending: Ending) -> bool:
    """Whether the controller settled it alone; then the gateway's own word may amend it, once."""
    return ending.new is DeliveryState.UNKNOWN or (ending.new, ending.reason) in WITHOUT_A_WORD


def _over_by(order: Told) -> datetime:
    return _ends_by(order) + TOLERANCE


def _audited(evidence: Evidence) -> Iterator[Violation]:
    if evidence.deeds is None:
        return
    subjects = {deed.subject for deed in evidence.deeds}
    for missing in sorted(evidence.must_be_audited - subjects):
        yield Violation(Invariant.AUDITED, f"{missing} was made and no row says by whom")
    for each in evidence.breaks:
        yield Violation(Invariant.AUDITED, f"row {each.n} of the audit trail: {each.why}")
    for before, after in pairwise(evidence.deeds):
        if after.at < before.at - SWEEP:
            yield Violation(Invariant.AUDITED, f"row {after.id} is dated before row {before.id}")


def _promised(evidence: Evidence) -> Iterator[Violation]:
    known = {(each.broadcast_id, each.gateway_id): each for each in evidence.told}
    for promise in evidence.promises:
        for gateway_id in sorted(promise.gateway_ids):
            if (promise.broadcast_id, gateway_id) not in known:
                yield Violation(
                    Invariant.KEPT, "answered as ordered, and not on record", gateway_id, promise.broadcast_id
                )
    if evidence.healed_at is None:
        return
    for each in evidence.told:
        never_sent = each.state in {DeliveryState.PLANNED, DeliveryState.SENT}
        if never_sent and each.received_at is None and evidence.checked_at > _over_by(each):
            yield Violation(
                Invariant.KEPT,
                f"{each.state}, never received by its gateway",
                each.gateway_id,
                each.broadcast_id,
            )


def _kept_by_gateway(gateway_id: str, told: Iterable[Told], evidence: Evidence) -> Iterator[Violation]:
    kept, committed = evidence.kept.get(gateway_id), evidence.committed.get(gateway_id)
    if kept is None:
        return
    for each in told:
        known = each.broadcast_id in kept.held or each.broadcast_id in kept.ended
        if each.received_at is not None and not known:
            what = "confirmed by the gateway, and not in its journal"
            yield Violation(Invariant.KEPT, what, gateway_id, each.broadcast_id)
    if committed is not None and committed.journal_id == kept.journal_id:
        oldest = min(kept.waiting, default=kept.last_n + 1)
        if oldest > committed.up_to + 1:
            what = f"reports {committed.up_to + 1} to {oldest - 1} were receipted and never committed"
            yield Violation(Invariant.KEPT, what, gateway_id)
    if kept.waiting and evidence.healed_at is not None:
        what = f"reports {kept.waiting[0]} to {kept.waiting[-1]} still wait for their receipt"
        yield Violation(Invariant.ENDED, what, gateway_id)
