"""Which known sounds a recording holds, from where to where; also pieces of them, and what is none of them.

A sound is recognised by stretches of `CHUNK` samples, each against its own energy, so neither volume nor a
cut in the middle hides it. Give every broadcast of a test a sound of its own (`support.voices.speech` with
another sentence, `support.media.murmur` with another seed), and no chime: what is the same cannot be told
apart.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from support.recording import RATE, Recording, Run
from support.sound import normalised_cross_correlation

Samples = NDArray[np.float32]

CHUNK = RATE // 10
"""What is recognised at once: 100 ms; a shorter scrap at an edge is not held against anybody."""

SURE = 0.98
"""Correlation from which on a chunk is taken from a sound: what was decoded and recorded is exact."""

STEP = RATE // 20
"""How finely it is said where a recognised sound begins and ends: 50 ms."""

EXACT = 0.9999
"""Correlation at which nothing better is sought: the samples themselves, but for their rounding."""

LIKELY = 0.9
"""Correlation of a step at the place where a sure chunk puts it: fades, and a block that is missing."""

QUIET = 0.003
"""Amplitude under which nobody hears anything, full scale 1 (-50 dBFS)."""

SCRAP_S = 0.35
"""Sound of no known origin that is let pass: the two ends of a fade are no chunk of their own."""

TOGETHER_S = 2.0
"""Runs closer than this are listened to as one: speech has pauses."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A known sound, or a part of it, as it was heard."""

    name: str
    at_s: float
    """Unix seconds of its first recognised sample."""
    from_ms: int
    """Where in the sound it begins."""
    to_ms: int
    """Where in the sound it ends."""

    @property
    def start_at(self) -> datetime:
        return datetime.fromtimestamp(self.at_s, UTC)

    @property
    def end_at(self) -> datetime:
        return datetime.fromtimestamp(self.at_s + self.length_ms / 1000, UTC)

    @property
    def length_ms(self) -> int:
        return self.to_ms - self.from_ms


@dataclass(frozen=True, slots=True)
class Foreign:
    """Sound that is none of the known ones."""

    at_s: float
    length_ms: int

    @property
    def start_at(self) -> datetime:
        return datetime.fromtimestamp(self.at_s, UTC)


@dataclass(frozen=True, slots=True)
class Heard:
    """All that one recording holds."""

    stretches: tuple[Stretch, ...]
    foreign: tuple[Foreign, ...]


def listen(
    recording: Recording, sounds: Mapping[str, Samples], expected: Mapping[str, datetime] | None = None
) -> Heard:
    """Recognise everything in a recording.

    Args:
        recording: Of one gateway.
        sounds: By name, mono samples at 48 kHz as the gateway decodes them, each shape (n,).
        expected: When each should sound. It changes nothing but how soon it is found: the nearest are
            tried first.

    Returns:
        Stretches in the order in which they sounded, and what was not recognised.
    """
    stretches: list[Stretch] = []
    foreign: list[Foreign] = []
    for start_s, samples in _bursts(recording.runs):
        burst = _Burst(
            samples, sounds, {name: at.timestamp() - start_s for name, at in (expected or {}).items()}
        )
        burst.listen()
        stretches += [
            Stretch(name, start_s + first / RATE, _ms(first - shift), _ms(last - shift))
            for name, shift, first, last in burst.found
        ]
        foreign += [Foreign(start_s + first / RATE, _ms(last - first)) for first, last in burst.unknown()]
    stretches.sort(key=lambda stretch: stretch.at_s)
    return Heard(tuple(stretches), tuple(foreign))


