"""Whether the wall clock may be believed. Pure; the clock is an argument.

A gateway has no battery behind its clock: after a power cut it may wake up in 1970, or a year ahead. Two
things are known better: the controller's signed beats say what time it is, and time never runs back behind
what was seen, which is the date of any message that the controller has signed. A box that was switched off
for days comes back with the time at which it went off, and nothing about that looks wrong: after a boot its
clock is believed only once something vouches for it (`probes.vouching`).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from device_agent.instants import milliseconds
from wire.types import ClockVoucher

MAX_OFFSET = timedelta(seconds=30)
"""wire.md: routine plans need a clock within 30 s."""


MAX_DELAY = timedelta(minutes=3)
"""A beat may be held up for so long (it expires after 60 s at the broker, then a stalled link, a slow disk).
Delay makes our clock look fast, never slow: one such beat is no reason to mistrust a clock that was right."""


MAX_AWAY = timedelta(days=30)
"""A clock that no beat has confirmed is not believed so long after what was last known. A plan reaches eight
days and the controller sends a new one each hour: a box that was really off for so long has nothing to play,
and one that only thinks so must not give up its plan before it has heard a beat."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant, with what is known about the clock that told it."""

    now: datetime
    trusted: bool
    true_now: datetime
    """Best estimate of the real time; equal to `now` while the clock is trusted."""
    confirmed: bool = False
    """Trusted because a signed beat said so since the start, not only for want of a reason to doubt."""
    unvouched: bool = False
    """Not trusted only because nobody vouches for it since the box was switched on: it may be right, or
    behind by as long as the box was off."""

    def truly(self, at: datetime) -> datetime:
        """Return the best estimate of the real instant of what this clock dated `at` a moment ago."""
        return at + (self.true_now - self.now)


@dataclass(frozen=True, slots=True)
class BoxClock:
    """What a box says of its own clock."""

    boot_id: str | None
    """The kernel's, new each time the box is switched on; None where it has none."""
    voucher: ClockVoucher | None
    """Who on the box vouches for the clock; None if nobody does."""

    def voucher_after(self, believed_in: str | None) -> ClockVoucher:
        """Return who vouches for it at a start, if it was last believed in the boot of that id."""
        if self.voucher is not None:
            return self.voucher
        same_boot = self.boot_id is not None and self.boot_id == believed_in
        return ClockVoucher.SAME_BOOT if same_boot else ClockVoucher.NOBODY


@dataclass(frozen=True, slots=True)
class ClockTrust:
    """What this gateway knows about its clock."""

    floor_at: datetime | None = None
    """An instant that has certainly passed; survives restarts."""
    offset_ms: int | None = None
    """The controller's clock minus ours at the last beat; None before the first one since the start."""
    doubted_ms: int | None = None
    """What a beat said that may only have been late; a second one that agrees is believed."""
    vouched_by: ClockVoucher | None = None
    """Who else vouches for it in this boot; None: whoever made this does, and is not asked."""

    @property
    def voucher(self) -> ClockVoucher | None:
        """Who vouches for this clock: a beat before anybody else."""
        return self.vouched_by if self.offset_ms is None else ClockVoucher.BEAT

    def at(self, now: datetime) -> Moment:
        """Judge the wall clock's reading."""
        if self.offset_ms is not None and abs(milliseconds(self.offset_ms)) > MAX_OFFSET:
            return Moment(now, trusted=False, true_now=now + milliseconds(self.offset_ms))
        if self.floor_at is not None and not self._is_likely(now, self.floor_at):
            return Moment(now, trusted=False, true_now=self.floor_at)
        if self.voucher is ClockVoucher.NOBODY:
            return Moment(now, trusted=False, true_now=self.floor_at or now, unvouched=True)
        return Moment(now, trusted=True, true_now=now, confirmed=self.offset_ms is not None)

    def _is_likely(self, now: datetime, floor_at: datetime) -> bool:
        if now < floor_at - MAX_OFFSET:
            return False
        return self.offset_ms is not None or now <= floor_at + MAX_AWAY

    def heard(self, iat: datetime, now: datetime) -> "ClockTrust":
        """Return what is known after a signed beat made at `iat` came in at `now`."""
        floor_at = iat if self.floor_at is None else max(self.floor_at, iat)
        said_ms = round((iat - now) / timedelta(milliseconds=1))
        said, known = milliseconds(said_ms), self.offset_ms
        agrees = self.doubted_ms is not None and abs(said - milliseconds(self.doubted_ms)) <= MAX_OFFSET
        was_right = known is not None and abs(milliseconds(known)) <= MAX_OFFSET
        if was_right and not agrees and -MAX_DELAY <= said < -MAX_OFFSET:
            return replace(self, floor_at=floor_at, doubted_ms=said_ms)
        return ClockTrust(floor_at, said_ms)

    def passed(self, iat: datetime) -> "ClockTrust":
        """Return what is known after any message came in that the controller signed at `iat`."""
        if self.floor_at is not None and iat <= self.floor_at:
            return self
        return replace(self, floor_at=iat)

    def stepped(self, step_ms: int) -> "ClockTrust":
        """Return what is known after somebody set the wall clock forward by `step_ms` (back if negative)."""
        if self.offset_ms is None:
            return self
        return replace(self, offset_ms=self.offset_ms - step_ms, doubted_ms=None)

    def raised(self, now: datetime) -> "ClockTrust":
        """Return the same with the floor raised to `now`, if a beat has confirmed this clock.

        An unconfirmed clock does not raise it: a box that woke up a year ahead would call every right time
        impossible once its clock was put right.
        """
        if not self.at(now).confirmed:
            return self
        if self.floor_at is not None and now <= self.floor_at:
            return self
        return replace(self, floor_at=now)
