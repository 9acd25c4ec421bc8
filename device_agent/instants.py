"""Instants as numbers, exactly: aware datetimes hold whole microseconds, floats would not."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def unix_ns(at: datetime) -> int:
    """Return Unix nanoseconds of an aware instant."""
    return (at - _EPOCH) // _MICROSECOND * 1000


def from_unix_ns(ns: int) -> datetime:
    """Return the aware UTC instant, rounded down to a microsecond."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


def milliseconds(ms: int) -> timedelta:
    """Return so many milliseconds as a length of time."""
    return timedelta(milliseconds=ms)


def seconds(s: float) -> timedelta:
    """Return so many seconds as a length of time."""
    return timedelta(seconds=s)
