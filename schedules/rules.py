"""A recurrence: when something is to be played, from a wall clock's dates to instants. Pure.

A `Recurrence` is wall-clock time in one zone: "05:00 on weekdays" stays 05:00 whatever the offset does. It is
valid by construction: whoever holds one holds a rule that is supported and that occurs at least once.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from heapq import merge
from itertools import groupby, islice, takewhile
from zoneinfo import ZoneInfo

from schedules.errors import Refusal, UnsupportedRule
from schedules.expansion import recurs, wall_clock_times
from schedules.moments import parse_moment, parse_time
from schedules.rule_text import MAX_TIMES_A_DAY, Rule, parse_rule
from schedules.zones import DEFAULT_ZONE, LARGEST_GAP, is_in_gap, to_instant, to_local, zone_named

FIRST_YEAR = 1970
LAST_YEAR = 2199


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """A DTSTART with its rule, extra dates and exceptions (RFC 5545 section 3.8.5), as a value.

    Naive datetimes are wall-clock time in `zone`; aware ones are instants.

    Raises:
        UnsupportedRule: A field is not understood or not supported, or nothing would ever be played.
    """

    dtstart: datetime
    """Naive, whole seconds, from 1970 to 2199. Occurs itself only if the rule matches it."""
    rrule: str | None = None
    """Text of an RRULE; without one, dtstart (at each of `times`) is the only date beside `rdates`."""
    rdates: tuple[datetime, ...] = ()
    """Played as well as what the rule gives, even before dtstart."""
    exdates: tuple[datetime, ...] = ()
    """Not played. An exception takes away an instant and does not lengthen COUNT."""
    exdays: frozenset[date] = frozenset()
    """Whole local days on which nothing is played: public holidays, or an EXDATE without a time."""
    times: tuple[time, ...] = ()
    """Times of day in the place of dtstart's; cannot stand with BYHOUR, BYMINUTE or BYSECOND."""
    first_date: date | None = None
    """Nothing is played before this local day. COUNT still counts from dtstart."""
    last_date: date | None = None
    """Nothing is played after this local day."""
    zone: str = DEFAULT_ZONE
    """IANA name."""

    def __post_init__(self) -> None:
        """Refuse what would not be valid; see the class."""
        zone = zone_named(self.zone)
        _check_dtstart(self.dtstart)
        _check_dates("RDATE", self.rdates)
        _check_dates("EXDATE", self.exdates)
        if self.first_date and self.last_date and self.first_date > self.last_date:
            raise UnsupportedRule(
                Refusal.BAD_DATE_RANGE, "the last date is before the first", part="last_date"
            )
        rule = self.rule
        _check_times(self.times, rule)
        if rule is not None and not recurs(rule, self.dtstart, self.times):
            raise UnsupportedRule(
                Refusal.NO_OCCURRENCE, "the rule matches no date in 400 years", part="RRULE"
            )
        if next(_from_rule(self, zone, None), None) is None:
            raise UnsupportedRule(Refusal.NO_OCCURRENCE, "the rule ends before its first date", part="RRULE")
        if next(occurrences(self), None) is None:
            raise UnsupportedRule(Refusal.NO_OCCURRENCE, "exceptions or the date range leave nothing to play")

    @property
    def rule(self) -> Rule | None:
        """The RRULE as values."""
        return None if self.rrule is None else parse_rule(self.rrule)

    @property
    def is_endless(self) -> bool:
        """Whether nothing ends it: neither COUNT nor UNTIL nor a last date."""
        rule = self.rule
        return rule is not None and rule.count is None and rule.until is None and self.last_date is None


