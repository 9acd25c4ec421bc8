"""What a gateway keeps to whoever orders what: quiet hours, lengths, loudness. Pure.

In December 2025 a relay set to 03:15 woke a whole commune (Trung Lộc, Nghệ An). The controller refuses such
a time when it is set; this is the second lock, at the horn itself, which holds even against a mistake there.
Only an emergency passes, and even an emergency is never louder than the horn's ceiling.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from device_agent.entries import Entry
from device_agent.instants import milliseconds
from wire.messages import Config, DailySpan

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
QUIET_HOURS = "quiet_hours"
TOO_LONG = "too_long"


class UnknownZone(ValueError):
    """This box does not know the time zone that the configuration names."""


@dataclass(frozen=True, slots=True)
class Guards:
    """The signed configuration in force; none yet means no guard but the controller's.

    Raises:
        UnknownZone: When made from a configuration whose zone is not in this box's database.
    """

    config: Config | None = None

    def __post_init__(self) -> None:
        """Refuse what could not be applied later, at the moment of playing."""
        if self.config is not None:
            _zone(self.config)

    @property
    def version(self) -> int:
        """Version of the configuration; 0 before the first one."""
        return 0 if self.config is None else self.config.version

    @property
    def start_offset(self) -> timedelta:
        """How much later than ordered a planned item starts here."""
        return timedelta() if self.config is None else milliseconds(self.config.start_offset_ms)

    @property
    def ceiling_db(self) -> float:
        """Full scale is never louder than this, emergencies included."""
        return 0.0 if self.config is None else self.config.ceiling_db

    def forbids(self, entry: Entry, at: datetime) -> str | None:
        """Return why an entry may not sound from `at` on to its end, a stable word; None if it may."""
        if self.config is None or entry.is_emergency:
            return None
        if self.config.longest_ms is not None and entry.item.duration_ms > self.config.longest_ms:
            return TOO_LONG
        end_at = at + milliseconds(entry.item.duration_ms - entry.place_ms)
        zone = _zone(self.config)
        for span in self.config.quiet:
            if any(start < end_at and at < end for start, end in _around(span, at, end_at, zone)):
                return QUIET_HOURS
        return None

    def volume_percent(self, wanted: int, now: datetime) -> int:
        """Return what the volume may be at `now` when `wanted` was ordered."""
        if self.config is None:
            return wanted
        zone = _zone(self.config)
        caps = [
            cap.percent
            for cap in self.config.volume_caps
            if any(start <= now < end for start, end in _around(cap, now, now + _MINUTE, zone))
        ]
        return min((wanted, *caps))

    def volume_changes_at(self, now: datetime) -> datetime | None:
        """Return when the volume may next have to change; None if no hour has a cap of its own."""
        if self.config is None:
            return None
        zone = _zone(self.config)
        edges = (
            edge
            for cap in self.config.volume_caps
            for span in _around(cap, now, now + _DAY, zone)
            for edge in span
        )
        return min((edge for edge in edges if edge > now), default=None)


def guards_of(config: Config | None) -> Guards:
    """Return the guards that the journal remembers; none if this box has forgotten the zone since."""
    try:
        return Guards(config)
    except UnknownZone:
        return Guards()


def _zone(config: Config) -> ZoneInfo:
    try:
        return ZoneInfo(config.zone)
    except (KeyError, ValueError, OSError) as error:
        raise UnknownZone(config.zone) from error


def _around(
    span: DailySpan, first: datetime, last: datetime, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """Yield a span of every local day that can touch the time from `first` to `last`.

    Where the clocks change, an edge that exists twice is the one that makes the span longer.
    """
    day = first.astimezone(zone).date() - _DAY
    until = last.astimezone(zone).date()
    while day <= until:
        ends_on = day if span.to_minute > span.from_minute else day + _DAY
        start = datetime.combine(day, _time(span.from_minute), zone)
        end = datetime.combine(ends_on, _time(span.to_minute), zone)
        yield min(_instants(start)), max(_instants(end))
        day += _DAY


def _instants(local: datetime) -> tuple[datetime, datetime]:
    return local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def _time(minute: int) -> time:
    return time(minute // 60, minute % 60)
