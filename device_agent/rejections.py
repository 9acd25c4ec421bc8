"""Refused messages as reports, so few that a flood can neither fill the disk nor hide what else happened."""

from datetime import datetime, timedelta

from wire.messages import Report
from wire.types import Event, Rejection

PER_MINUTE = 20
_MINUTE = timedelta(minutes=1)


class RejectionLog:
    """Lets twenty a minute through one by one and sums up the rest of that minute. Sans-I/O."""

    def __init__(self) -> None:
        self._minute_ends: datetime | None = None
        self._told = 0
        self._held_back = 0
        self._last = Rejection.MALFORMED

    @property
    def summary_at(self) -> datetime | None:
        """When the summary of what was held back is due; None if nothing was."""
        return self._minute_ends if self._held_back else None

    def note(self, rejection: Rejection, detail: str, now: datetime) -> tuple[Report, ...]:
        """Return what is to be reported of one refused message, now."""
        summary = self.on_time(now)
        if self._minute_ends is None or not now < self._minute_ends <= now + _MINUTE:
            self._minute_ends, self._told = now + _MINUTE, 0
        if self._told >= PER_MINUTE:
            self._held_back += 1
            self._last = rejection
            return summary
        self._told += 1
        return (*summary, _report(rejection, detail, now))

    def on_time(self, now: datetime) -> tuple[Report, ...]:
        """Return the summary if its time has come."""
        if not self._held_back or (self._minute_ends is not None and now < self._minute_ends):
            return ()
        count, self._held_back = self._held_back, 0
        return (_report(self._last, f"{count} more refused within a minute", now),)


def _report(rejection: Rejection, detail: str, now: datetime) -> Report:
    return Report(n=0, at=now, event=Event.REJECTED, reason=rejection.value, detail=detail)
