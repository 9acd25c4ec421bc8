"""How one reader is told things: their language, the clock on their wall, numbers as they write them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel import dates, numbers

from controller.web.i18n import catalogue, counted, sentence

_MINUTE_MS, _HOUR_MS = 60_000, 3_600_000
_TENTHS_BELOW_MS = 60_000
"""Shorter than this, a tenth of a second is worth a digit: it shows whether the end was cut off."""


LocalDay = date
Day = datetime | date
"""An instant, which is shown as the local day that it falls on, or that day itself."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader's language and zone. Every instant given to it is aware."""

    language: str
    zone: ZoneInfo

    def t(self, key: str, **params: object) -> str:
        """Return a sentence of the catalogue."""
        return sentence(key, self.language, **params)

    def count(self, key: str, count: int, **params: object) -> str:
        """Return a sentence about so many things."""
        return counted(key, self.language, count, **params)

    def has(self, key: str) -> bool:
        """Whether the catalogue knows a key: some come from gateways newer than this server."""
        return key in catalogue(self.language)

    def local(self, at: datetime) -> datetime:
        """Return an instant by the clock on the wall."""
        return at.astimezone(self.zone)

    def time(self, at: datetime) -> str:
        """Return ``05:00``; seconds only where they are not zero."""
        local = self.local(_whole_second(at))
        return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"

    def clock(self, at: datetime) -> str:
        """Return ``05:00:03``."""
        return f"{self.local(_whole_second(at)):%H:%M:%S}"

    def date(self, at: Day) -> str:
        """Return the day as ``24/11/2026``."""
        return dates.format_date(self._day(at), "dd/MM/yyyy", locale=self.language)

    def day(self, at: Day) -> str:
        """Return the day with its weekday, short: ``Thứ Ba, 24/11``."""
        weekday = dates.format_date(self._day(at), "EEEE", locale=self.language)
        return f"{weekday}, {dates.format_date(self._day(at), 'dd/MM', locale=self.language)}"

    def weekday(self, number: int) -> str:
        """Return a day's name, 0 being Monday."""
        return str(dates.get_day_names("wide", locale=self.language)[number])

    def long_day(self, at: Day) -> str:
        """Return the day in full."""
        return dates.format_date(self._day(at), "full", locale=self.language)

    def moment(self, at: datetime, now: datetime) -> str:
        """Return the time alone when it is today, else with its day."""
        same_day = self._day(at) == self._day(now)
        return self.time(at) if same_day else f"{self.time(at)} {self.date(at)}"

    def since(self, at: datetime, now: datetime) -> str:
        """Return roughly how long ago something was: ``9 ngày``."""
        return self.length(now - at)

    def length(self, passed: timedelta) -> str:
        """Return a length of time in its largest fitting unit, rounded."""
        passed = max(passed, timedelta(seconds=1))
        return dates.format_timedelta(passed, granularity="second", threshold=1.5, locale=self.language)

    def span(self, ms: int) -> str:
        """Return a length of time as people say it."""
        if ms < _TENTHS_BELOW_MS:
            return self.t("unit.seconds", seconds=self.number(ms / 1000, 1))
        seconds = round(ms / 1000)
        if ms < _HOUR_MS:
            return self.t("unit.minutes", minutes=seconds // 60, seconds=f"{seconds % 60:02}")
        return self.t("unit.hours", hours=seconds // 3600, minutes=f"{seconds % 3600 // 60:02}")

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with at most so many digits after the separator."""
        pattern = "#,##0." + "#" * digits if digits else "#,##0"
        return numbers.format_decimal(round(value, digits), format=pattern, locale=self.language)

    def percent(self, share: float | None) -> str:
        """Return a share of 1 in per cent; never 100 % for less, and a dash for what is not known."""
        if share is None:
            return "–"
        tenths = int(share * 1000)
        return f"{self.number(tenths / 10, 1)} %"

    def _day(self, at: Day) -> LocalDay:
        return self.local(at).date() if isinstance(at, datetime) else at


def _whole_second(at: datetime) -> datetime:
    """Round to the nearest: what started 2 ms before 05:00:00 did not start at 04:59:59."""
    return (at + timedelta(milliseconds=500)).replace(microsecond=0)