def parse(
    *,
    dtstart: str,
    rrule: str | None = None,
    rdates: Iterable[str] = (),
    exdates: Iterable[str] = (),
    times: Iterable[str] = (),
    first_date: str | None = None,
    last_date: str | None = None,
    zone: str = DEFAULT_ZONE,
) -> Recurrence:
    """Read a recurrence from text, as it comes from a form, the API or the command line.

    Dates may be in ISO 8601 extended or RFC 5545 basic form (`schedules.moments`). A dtstart with an offset
    is taken if that is the offset of `zone` then. An EXDATE without a time excepts the whole day.

    Raises:
        UnsupportedRule: As `Recurrence` does, and for text that is no date, time or rule.
    """
    wanted_zone = zone_named(zone)
    exceptions = [parse_moment(text, part="EXDATE") for text in exdates]
    return Recurrence(
        dtstart=_local_start(dtstart, wanted_zone),
        rrule=rrule,
        rdates=tuple(_with_time(parse_moment(text, part="RDATE"), "RDATE") for text in rdates),
        exdates=tuple(moment for moment in exceptions if isinstance(moment, datetime)),
        exdays=frozenset(moment for moment in exceptions if not isinstance(moment, datetime)),
        times=tuple(sorted({parse_time(text, part="times") for text in times})),
        first_date=_day(first_date, "first_date"),
        last_date=_day(last_date, "last_date"),
        zone=zone,
    )


def occurrences(
    recurrence: Recurrence,
    after: datetime | None = None,
    before: datetime | None = None,
    limit: int | None = None,
) -> Iterator[datetime]:
    """Yield the instants at which a recurrence is played, aware UTC, strictly ascending.

    Lazy, and endless for an endless rule without `before` and `limit`. The cost does not depend on how far
    `after` lies from dtstart, except for a rule with COUNT, which is counted from dtstart.

    Args:
        recurrence: What to expand.
        after: Earliest instant, inclusive, aware; None for the very first.
        before: Latest instant, exclusive, aware: windows that touch share nothing and miss nothing.
        limit: At most so many.

    Raises:
        ValueError: `after` or `before` is naive.
    """
    if any(bound is not None and bound.utcoffset() is None for bound in (after, before)):
        raise ValueError("a window is bounded by aware instants")
    zone = zone_named(recurrence.zone)
    start, stop = _window(recurrence, zone, after, before)
    excepted = {_instant(moment, zone) for moment in recurrence.exdates}
    found: Iterator[datetime] = merge(_from_rule(recurrence, zone, start), _from_rdates(recurrence, zone))
    found = takewhile(lambda instant: stop is None or instant < stop, found)
    found = (instant for instant, _ in groupby(found))
    kept = (
        instant
        for instant in found
        if (start is None or instant >= start)
        and instant not in excepted
        and to_local(instant, zone).date() not in recurrence.exdays
    )
    return islice(kept, limit)


