"""Threads that sound waits for go before ordinary work."""

import os

import structlog

log = structlog.get_logger(__name__)

REALTIME_PRIORITY = 10


def ask_for_priority() -> None:
    """Put the calling thread before ordinary work, where the system allows it (RLIMIT_RTPRIO, or root).

    A block of sound has 20 ms to be ready; on a busy box an ordinary thread sometimes gets none of them.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(REALTIME_PRIORITY))
    except (AttributeError, OSError) as error:  # no such call on macOS, or not allowed
        log.info("sound_without_priority", reason=str(error))
