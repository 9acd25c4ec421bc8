"""A gateway whose wall clock is wrong: libfaketime in its process, and its recordings put right again.

Only the wall clock is faked (DONT_FAKE_MONOTONIC): a clock that somebody sets leaves the monotonic one alone,
and this machine's own clock is never touched. Needs the Debian package libfaketime; skips without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from support.broadcasting import now
from support.recording import Recording, Run


@dataclass(frozen=True, slots=True)
class Setting:
    """From an instant on, the clock is this much ahead of the truth."""

    from_at: datetime
    ahead_s: float


@dataclass(slots=True)
class WrongClock:
    """The wall clock of one process.

    Args:
        file: Where libfaketime reads how wrong it is.
        ahead_s: How far ahead of the truth it is at first; negative is behind.
    """

    file: Path
    ahead_s: float
    settings: list[Setting] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.step_to(self.ahead_s)

    def step_to(self, ahead_s: float) -> None:
        """Set the clock; a running process notices within a second."""
        self.ahead_s = ahead_s
        self.settings.append(Setting(now(), ahead_s))
        temporary = self.file.with_suffix(".new")
        temporary.write_text(f"{ahead_s:+.3f}\n")
        temporary.replace(self.file)

    @property
    def environment(self) -> Mapping[str, str]:
        """What the process has to be started with."""
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def put_right(self, recording: Recording) -> Recording:
        """Return what sounded in true time."""
        right = Recording(Path("/nowhere"))
        right.runs += [Run(self._truly_s(run.start_s), run.samples) for run in recording.runs]
        return right

    def _truly_s(self, told_s: float) -> float:
        """Return the true instant of what was dated by this clock: by the one setting that it fits."""
        fitting = []
        for number, setting in enumerate(self.settings):
            truly_s = told_s - setting.ahead_s
            last = number + 1 == len(self.settings)
            # Nothing sounded in the future, as what an earlier setting dated would have by the last one.
            until_s = now().timestamp() if last else self.settings[number + 1].from_at.timestamp() + 1.5
            if setting.from_at.timestamp() <= truly_s < until_s:
                fitting.append(truly_s)
        assert fitting, f"sound at {told_s} fits no setting of the clock"
        return fitting[-1]


def _library() -> Path:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("a wrong clock needs the Debian package libfaketime")
    return found[0]