class _Burst:
    """Sound with no long pause in it, shape (n,)."""

    def __init__(
        self, samples: Samples, sounds: Mapping[str, Samples], expected_s: Mapping[str, float]
    ) -> None:
        self._samples = samples
        self._sounds = sounds
        self._expected_s = expected_s
        self._explained = np.zeros(len(samples), dtype=bool)
        self.found: list[tuple[str, int, int, int]] = []
        """Name, frame at which the whole sound would begin, first frame and last frame of the stretch."""

    def listen(self) -> None:
        """Seek what begins at each place that is not explained yet."""
        place = self._next_unknown(0)
        while place is not None:
            guess = self._recognise(place)
            taken = guess is not None and self._take(*guess)
            place = self._next_unknown(place if taken else place + CHUNK // 4)

    def unknown(self) -> Iterator[tuple[int, int]]:
        """Yield the spans of sound that nothing explains, longer than a scrap."""
        audible = (np.abs(self._samples) > QUIET) & ~self._explained
        frames = np.flatnonzero(audible)
        if not len(frames):
            return
        for span in np.split(frames, np.flatnonzero(np.diff(frames) > CHUNK // 2) + 1):
            if span[-1] - span[0] >= SCRAP_S * RATE:
                yield int(span[0]), int(span[-1]) + 1

    def _next_unknown(self, place: int) -> int | None:
        audible = (np.abs(self._samples[place:]) > QUIET) & ~self._explained[place:]
        first = int(np.argmax(audible)) if audible.any() else None
        if first is None or place + first + CHUNK > len(self._samples):
            return None
        return place + first

    def _recognise(self, place: int) -> tuple[str, int] | None:
        """Find the sound that a chunk is cut from, and the frame at which that sound would begin."""
        chunk = self._samples[place : place + CHUNK]
        best: tuple[float, str, int] | None = None
        for name in self._nearest_first(place / RATE):
            sound = self._sounds[name]
            if len(sound) < CHUNK:
                continue
            surely, lag = normalised_cross_correlation(sound, chunk)
            if surely >= SURE and (best is None or surely > best[0]):
                best = surely, name, place - lag
                if surely >= EXACT:
                    break
        return None if best is None else best[1:]

    def _nearest_first(self, at_s: float) -> list[str]:
        def far_s(name: str) -> float:
            return abs(self._expected_s.get(name, float("inf")) - at_s)

        return sorted(self._sounds, key=far_s)

    def _take(self, name: str, shift: int) -> bool:
        """Mark what of this sound is here; False if it explains nothing new."""
        sound = self._sounds[name]
        first, last = max(0, shift), min(len(self._samples), shift + len(sound))
        heard = np.where(self._explained[first:last], 0, self._samples[first:last])
        spans = list(_alike(heard, sound[first - shift : last - shift]))
        for begin, end in spans:
            self._explained[first + begin : first + end] = True
            self.found.append((name, shift, first + begin, first + end))
        return bool(spans)


def _alike(heard: Samples, meant: Samples) -> Iterator[tuple[int, int]]:
    """Yield spans in which two sounds are the same; where both are silent nothing is said against it."""
    begin: int | None = None
    end = 0
    for start in range(0, len(meant), STEP):
        a = heard[start : start + STEP].astype(np.float64)
        b = meant[start : start + STEP].astype(np.float64)
        if np.abs(a).max() <= QUIET and np.abs(b).max() <= QUIET:
            continue
        if float(a @ b) >= LIKELY * float(np.sqrt((a @ a) * (b @ b))) > 0:
            begin, end = start if begin is None else begin, start + len(a)
        elif begin is not None:
            yield begin, end
            begin = None
    if begin is not None:
        yield begin, end


def _bursts(runs: list[Run]) -> Iterator[tuple[float, Samples]]:
    """Yield the recording in pieces that pauses part, with the Unix second at which each begins."""
    group: list[Run] = []
    for run in sorted(runs, key=lambda each: each.start_s):
        if group and run.start_s - max(each.end_s for each in group) > TOGETHER_S:
            yield _joined(group)
            group = []
        group.append(run)
    if group:
        yield _joined(group)


def _joined(group: list[Run]) -> tuple[float, Samples]:
    start_s = group[0].start_s
    frames = round((max(run.end_s for run in group) - start_s) * RATE)
    samples = np.zeros(frames, dtype=np.float32)
    for run in group:
        first = round((run.start_s - start_s) * RATE)
        length = min(len(run.samples), frames - first)
        # Two processes never sound at once; were it so, both would be heard.
        samples[first : first + length] += run.samples[:length]
    return start_s, samples


def _ms(frames: int) -> int:
    return round(frames * 1000 / RATE)
