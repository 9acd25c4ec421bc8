"""What becomes of an item whose start has passed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.lateness import LateReason, Play, Skip, Wait, decide_lateness
from wire.types import LatenessPolicy

FIVE = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
"""05:00 in Việt Nam."""

LIMIT_MS = 120_000
LENGTH_MS = 60_000


def decide(late_ms: int, policy: LatenessPolicy, duration_ms: int | None = LENGTH_MS) -> Wait | Play | Skip:
    return decide_lateness(
        start_at=FIVE,
        now=FIVE + timedelta(milliseconds=late_ms),
        duration_ms=duration_ms,
        policy=policy,
        limit_ms=LIMIT_MS,
    )


@pytest.mark.parametrize("policy", LatenessPolicy)
def test_before_the_start_every_policy_waits_and_says_how_long(policy: LatenessPolicy) -> None:
    assert decide(-1_500, policy) == Wait(1_500)


@pytest.mark.parametrize("policy", LatenessPolicy)
@pytest.mark.parametrize("late_ms", [0, 1, 1_000])
def test_up_to_the_tolerance_every_policy_plays_from_the_start(policy: LatenessPolicy, late_ms: int) -> None:
    assert decide(late_ms, policy) == Play(0)


@pytest.mark.parametrize(
    ("late_ms", "policy", "expected"),
    [
        (1_001, LatenessPolicy.SKIP, Skip(LateReason.LATE, 1_001)),
        (1_001, LatenessPolicy.PLAY_FROM_START, Play(0)),
        (1_001, LatenessPolicy.JOIN, Play(1_001)),
        (59_999, LatenessPolicy.JOIN, Play(59_999)),
        (60_000, LatenessPolicy.JOIN, Skip(LateReason.OVER, 60_000)),
        (120_000, LatenessPolicy.PLAY_FROM_START, Play(0)),
        (120_001, LatenessPolicy.PLAY_FROM_START, Skip(LateReason.TOO_LATE, 120_001)),
        (120_001, LatenessPolicy.JOIN, Skip(LateReason.TOO_LATE, 120_001)),
    ],
)
def test_a_late_item_follows_its_policy_up_to_its_limit(
    late_ms: int, policy: LatenessPolicy, expected: Play | Skip
) -> None:
    assert decide(late_ms, policy) == expected


def test_a_relay_without_a_known_end_is_joined_where_it_is_now() -> None:
    assert decide(90_000, LatenessPolicy.JOIN, duration_ms=None) == Play(90_000)


def test_part_of_a_millisecond_does_not_make_an_item_later() -> None:
    answer = decide_lateness(
        start_at=FIVE,
        now=FIVE + timedelta(microseconds=1_000_999),
        duration_ms=LENGTH_MS,
        policy=LatenessPolicy.SKIP,
        limit_ms=LIMIT_MS,
    )
    assert answer == Play(0)


@pytest.mark.parametrize(
    ("duration_ms", "limit_ms", "tolerance_ms"),
    [(-1, 0, 0), (0, -1, 0), (0, 0, -1)],
)
def test_a_negative_length_of_time_is_refused(duration_ms: int, limit_ms: int, tolerance_ms: int) -> None:
    with pytest.raises(ValueError, match="negative"):
        decide_lateness(
            start_at=FIVE,
            now=FIVE,
            duration_ms=duration_ms,
            policy=LatenessPolicy.JOIN,
            limit_ms=limit_ms,
            tolerance_ms=tolerance_ms,
        )


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        decide_lateness(
            start_at=FIVE.replace(tzinfo=None),
            now=FIVE.replace(tzinfo=None),
            duration_ms=0,
            policy=LatenessPolicy.JOIN,
            limit_ms=0,
        )


@given(
    late_ms=st.integers(-(10**7), 10**7),
    policy=st.sampled_from(LatenessPolicy),
    duration_ms=st.none() | st.integers(0, 10**7),
    limit_ms=st.integers(0, 10**7),
)
def test_nothing_is_played_past_its_end_or_past_its_limit(
    late_ms: int, policy: LatenessPolicy, duration_ms: int | None, limit_ms: int
) -> None:
    answer = decide_lateness(
        start_at=FIVE,
        now=FIVE + timedelta(milliseconds=late_ms),
        duration_ms=duration_ms,
        policy=policy,
        limit_ms=limit_ms,
    )
    if isinstance(answer, Play):
        assert 0 <= late_ms <= max(limit_ms, 1_000)
        assert answer.offset_ms == 0 or (policy is LatenessPolicy.JOIN and answer.offset_ms == late_ms)
        assert duration_ms is None or answer.offset_ms == 0 or answer.offset_ms < duration_ms
    else:
        assert isinstance(answer, Wait) == (late_ms < 0)
