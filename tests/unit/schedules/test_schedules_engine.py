"""The alarm clock, with the real scheduler and the real time; every wait is on an event with a timeout."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from queue import Empty, Queue
from threading import Event, Thread

import pytest
from structlog.testing import capture_logs

from schedules.engine import AlarmClock

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2199, 1, 1, tzinfo=UTC)
PATIENCE_S = 10


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a real scheduler goes by the real clock


@contextmanager
def running(ring: Callable[[], None], tick_s: float | None = None) -> Iterator[AlarmClock]:
    clock = AlarmClock(ring, tick_at_least_every_s=tick_s)
    clock.start()
    try:
        yield clock
    finally:
        clock.stop()


def test_it_rings_at_the_instant_asked_for_or_soon_after() -> None:
    rings: Queue[datetime] = Queue()
    with running(lambda: rings.put(now())) as clock:
        at = now() + timedelta(milliseconds=150)
        clock.set(at)
        rung_at = rings.get(timeout=PATIENCE_S)
    assert at <= rung_at


def test_an_alarm_in_the_past_rings_at_once_and_only_once() -> None:
    rings: Queue[str] = Queue()
    with running(lambda: rings.put("ring")) as clock:
        clock.set(LONG_AGO)
        assert rings.get(timeout=PATIENCE_S) == "ring"
    with pytest.raises(Empty):
        rings.get_nowait()


def test_only_the_earliest_instant_asked_for_counts() -> None:
    rung = Event()
    with running(rung.set) as clock:
        clock.set(FAR_AHEAD)
        clock.set(LONG_AGO)
        clock.set(FAR_AHEAD)
        assert rung.wait(PATIENCE_S)


def test_an_alarm_set_while_stopped_rings_after_the_start() -> None:
    rung = Event()
    clock = AlarmClock(rung.set)
    clock.set(LONG_AGO)
    assert not rung.is_set()
    clock.start()
    assert rung.wait(PATIENCE_S)
    clock.stop()


def test_a_cancelled_alarm_does_not_ring_and_a_later_one_does() -> None:
    rings: Queue[datetime] = Queue()
    with running(lambda: rings.put(now())) as clock:
        cancelled_at = now() + timedelta(milliseconds=300)
        clock.set(cancelled_at)
        clock.cancel()
        clock.set(cancelled_at + timedelta(milliseconds=200))
        assert rings.get(timeout=PATIENCE_S) >= cancelled_at + timedelta(milliseconds=200)
    assert rings.empty()


def test_cancelling_what_was_never_set_does_nothing() -> None:
    with running(lambda: None) as clock:
        clock.cancel()
        clock.cancel()


def test_a_ring_may_set_the_next_alarm() -> None:
    rings: Queue[int] = Queue()
    left = [3, 2, 1]

    def ring() -> None:
        rings.put(left.pop())
        if left:
            clock.set(LONG_AGO)

    with running(ring) as clock:
        clock.set(LONG_AGO)
        assert [rings.get(timeout=PATIENCE_S) for _ in range(3)] == [1, 2, 3]


def test_an_alarm_that_falls_due_during_a_ring_rings_after_it() -> None:
    rings: Queue[str] = Queue()
    ringing, go_on = Event(), Event()

    def ring() -> None:
        rings.put("start")
        ringing.set()
        assert go_on.wait(PATIENCE_S)
        rings.put("end")

    with running(ring) as clock:
        clock.set(LONG_AGO)
        assert ringing.wait(PATIENCE_S)
        clock.set(LONG_AGO)
        go_on.set()
        assert [rings.get(timeout=PATIENCE_S) for _ in range(4)] == ["start", "end", "start", "end"]


def test_a_ring_that_raises_is_logged_and_the_clock_goes_on() -> None:
    rings: Queue[str] = Queue()

    def ring() -> None:
        rings.put("ring")
        raise RuntimeError("the database is gone")

    with capture_logs() as logs, running(ring) as clock:
        clock.set(LONG_AGO)
        rings.get(timeout=PATIENCE_S)
        clock.set(LONG_AGO - timedelta(days=1))
        rings.get(timeout=PATIENCE_S)
    assert [entry["event"] for entry in logs] == ["alarm_ring_failed", "alarm_ring_failed"]


def test_it_ticks_although_nobody_set_an_alarm() -> None:
    rings: Queue[str] = Queue()
    with running(lambda: rings.put("tick"), tick_s=0.05):
        assert [rings.get(timeout=PATIENCE_S) for _ in range(3)] == ["tick"] * 3


def test_a_stopped_clock_waits_for_its_ring_which_may_still_set_an_alarm() -> None:
    ringing, go_on = Event(), Event()
    done: list[str] = []

    def ring() -> None:
        ringing.set()
        assert go_on.wait(PATIENCE_S)
        clock.set(FAR_AHEAD)
        done.append("done")

    clock = AlarmClock(ring)
    clock.start()
    clock.set(LONG_AGO)
    assert ringing.wait(PATIENCE_S)
    stopping = Thread(target=clock.stop)
    stopping.start()
    go_on.set()
    stopping.join(PATIENCE_S)
    assert not stopping.is_alive()
    assert done == ["done"]


def test_a_stopped_clock_can_be_started_again_with_its_alarm() -> None:
    rung = Event()
    clock = AlarmClock(rung.set)
    clock.start()
    clock.stop()
    clock.stop()
    clock.set(LONG_AGO)
    clock.start()
    assert rung.wait(PATIENCE_S)
    clock.stop()


def test_a_clock_is_started_once() -> None:
    with running(lambda: None) as clock, pytest.raises(RuntimeError, match="running"):
        clock.start()


def test_a_naive_alarm_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        AlarmClock(lambda: None).set(datetime(2026, 11, 24, 5))  # noqa: DTZ001


def test_many_threads_may_set_and_cancel_at_once() -> None:
    rung = Event()
    with running(rung.set) as clock:

        def fidget() -> None:
            for _ in range(50):
                clock.set(FAR_AHEAD)
                clock.cancel()
            clock.set(LONG_AGO)

        threads = [Thread(target=fidget) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        assert rung.wait(PATIENCE_S)
