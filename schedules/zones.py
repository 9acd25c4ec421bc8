"""Wall-clock time in a zone, and the daylight-saving policy: once, never twice. Pure.

A local time that does not exist (the clocks jump over it in spring) is read with the offset in force before
the gap, so 02:30 sounds once, at what the clocks then call 03:30. RFC 5545 section 3.3.5 says so for a
DATE-TIME. For instances that a rule generates, section 3.3.10 would rather drop them; we do not: what was
ordered sounds, and a morning bulletin that falls silent once a year is a fault nobody expects.

A local time that exists twice (the clocks go back in autumn) is its first one: section 3.3.5 again. PEP 495
reads a naive time in just these two ways when ``fold`` is 0, so `zoneinfo` does the work.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schedules.errors import Refusal, UnsupportedRule

DEFAULT_ZONE = "Asia/Ho_Chi_Minh"

LARGEST_GAP = timedelta(hours=24)
"""No zone has ever jumped over more: Pacific/Apia left out 2011-12-30."""

# Leaves out "localtime", "posixrules" and paths, which `ZoneInfo` would take from the machine it runs on.
_NAME = re.compile(r"[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", re.ASCII)


@lru_cache(maxsize=64)
def zone_named(name: str) -> ZoneInfo:
    """Return the IANA zone `name`.

    Raises:
        UnsupportedRule: `bad_zone`; there is no such zone.
    """
    try:
        if _NAME.fullmatch(name):
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        pass  # OSError: the name of a directory, such as "Asia"
    raise UnsupportedRule(Refusal.BAD_ZONE, f"{name!r} is no IANA time zone", part="zone")


def to_instant(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the UTC instant of a naive wall-clock time, by the policy above.

    ``fold=1`` still names the second of two equal times; no rule generates it, but a date given as an
    instant may need it.
    """
    return local.replace(tzinfo=zone).astimezone(UTC)


def to_local(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return the naive wall-clock time of an aware instant; ``fold`` tells the second of two apart."""
    return instant.astimezone(zone).replace(tzinfo=None)


def is_in_gap(local: datetime, zone: ZoneInfo) -> bool:
    """Return whether the clocks of `zone` never show this wall-clock time."""
    return to_local(to_instant(local, zone), zone) != local
