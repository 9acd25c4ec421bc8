"""A drill in figures: silence is never success."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from support.clocks import NOON

from controller.broadcasts.delivery import DeliveryState
from controller.drills.scoring import IN_TIME, NOT_HEARD, Answer, score
from wire.types import Sound

S = DeliveryState
ANSWERS = st.lists(
    st.builds(
        Answer,
        gateway_id=st.integers(0, 999).map("g{}".format),
        name=st.just("Chợ"),
        area=st.just("Ấp 1"),
        state=st.sampled_from(S),
        reason=st.sampled_from([None, "no_device"]),
        started_at=st.none() | st.integers(-5, 60).map(lambda seconds: NOON + timedelta(seconds=seconds)),
        sound=st.none() | st.sampled_from(Sound),
    ),
    max_size=20,
)


def answer(
    state: DeliveryState, after_s: float | None = None, sound: Sound | None = None, reason: str | None = None
) -> Answer:
    started_at = None if after_s is None else NOON + timedelta(seconds=after_s)
    return Answer(
        gateway_id="g1",
        name="Chợ",
        area="Ấp 1",
        state=state,
        reason=reason,
        started_at=started_at,
        sound=sound,
    )


@settings(max_examples=40)
@given(ANSWERS)
def test_every_gateway_has_sounded_or_is_named_as_silent(answers: list[Answer]) -> None:
    found = score(answers, NOON)
    assert found.sounded + len(found.silent) == found.total == len(answers)
    assert 0 <= found.in_time <= found.sounded
    assert 0 <= found.confirmed <= found.probed <= found.total
    assert all(each.reason for each in found.silent)
    assert (found.percent == 100) == (found.in_time == found.total > 0)


def test_who_began_within_ten_seconds_was_in_time_and_later_was_not() -> None:
    late = IN_TIME.total_seconds() + 0.1
    found = score([answer(S.PLAYED, 1.2), answer(S.PLAYING, 10), answer(S.PARTIAL, late)], NOON)
    assert (found.total, found.sounded, found.in_time, found.percent) == (3, 3, 2, 66)


def test_who_says_nothing_or_why_not_is_silent_with_the_reason() -> None:
    found = score([answer(S.UNKNOWN), answer(S.SENT), answer(S.FAILED, reason="no_device")], NOON)
    assert found.sounded == 0
    assert [each.reason for each in found.silent] == ["unknown", "sent", "no_device"]


def test_what_was_cut_off_has_sounded() -> None:
    assert score([answer(S.CANCELLED, 2), answer(S.PREEMPTED)], NOON).sounded == 2


def test_a_probe_that_heard_nothing_makes_a_gateway_silent_and_without_one_its_word_counts() -> None:
    sounds = [Sound.CONFIRMED, Sound.NOT_CONFIRMED, Sound.NOT_VERIFIABLE, None]
    found = score([answer(S.PLAYED, 1, sound) for sound in sounds], NOON)
    assert (found.sounded, found.probed, found.confirmed) == (3, 2, 1)
    assert [each.reason for each in found.silent] == [NOT_HEARD]


def test_nobody_is_no_success() -> None:
    assert score([], NOON).percent == 0
