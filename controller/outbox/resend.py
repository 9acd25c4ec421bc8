"""When to send again what was not confirmed: after 5 s six times, then every 30 s. Pure."""

from datetime import datetime, timedelta

EAGER = timedelta(seconds=5)
EAGER_TIMES = 6
PATIENT = timedelta(seconds=30)


def next_attempt_at(attempts: int, now: datetime) -> datetime:
    """Return when to try again after the `attempts`-th try, made `now`."""
    return now + (EAGER if attempts <= EAGER_TIMES else PATIENT)
