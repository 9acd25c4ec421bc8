"""An alarm clock: APScheduler 3, and nothing else of ours imports it.

It rings; it does not know why. What is due stands in the database, and whoever is rung looks there and sets
the next alarm. So nothing is lost when this process was down, and nothing is done twice when it rings once
too often. APScheduler's own schedules are not used: its cron trigger rings twice when the clocks go back, its
job store would be a second truth, and by default it forgets what it misses by a second.

The alarm is one lasting job whose next run is moved. A job for one date is removed as it fires, and in
APScheduler 3.11 that removal raises, and ends the scheduler's thread, when it meets a shutdown.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

_ALARM = "alarm"
_TICK = "tick"
_CENTURY_WEEKS = 5_218
_FAR_AHEAD = datetime(9_000, 1, 1, tzinfo=UTC)
"""Never, for a job that lasts."""

_log = structlog.get_logger(__name__)


class AlarmClock:
    """Calls `ring` at, or soon after, the earliest instant asked for. Safe to use from any thread.

    One ring answers everything asked before it: `ring` should look for all that is due, then `set` what comes
    next. Rings never overlap, as they share one worker thread. One that raises is logged, and the clock goes
    on.

    It measures by the wall clock. If that is set back, alarms and ticks come late by as much.
    """

    def __init__(self, ring: Callable[[], None], *, tick_at_least_every_s: float | None = None) -> None:
        """Make a clock, stopped and without an alarm.

        Args:
            ring: Called in the worker thread, without arguments. It must not call `stop`.
            tick_at_least_every_s: Ring this often in any case, so that an alarm that nobody set is caught
                late rather than never.
        """
        self._ring = ring
        self._tick_s = tick_at_least_every_s
        self._lock = Lock()
        self._alarm_at: datetime | None = None
        self._scheduler: Any = None

    def start(self) -> None:
        """Begin to run, with the alarm that may have been set before.

        Raises:
            RuntimeError: It is running.
        """
        with self._lock:
            if self._scheduler is not None:
                raise RuntimeError("the alarm clock is running")
            scheduler = _scheduler()
            # Two instances: one may be ringing while the next falls due. With one, APScheduler would drop it.
            scheduler.add_job(
                self._on_alarm,
                IntervalTrigger(weeks=_CENTURY_WEEKS, timezone=UTC),
                id=_ALARM,
                next_run_time=self._alarm_at or _FAR_AHEAD,
                max_instances=2,
            )
            if self._tick_s is not None:
                every = IntervalTrigger(seconds=self._tick_s, timezone=UTC)
                scheduler.add_job(self._call, every, ["tick"], id=_TICK)
            scheduler.start()
            self._scheduler = scheduler

    def stop(self) -> None:
        """Stop, and wait for a ring under way. An alarm still ahead stays set. Idempotent."""
        with self._lock:
            scheduler, self._scheduler = self._scheduler, None
        # Not under the lock: APScheduler waits for the worker, and the worker may be waiting for us in `set`.
        if scheduler is not None:
            scheduler.shutdown()

    def set(self, at: datetime) -> None:
        """Ask to be rung at `at`; only the earliest instant asked for counts. One in the past rings at once.

        Raises:
            ValueError: `at` is naive.
        """
        if at.utcoffset() is None:
            raise ValueError("an alarm needs an aware instant")
        with self._lock:
            if self._alarm_at is None or at < self._alarm_at:
                self._alarm_at = at
                self._move_to(at)

    def cancel(self) -> None:
        """Forget the alarm; a ring under way goes on, and ticks go on."""
        with self._lock:
            self._alarm_at = None
            self._move_to(_FAR_AHEAD)

    def _move_to(self, at: datetime) -> None:
        if self._scheduler is not None:
            self._scheduler.modify_job(_ALARM, next_run_time=at)

    def _on_alarm(self) -> None:
        with self._lock:
            self._alarm_at = None
        self._call("alarm")

    def _call(self, why: str) -> None:
        try:
            self._ring()
        except Exception:  # noqa: BLE001 - whatever it is, the next bulletin must still be rung for
            _log.exception("alarm_ring_failed", why=why)


def _scheduler() -> Any:
    """In memory, with one worker: the truth is elsewhere, and two rings at once would race for it."""
    return BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(1)},
        job_defaults={"misfire_grace_time": None, "coalesce": True},
    )