def _window(
    recurrence: Recurrence, zone: ZoneInfo, after: datetime | None, before: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """Narrow the window asked for by the date range; its days begin and end at local midnight."""
    starts = [] if after is None else [after]
    stops = [] if before is None else [before]
    if recurrence.first_date is not None:
        starts.append(to_instant(datetime.combine(recurrence.first_date, time.min), zone))
    if recurrence.last_date is not None:
        next_day = recurrence.last_date + timedelta(days=1)
        stops.append(to_instant(datetime.combine(next_day, time.min), zone))
    return max(starts, default=None), min(stops, default=None)


def _from_rule(recurrence: Recurrence, zone: ZoneInfo, start: datetime | None) -> Iterator[datetime]:
    """Yield what dtstart and the rule give, ascending; it may begin up to a day before `start`."""
    rule, dtstart, times = recurrence.rule, recurrence.dtstart, recurrence.times
    if rule is None:
        at_times = [datetime.combine(dtstart, at) for at in times] or [dtstart]
        return _in_order((local for local in at_times if local >= dtstart), zone)
    not_before = None if start is None else to_local(start, zone) - LARGEST_GAP
    found = _in_order(wall_clock_times(rule, dtstart, times, not_before=not_before), zone)
    until = rule.until
    if isinstance(until, datetime) and until.tzinfo is not None:
        return takewhile(lambda instant: instant <= until, found)
    return found


def _in_order(local_times: Iterable[datetime], zone: ZoneInfo) -> Iterator[datetime]:
    """Turn ascending wall-clock times into ascending instants.

    A time in a gap moves behind those that follow it: 02:45, which does not exist, sounds as 03:45, after
    03:15. So it is held until nothing earlier can come.
    """
    held: deque[datetime] = deque()
    for local in local_times:
        instant = to_instant(local, zone)
        in_gap = is_in_gap(local, zone)
        nothing_earlier_comes = instant - LARGEST_GAP if in_gap else instant
        while held and held[0] <= nothing_earlier_comes:
            yield held.popleft()
        if in_gap:
            held.append(instant)
        else:
            yield instant
    yield from held


def _from_rdates(recurrence: Recurrence, zone: ZoneInfo) -> list[datetime]:
    return sorted(_instant(moment, zone) for moment in recurrence.rdates)


def _instant(moment: datetime, zone: ZoneInfo) -> datetime:
    return to_instant(moment, zone) if moment.tzinfo is None else moment.astimezone(UTC)


def _check_dtstart(dtstart: datetime) -> None:
    if dtstart.tzinfo is not None or dtstart.microsecond:
        raise UnsupportedRule(
            Refusal.BAD_DTSTART, "dtstart is wall-clock time: no offset, whole seconds", part="dtstart"
        )
    if not FIRST_YEAR <= dtstart.year <= LAST_YEAR:
        raise UnsupportedRule(
            Refusal.BAD_DTSTART, f"dtstart must be from {FIRST_YEAR} to {LAST_YEAR}", part="dtstart"
        )


def _check_dates(part: str, moments: Iterable[datetime]) -> None:
    for moment in moments:
        if moment.microsecond or not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise UnsupportedRule(
                Refusal.BAD_DATETIME,
                f"{part} must be in whole seconds, from {FIRST_YEAR} to {LAST_YEAR}",
                part=part,
            )


def _check_times(times: tuple[time, ...], rule: Rule | None) -> None:
    if any(at.tzinfo is not None or at.microsecond for at in times) or list(times) != sorted(set(times)):
        raise UnsupportedRule(
            Refusal.BAD_DATETIME,
            "times must be wall-clock, in whole seconds, ascending, each once",
            part="times",
        )
    if len(times) > MAX_TIMES_A_DAY:
        raise UnsupportedRule(
            Refusal.TOO_MANY_TIMES, f"more than {MAX_TIMES_A_DAY} times a day", part="times"
        )
    if times and rule is not None and (rule.by_hour or rule.by_minute or rule.by_second):
        raise UnsupportedRule(
            Refusal.TIMES_CONFLICT, "give times of day either in the rule or beside it", part="times"
        )


def _local_start(text: str, zone: ZoneInfo) -> datetime:
    moment = _with_time(parse_moment(text, part="dtstart"), "dtstart")
    if moment.tzinfo is None:
        return moment
    local = to_local(moment, zone)
    if local.replace(tzinfo=moment.tzinfo) != moment:
        raise UnsupportedRule(
            Refusal.OFFSET_MISMATCH, f"{text!r} has not the offset of {zone.key} then", part="dtstart"
        )
    return local


def _with_time(moment: date | datetime, part: str) -> datetime:
    if not isinstance(moment, datetime):
        raise UnsupportedRule(Refusal.DATE_WITHOUT_TIME, f"{part} needs a time of day", part=part)
    return moment


def _day(text: str | None, part: str) -> date | None:
    if text is None:
        return None
    moment = parse_moment(text, part=part)
    if isinstance(moment, datetime):
        raise UnsupportedRule(Refusal.BAD_DATETIME, f"{part} is a day, without a time", part=part)
    return moment
