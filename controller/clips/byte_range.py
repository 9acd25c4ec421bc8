"""One range of bytes, as RFC 9110 §14 asks for it. Pure."""

import re
from typing import NamedTuple

_ONE_RANGE = re.compile(r"^bytes=(\d{1,15})?-(\d{1,15})?$")


class ByteRange(NamedTuple):
    """First and last byte, both inclusive."""

    first: int
    last: int


class Unsatisfiable(ValueError):
    """The range lies outside the file."""


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """Return the bytes wanted, None for the whole file.

    Several ranges, other units and nonsense are answered with the whole, as RFC 9110 allows; a list of
    ranges has been used to exhaust servers (CVE-2025-62727).

    Raises:
        Unsatisfiable: It starts behind the end.
    """
    match = _ONE_RANGE.match(header.strip()) if header else None
    if match is None or (match.group(1) is None and match.group(2) is None):
        return None
    if match.group(1) is None:
        length = min(int(match.group(2)), size)
        if length == 0:
            raise Unsatisfiable
        return ByteRange(size - length, size - 1)
    first = int(match.group(1))
    last = min(int(match.group(2)), size - 1) if match.group(2) is not None else size - 1
    if first >= size:
        raise Unsatisfiable
    return None if last < first else ByteRange(first, last)
