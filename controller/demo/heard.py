"""From what a gateway recorded to a WAV file that any player opens.

The agent's file sink leaves ``sound.pcm`` (16-bit, mono, 48 kHz, silence left out) and ``sound.jsonl``, one
line for each unbroken run with the instant of its first sample and its first frame in the file.
"""

import wave
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

RATE = 48_000
_FRAME_BYTES = 2
_APART_S = 5.0
"""Runs closer than this belong to one broadcast: people breathe, and repeats have gaps."""
_BETWEEN_S = 1.0
"""Silence that stands for whatever time passed between two broadcasts."""


class NothingHeard(Exception):
    """There is no recording, or nothing is in it yet."""


class _Line(Struct):
    at: float
    frame: int


@dataclass(frozen=True, slots=True)
class Run:
    """Sound without a break."""

    start_s: float
    samples: bytes

    @property
    def end_s(self) -> float:
        """The instant after its last sample."""
        return self.start_s + len(self.samples) / _FRAME_BYTES / RATE


def sounds(directory: Path) -> list[list[Run]]:
    """Return what was heard, oldest first, each as its runs.

    Raises:
        NothingHeard: There is nothing.
    """
    lines = directory / "sound.jsonl"
    if not lines.exists():
        raise NothingHeard(f"no recording in {directory}")
    entries = [msgspec.json.decode(line, type=_Line) for line in lines.read_bytes().splitlines()]
    pcm = (directory / "sound.pcm").read_bytes()
    ends = [entry.frame for entry in entries[1:]] + [len(pcm) // _FRAME_BYTES]
    heard: list[list[Run]] = []
    for entry, end in zip(entries, ends, strict=True):
        run = Run(entry.at, pcm[entry.frame * _FRAME_BYTES : end * _FRAME_BYTES])
        if not run.samples:
            continue
        if heard and run.start_s - heard[-1][-1].end_s < _APART_S:
            heard[-1].append(run)
        else:
            heard.append([run])
    if not heard:
        raise NothingHeard(f"nothing has sounded yet in {directory}")
    return heard


def write_wav(chosen: list[list[Run]], out: Path) -> float:
    """Write sounds one after the other, pauses within each as they were; returns the length in seconds."""
    sound = bytearray()
    for runs in chosen:
        if sound:
            sound += _silence(_BETWEEN_S)
        for before, run in zip([None, *runs], runs, strict=False):
            if before is not None:
                sound += _silence(run.start_s - before.end_s)
            sound += run.samples
    with wave.open(str(out), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(_FRAME_BYTES)
        file.setframerate(RATE)
        file.writeframes(sound)
    return len(sound) / _FRAME_BYTES / RATE


def started_at(runs: list[Run]) -> datetime:
    """Return the instant of a sound's first sample."""
    return datetime.fromtimestamp(runs[0].start_s, UTC)


def _silence(seconds: float) -> bytes:
    return bytes(_FRAME_BYTES * max(0, round(seconds * RATE)))
