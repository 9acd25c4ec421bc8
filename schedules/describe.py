"""A recurrence as parts, from which a page makes a sentence in its reader's language. Pure; no words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import product
from zoneinfo import ZoneInfo

from schedules.expansion import with_defaults
from schedules.rule_text import ByDay, Frequency, Rule
from schedules.rules import Recurrence
from schedules.zones import to_local, zone_named


@dataclass(frozen=True, slots=True)
class Description:
    """What a sentence about a recurrence has to say. Everything is local to `zone`."""

    frequency: Frequency | None
    """None: once."""
    interval: int
    """Every so many days, weeks, months or years."""
    days: tuple[ByDay, ...]
    """Weekdays; for a weekly rule that names none, that of its start."""
    month_days: tuple[int, ...]
    """1 to 31, or -1 (the last) to -31; for a monthly or yearly rule without days, that of its start."""
    months: tuple[int, ...]
    """1 to 12; for a yearly rule without days, that of its start."""
    positions: tuple[int, ...]
    """Only the nth of those days or times in each period, -1 being the last; empty: all."""
    times: tuple[time, ...]
    starts_on: date
    ends_on: date | None
    """Last day it may be played on, by UNTIL or by the range; None if only COUNT ends it, or nothing."""
    count: int | None
    added: tuple[datetime, ...]
    """Extra dates, naive local, ascending."""
    removed: tuple[datetime, ...]
    """Exceptions, naive local, ascending."""
    removed_days: tuple[date, ...]
    zone: str


def describe(recurrence: Recurrence) -> Description:
    """Return the parts of a recurrence, with what its rule leaves to dtstart filled in."""
    dtstart, zone = recurrence.dtstart, zone_named(recurrence.zone)
    rule = with_defaults(recurrence.rule or Rule(Frequency.DAILY), dtstart)
    of_rule = product(rule.by_hour, rule.by_minute, rule.by_second)
    return Description(
        frequency=None if recurrence.rule is None else rule.frequency,
        interval=rule.interval,
        days=rule.by_day,
        month_days=rule.by_month_day,
        months=rule.by_month,
        positions=rule.by_set_pos,
        times=recurrence.times or tuple(time(*parts) for parts in of_rule),
        starts_on=max(dtstart.date(), recurrence.first_date or dtstart.date()),
        ends_on=_ends_on(recurrence, rule.until, zone),
        count=rule.count,
        added=_local(recurrence.rdates, zone),
        removed=_local(recurrence.exdates, zone),
        removed_days=tuple(sorted(recurrence.exdays)),
        zone=recurrence.zone,
    )


def _ends_on(recurrence: Recurrence, until: date | datetime | None, zone: ZoneInfo) -> date | None:
    ends = [day for day in (recurrence.last_date,) if day is not None]
    if isinstance(until, datetime):
        ends.append(_wall_clock(until, zone).date())
    elif until is not None:
        ends.append(until)
    if recurrence.rule is None:
        ends.append(recurrence.dtstart.date())
    return min(ends, default=None)


def _local(moments: Iterable[datetime], zone: ZoneInfo) -> tuple[datetime, ...]:
    return tuple(sorted(_wall_clock(moment, zone) for moment in moments))


def _wall_clock(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment if moment.tzinfo is None else to_local(moment, zone)
