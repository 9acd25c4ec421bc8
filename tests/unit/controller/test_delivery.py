from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from support.clocks import NOON

from controller.broadcasts.delivery import (
    AFTER,
    OPEN,
    SETTLED,
    TERMINAL,
    DeliveryState,
    News,
    Progress,
    deadline,
    on_news,
    on_time,
    on_withdrawn,
)
from wire.types import Event, Sound


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def planned() -> Progress:
    return Progress(DeliveryState.PLANNED, NOON + seconds(300))


def sent() -> Progress:
    return Progress(DeliveryState.SENT, NOON + seconds(300))


def news(event: Event, at: float = 0, **more: object) -> News:
    return News(event=event, at=NOON + seconds(at), **more)  # type: ignore[arg-type]


def played(at: float = 20) -> News:
    return news(Event.PLAYED, at, played_ms=10_000, expected_ms=10_000)


def walk(*steps: News) -> Progress:
    progress = sent()
    for step in steps:
        progress = on_news(progress, step)
    return progress


def test_it_goes_from_sent_to_played_and_keeps_each_instant() -> None:
    progress = walk(
        news(Event.RECEIVED, 1),
        news(Event.READY, 2),
        news(Event.PLAYING, 10, started_at=NOON + seconds(10)),
        played(20),
    )
    assert progress.state is DeliveryState.PLAYED
    assert (progress.received_at, progress.ready_at) == (NOON + seconds(1), NOON + seconds(2))
    assert (progress.started_at, progress.settled_at) == (NOON + seconds(10), NOON + seconds(20))


def test_steps_that_never_arrived_are_skipped() -> None:
    assert walk(played()).state is DeliveryState.PLAYED


def test_late_and_repeated_news_changes_nothing() -> None:
    done = walk(played())
    for event in Event:
        assert on_news(done, news(event, 99)) is done


def test_less_than_98_percent_is_partial() -> None:
    almost = news(Event.PLAYED, played_ms=9_799, expected_ms=10_000)
    enough = news(Event.PLAYED, played_ms=9_800, expected_ms=10_000)
    assert (walk(almost).state, walk(almost).reason) == (DeliveryState.PARTIAL, "too_short")
    assert walk(enough).state is DeliveryState.PLAYED


def test_what_the_probe_says_is_kept_with_the_end_and_only_with_it() -> None:
    heard = {"played_ms": 10_000, "expected_ms": 10_000, "rms_db": -19.0, "sound": Sound.CONFIRMED}
    progress = walk(news(Event.PLAYING), news(Event.PLAYED, 20, **heard, sound_confidence=0.9))
    assert (progress.sound, progress.sound_confidence, progress.rms_db) == (Sound.CONFIRMED, 0.9, -19.0)
    assert walk(news(Event.PLAYING, sound=Sound.CONFIRMED)).sound is None
    assert walk(played()).sound is None


def test_played_without_evidence_is_partial() -> None:
    assert walk(news(Event.PLAYED)).state is DeliveryState.PARTIAL


def test_nothing_happens_before_the_deadline() -> None:
    progress = sent()
    assert on_time(progress, progress.deadline_at - seconds(0.001)) is progress


def test_sent_without_a_word_is_unknown_and_never_sent_is_expired() -> None:
    at = NOON + seconds(300)
    assert on_time(sent(), at).state is DeliveryState.UNKNOWN
    assert on_time(planned(), at).state is DeliveryState.EXPIRED


def test_playing_without_an_end_is_unknown() -> None:
    progress = walk(news(Event.PLAYING, 10))
    assert on_time(progress, progress.deadline_at).state is DeliveryState.UNKNOWN


def test_the_journal_amends_unknown_but_progress_does_not() -> None:
    unknown = on_time(sent(), NOON + seconds(300))
    assert on_news(unknown, news(Event.PLAYING, 400)) is unknown
    assert on_news(unknown, played(400)).state is DeliveryState.PLAYED


def test_only_what_nobody_has_heard_of_is_withdrawn_at_once() -> None:
    assert on_withdrawn(planned(), NOON).state is DeliveryState.CANCELLED
    known = sent()
    assert on_withdrawn(known, NOON) is known


def test_the_deadline_leaves_room_for_the_latest_start_the_sound_and_the_word() -> None:
    assert deadline(NOON, 120_000, 60_000) == NOON + seconds(120 + 60 + 100)


def test_every_state_is_open_terminal_or_unknown() -> None:
    assert set(DeliveryState) == OPEN | TERMINAL | {DeliveryState.UNKNOWN}
    assert set(AFTER) == OPEN | {DeliveryState.UNKNOWN}


anything = st.one_of(
    st.builds(
        News,
        event=st.sampled_from(Event),
        at=st.datetimes(
            datetime(2026, 11, 24),  # noqa: DTZ001 - Hypothesis adds the zone
            datetime(2026, 11, 25),  # noqa: DTZ001
            timezones=st.just(NOON.tzinfo),
        ),
        played_ms=st.none() | st.integers(0, 20_000),
        expected_ms=st.none() | st.integers(0, 20_000),
    ),
    st.floats(0, 1_000).map(seconds),
    st.just("withdrawn"),
)


@given(st.sampled_from([planned(), sent()]), st.lists(anything, max_size=30))
def test_whatever_comes_in_whatever_order_it_settles_once_and_is_amended_at_most_once(
    start: Progress, script: list[News | timedelta | str]
) -> None:
    progress, settled = start, []
    for step in script:
        before = progress
        if isinstance(step, News):
            progress = on_news(progress, step)
        elif isinstance(step, timedelta):
            progress = on_time(progress, NOON + step)
        else:
            progress = on_withdrawn(progress, NOON)
        if progress.state is not before.state and progress.state in SETTLED:
            settled.append(progress.state)
            assert progress.settled_at is not None
    assert len(settled) <= 2
    if len(settled) == 2:
        assert settled[0] in {DeliveryState.UNKNOWN, DeliveryState.EXPIRED, DeliveryState.CANCELLED}
        assert settled[1] in TERMINAL


def test_what_was_cut_off_and_waits_is_not_unknown_before_it_may_have_come_back() -> None:
    playing = walk(news(Event.PLAYING, 10, started_at=NOON + seconds(10)))
    paused = on_news(playing, news(Event.PAUSED, 290, played_ms=4_000, expected_ms=10_000, by="other"))
    assert (paused.state, paused.preempted_by) == (DeliveryState.PLAYING, None)
    assert on_time(paused, NOON + seconds(290 + 30 * 60 + 6)).state is DeliveryState.PLAYING
    assert on_time(paused, NOON + seconds(290 + 30 * 60 + 6 + 100)).state is DeliveryState.UNKNOWN
    assert on_news(paused, played(2_000)).state is DeliveryState.PLAYED


def test_what_seemed_never_sent_is_amended_when_the_gateway_says_that_it_sounded() -> None:
    never = on_time(planned(), NOON + seconds(300))
    withdrawn = on_withdrawn(planned(), NOON)
    assert (never.state, withdrawn.state) == (DeliveryState.EXPIRED, DeliveryState.CANCELLED)
    assert {on_news(each, played()).state for each in (never, withdrawn)} == {DeliveryState.PLAYED}
    by_the_gateway = walk(news(Event.CANCELLED, 5, reason="cancelled"))
    assert on_news(by_the_gateway, played()).state is DeliveryState.CANCELLED
