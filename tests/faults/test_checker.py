"""The checker that the rows of the fault matrix rely on catches what it should, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.checker import Invariant, violations
from support.clocks import NOON
from support.evidence import Committed, Deed, Ending, Evidence, Kept, Promise, Told
from support.listening import Samples, listen
from support.media import murmur
from support.recording import RATE, Recording, Run

from controller.audit.chain import Break
from controller.broadcasts.delivery import GRACE, DeliveryState
from wire.types import Priority

GATEWAY, OTHER = "31672-001", "31672-002"
MS = 2_000
SOUNDS = {name: murmur(MS, seed) for seed, name in enumerate("abcd", start=1)}
JOURNAL = "journal"


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def a_recording(*sounded: tuple[datetime, Samples]) -> Recording:
    recording = Recording(Path("/nowhere"))
    recording.runs += [Run(at.timestamp(), samples) for at, samples in sounded]
    return recording


def told(name: str, start_at: datetime, state: str = "played", **changes: object) -> Told:
    late = timedelta(seconds=120, milliseconds=MS)
    settled = DeliveryState(state)
    one = Told(
        broadcast_id=f"broadcast {name}",
        gateway_id=GATEWAY,
        title=name,
        start_at=start_at,
        duration_ms=MS,
        late_limit_ms=120_000,
        deadline_at=start_at + late + GRACE,
        sound=name,
        state=settled,
        received_at=start_at - seconds(60),
        started_at=start_at if state in {"played", "partial"} else None,
        played_ms=MS if state == "played" else None,
        expected_ms=MS,
        endings=(Ending(start_at + seconds(3), DeliveryState.PLAYING, settled),),
    )
    return replace(one, **changes)  # type: ignore[arg-type]


def a_run(orders: Sequence[Told], recording: Recording, **changes: object) -> Evidence:
    ended = frozenset(each.broadcast_id for each in orders)
    evidence = Evidence(
        told=tuple(orders),
        sounds=SOUNDS,
        recordings={GATEWAY: recording, OTHER: a_recording()},
        kept={GATEWAY: Kept(JOURNAL, frozenset(), ended, last_n=9)},
        committed={GATEWAY: Committed(JOURNAL, 9)},
        promises=tuple(Promise(each.broadcast_id, frozenset({GATEWAY})) for each in orders),
        deeds=tuple(Deed(n, NOON, "schedule", each.broadcast_id) for n, each in enumerate(orders)),
        must_be_audited=ended,
        checked_at=NOON + seconds(600),
        healed_at=NOON + seconds(300),
    )
    return replace(evidence, **changes)  # type: ignore[arg-type]


A, B = told("a", NOON), told("b", NOON + seconds(10))
GOOD = a_recording((NOON, SOUNDS["a"]), (NOON + seconds(10), SOUNDS["b"]))


def broken(evidence: Evidence) -> set[Invariant]:
    return {violation.invariant for violation in violations(evidence)}


def test_a_run_in_which_all_went_well_has_no_violations() -> None:
    assert violations(a_run([A, B], GOOD)) == []


def test_a_doubled_sound_is_caught_however_it_is_told() -> None:
    twice = a_recording(
        *((run.start_at, run.samples) for run in GOOD.runs), (NOON + seconds(20), SOUNDS["a"])
    )
    (violation,) = violations(a_run([A, B], twice))
    assert (violation.invariant, violation.broadcast_id) == (Invariant.ONCE, A.broadcast_id)


def test_half_of_a_sound_again_is_a_doubled_sound() -> None:
    half = SOUNDS["a"][: RATE * MS // 2000]
    assert broken(a_run([A], a_recording((NOON, SOUNDS["a"]), (NOON + seconds(4), half)))) == {Invariant.ONCE}


def test_a_sound_cut_off_and_gone_on_with_is_one_sound() -> None:
    cut = RATE * 9 // 10
    urgent = told("c", NOON + seconds(0.9), priority=Priority.EMERGENCY)
    recording = a_recording(
        (NOON, SOUNDS["a"][:cut]),
        (NOON + seconds(0.9), SOUNDS["c"]),
        (NOON + seconds(2.9), SOUNDS["a"][cut:]),
    )
    assert violations(a_run([A, urgent], recording)) == []


def test_an_order_to_play_it_three_times_is_not_four() -> None:
    thrice = told("a", NOON, repeat=3, duration_ms=3 * MS, expected_ms=3 * MS)
    times = [(NOON + n * timedelta(milliseconds=MS), SOUNDS["a"]) for n in range(4)]
    assert violations(a_run([thrice], a_recording(*times[:3]))) == []
    assert Invariant.ONCE in broken(a_run([thrice], a_recording(*times)))


@pytest.mark.parametrize("wrong_by_s", [-2.0, 130.0])
def test_a_sound_outside_its_window_is_caught(wrong_by_s: float) -> None:
    recording = a_recording((NOON + seconds(wrong_by_s), SOUNDS["a"]))
    assert broken(a_run([A], recording)) == {Invariant.ORDERED}


def test_a_late_sound_within_its_limit_is_not_held_against_it() -> None:
    assert violations(a_run([A], a_recording((NOON + seconds(100), SOUNDS["a"])))) == []


def test_a_sound_meant_for_somebody_else_is_caught() -> None:
    evidence = a_run([A], a_recording((NOON, SOUNDS["a"])))
    elsewhere = replace(evidence, recordings={**evidence.recordings, OTHER: a_recording((NOON, SOUNDS["a"]))})
    (violation,) = violations(elsewhere)
    assert (violation.invariant, violation.gateway_id) == (Invariant.ORDERED, OTHER)


def test_a_sound_that_nobody_knows_is_caught_even_under_another_volume() -> None:
    stranger = np.float32(0.125) * murmur(1_000, seed=99)
    recording = a_recording((NOON, np.float32(0.2) * SOUNDS["a"]), (NOON + seconds(5), stranger))
    (violation,) = violations(a_run([A], recording))
    assert violation.invariant is Invariant.ORDERED
    assert "nobody ordered" in violation.what


def test_scraps_of_a_sound_that_ran_dry_are_no_foreign_sound_when_the_gateway_says_so() -> None:
    scrap, gap = RATE // 8, seconds(0.03)
    pieces = [
        (NOON + n * (seconds(0.125) + gap), SOUNDS["a"][n * scrap : (n + 1) * scrap])
        for n in range(len(SOUNDS["a"]) // scrap)
    ]
    assert violations(a_run([replace(A, underruns=15)], a_recording(*pieces))) == []


def test_played_without_a_sound_is_caught() -> None:
    assert broken(a_run([A], a_recording())) == {Invariant.TRUE}


def test_played_with_only_half_of_the_sound_is_caught() -> None:
    assert broken(a_run([A], a_recording((NOON, SOUNDS["a"][: RATE * MS // 2000])))) == {Invariant.TRUE}


@pytest.mark.parametrize("state", ["missed", "cancelled", "failed", "expired", "rejected"])
def test_a_sound_that_the_record_denies_is_caught(state: str) -> None:
    assert broken(a_run([told("a", NOON, state)], a_recording((NOON, SOUNDS["a"])))) == {Invariant.TRUE}


def test_partly_played_is_what_it_says() -> None:
    partial = told("a", NOON, "partial", reason="restarted", played_ms=900)
    assert violations(a_run([partial], a_recording((NOON, SOUNDS["a"][:RATE])))) == []


def test_a_lost_order_is_caught() -> None:
    evidence = a_run([A], a_recording((NOON, SOUNDS["a"])))
    promised = Promise("broadcast b", frozenset({GATEWAY}))
    assert broken(replace(evidence, promises=(promised,))) == {Invariant.KEPT}


def test_an_order_that_never_reached_its_gateway_is_lost_and_has_no_end() -> None:
    sent = told("a", NOON, "sent", received_at=None, endings=())
    evidence = a_run([sent], a_recording(), healed_at=NOON)
    assert broken(evidence) == {Invariant.KEPT, Invariant.ENDED}


def test_an_order_confirmed_by_a_gateway_that_forgot_it_is_caught() -> None:
    forgetful = Kept(JOURNAL, frozenset(), frozenset(), last_n=9)
    assert broken(a_run([A, B], GOOD, kept={GATEWAY: forgetful})) == {Invariant.KEPT}


def test_reports_that_were_receipted_and_not_committed_are_caught() -> None:
    kept = {GATEWAY: Kept(JOURNAL, frozenset(), frozenset({A.broadcast_id, B.broadcast_id}), last_n=12)}
    assert broken(a_run([A, B], GOOD, kept=kept)) == {Invariant.KEPT}


def test_a_new_disk_counts_from_one_again_and_that_is_no_loss() -> None:
    kept = {GATEWAY: Kept("new", frozenset(), frozenset({A.broadcast_id, B.broadcast_id}), last_n=12)}
    assert violations(a_run([A, B], GOOD, kept=kept)) == []


def test_reports_nobody_took_are_caught_once_everyone_is_back() -> None:
    ended = frozenset({A.broadcast_id, B.broadcast_id})
    kept = {GATEWAY: Kept(JOURNAL, frozenset(), ended, last_n=11, waiting=(10, 11))}
    assert broken(a_run([A, B], GOOD, kept=kept)) == {Invariant.ENDED}
    assert broken(a_run([A, B], GOOD, kept=kept, healed_at=None)) == set()


UNKNOWN = DeliveryState.UNKNOWN


def test_unknown_in_time_is_right_while_the_gateway_is_away_and_wrong_once_it_is_back() -> None:
    silent = told("a", NOON, "unknown")
    shown = Ending(silent.deadline_at + seconds(5), DeliveryState.RECEIVED, UNKNOWN)
    silent = replace(silent, endings=(shown,))
    assert broken(a_run([silent], a_recording(), healed_at=None)) == set()
    assert broken(a_run([silent], a_recording())) == {Invariant.ENDED}


def test_unknown_shown_too_late_is_caught_though_it_was_settled_since() -> None:
    late = Ending(A.deadline_at + seconds(60), DeliveryState.RECEIVED, UNKNOWN)
    settled = Ending(A.deadline_at + seconds(90), UNKNOWN, DeliveryState.PLAYED)
    amended = replace(A, endings=(late, settled))
    recording = a_recording((NOON, SOUNDS["a"]))
    assert broken(a_run([amended], recording)) == {Invariant.ENDED}
    in_time = replace(late, at=A.deadline_at + seconds(5))
    assert broken(a_run([replace(A, endings=(in_time, settled))], recording)) == set()


def test_a_delivery_still_open_after_its_deadline_is_caught_whoever_is_away() -> None:
    silent = told("a", NOON, "received", endings=())
    late = silent.deadline_at + seconds(60)
    assert broken(a_run([silent], a_recording(), healed_at=None, checked_at=late)) == {Invariant.ENDED}
    assert broken(a_run([silent], a_recording(), healed_at=None, checked_at=NOON + seconds(60))) == set()


def test_a_delivery_that_ended_twice_is_caught() -> None:
    again = replace(A, endings=(*A.endings, *A.endings))
    assert broken(a_run([again], a_recording((NOON, SOUNDS["a"])))) == {Invariant.ENDED}


def test_a_deed_without_a_row_and_a_row_from_before_the_last_are_caught() -> None:
    evidence = a_run([A, B], GOOD)
    assert evidence.deeds is not None
    assert broken(replace(evidence, deeds=evidence.deeds[:1])) == {Invariant.AUDITED}
    back = Deed(9, NOON - seconds(3600), "schedule", "x")
    assert broken(replace(evidence, deeds=(*evidence.deeds, back))) == {Invariant.AUDITED}
    assert broken(replace(evidence, deeds=None)) == set()


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_whatever_is_played_in_whichever_pieces_is_recognised(data: st.DataObject) -> None:
    """Pieces of at least half a second, at any volume, one after the other or apart."""
    at, played = NOON, []
    for _ in range(data.draw(st.integers(1, 4))):
        name = data.draw(st.sampled_from(sorted(SOUNDS)))
        first = data.draw(st.integers(0, RATE))
        frames = data.draw(st.integers(RATE // 2, len(SOUNDS[name]) - first))
        volume = data.draw(st.sampled_from([1.0, 0.3, 0.05]))
        samples = (SOUNDS[name][first : first + frames] * volume).astype(np.float32)
        played.append((name, first, at, samples))
        at += seconds(frames / RATE + data.draw(st.sampled_from([0.0, 0.013, 1.0, 5.0])))
    heard = listen(a_recording(*((when, samples) for _, _, when, samples in played)), SOUNDS)
    assert heard.foreign == ()
    for name, first, when, samples in played:
        whole_at = when - seconds(first / RATE)
        found = [
            each
            for each in heard.stretches
            if each.name == name
            and abs(each.start_at - whole_at - seconds(each.from_ms / 1000)) < seconds(0.002)
        ]
        assert sum(each.length_ms for each in found) >= len(samples) / RATE * 1000 - 500
    length_ms = sum(len(samples) for *_, samples in played) / RATE * 1000
    assert sum(each.length_ms for each in heard.stretches) <= length_ms + 100 * len(played)


def test_a_trail_that_was_tampered_with_is_caught() -> None:
    assert broken(a_run([A, B], GOOD, breaks=(Break(3, "it was changed"),))) == {Invariant.AUDITED}
