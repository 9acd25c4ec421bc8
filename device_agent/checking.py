"""Which clip on disk to read again, to see whether its bytes have rotted. Sans-I/O.

An SD card tells nobody that a bit has turned over. A clip is read and its hash compared before it first
counts as here, then once a day, and once more shortly before an item plays it: early enough to fetch it
again, late enough that little can happen in between.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

BEFORE_USE = timedelta(minutes=10)
"""A clip that an item plays sooner than this was read within as much time."""

EVERY_S = 24 * 3600.0
"""A clip that nobody plays is read as often as this."""


@dataclass(slots=True)
class Checks:
    """When each clip on disk was found whole. `mono_s` are seconds of the monotonic clock."""

    _whole_s: dict[str, float] = field(default_factory=dict)

    @property
    def here(self) -> frozenset[str]:
        """Clips that were found whole since the start."""
        return frozenset(sha256 for sha256, at in self._whole_s.items() if at > -math.inf)

    def found(self, sha256s: Iterable[str]) -> None:
        """Learn that files of these names lie on the disk."""
        for sha256 in sha256s:
            self._whole_s.setdefault(sha256, -math.inf)

    def whole(self, sha256: str, mono_s: float) -> None:
        """Learn that this clip's hash was right."""
        self._whole_s[sha256] = mono_s

    def gone(self, sha256: str) -> None:
        """Learn that this clip is not there any more."""
        self._whole_s.pop(sha256, None)

    def next_check(self, needed: frozenset[str], soon: frozenset[str], mono_s: float) -> str | float | None:
        """Return which clip to read now; else seconds to wait; None if there is none.

        Args:
            needed: Clips that are wanted or pinned; of the unchecked these go first.
            soon: Clips that an item plays within `BEFORE_USE`.
            mono_s: The monotonic clock, seconds.
        """
        if not self._whole_s:
            return None
        due = {
            sha256: at + (BEFORE_USE.total_seconds() if sha256 in soon else EVERY_S)
            for sha256, at in self._whole_s.items()
        }
        sha256 = min(due, key=lambda each: (due[each], each not in soon, each not in needed))
        return sha256 if due[sha256] <= mono_s else due[sha256] - mono_s
