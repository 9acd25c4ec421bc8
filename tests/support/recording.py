"""What a `FileSink` wrote down, as a timeline."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 48_000


@dataclass(frozen=True)
class Run:
    """Sound without a break: the wall clock's instant of its first sample, and the samples, ±1."""

    start_s: float
    samples: NDArray[np.float32]
    rate: float = RATE
    """Frames a second of the crystal that was acted."""

    @property
    def start_at(self) -> datetime:
        return datetime.fromtimestamp(self.start_s, UTC)

    @property
    def end_s(self) -> float:
        return self.start_s + len(self.samples) / self.rate


class Recording:
    """Everything that one gateway let sound, read when the object is made."""

    def __init__(self, directory: Path) -> None:
        self.runs: list[Run] = []
        lines = directory / "sound.jsonl"
        if not lines.exists():
            return
        pcm = (directory / "sound.pcm").read_bytes()
        sound = np.frombuffer(pcm[: len(pcm) // 2 * 2], dtype="<i2").astype(np.float32) / 32767
        entries = [json.loads(line) for line in lines.read_text().splitlines()]
        bounds = [entry["frame"] for entry in entries] + [len(sound)]
        for entry, end in zip(entries, bounds[1:], strict=True):
            samples = sound[entry["frame"] : end]
            if len(samples):
                self.runs.append(Run(entry["at"], samples, entry.get("rate", RATE)))

    def between(self, a: datetime, b: datetime) -> NDArray[np.float32]:
        """Return what sounded from `a` until before `b`, silence as zeros."""
        start, frames = a.timestamp(), round((b - a) / timedelta(seconds=1) * RATE)
        timeline = np.zeros(frames, dtype=np.float32)
        for run in self.runs:
            first = round((run.start_s - start) * RATE)
            lo, hi = max(first, 0), min(first + len(run.samples), frames)
            if lo < hi:
                timeline[lo:hi] = run.samples[lo - first : hi - first]
        return timeline

    def is_silent(self, a: datetime, b: datetime) -> bool:
        return not self.between(a, b).any()

    def first_sample_at(self, after: datetime) -> datetime | None:
        """Return the instant of the first sample that is not zero at or after `after`."""
        start = after.timestamp()
        for run in self.runs:
            skip = max(0, round((start - run.start_s) * RATE))
            sounding = np.flatnonzero(run.samples[skip:])
            if len(sounding):
                return datetime.fromtimestamp(run.start_s + (skip + int(sounding[0])) / RATE, UTC)
        return None
