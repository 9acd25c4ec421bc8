"""A probe beside a loudspeaker, simulated: what was written, what of it arrives where a microphone hangs."""

import numpy as np
from numpy.typing import NDArray

from device_agent.evidence.following import Following
from device_agent.evidence.timeline import SECOND_NS, Samples, Timeline
from device_agent.evidence.verdict import Finding

RATE = 48_000
START_NS = 1_000 * SECOND_NS
TICK_NS = SECOND_NS // 10
AHEAD_NS = 2 * TICK_NS
"""The player writes before it sounds, as a real one does."""

Sound = NDArray[np.floating]


def judge(
    expected: Sound,
    arrives: Sound,
    *,
    delay_ms: float = 120.0,
    heard_hz: int = RATE,
    deaf_after_s: float = np.inf,
    room: float = 1e-5,
) -> Finding:
    """Write a sound, let a probe hear another one at `heard_hz`, and return what there is to say.

    Both begin with two seconds of silence; `arrives` begins `delay_ms` after `expected`. When the last
    sample has been written, the probe has heard what has sounded by then and no more.
    """
    written, heard = Timeline(RATE), Timeline(heard_hz)
    following = Following(written)
    following.begin("a", START_NS)
    silence_ns = 2 * SECOND_NS
    end_ns = START_NS + len(expected) * SECOND_NS // RATE
    first = round((2.0 + delay_ms / 1000) * heard_hz)
    frames = max(first + len(arrives), 2 * heard_hz + len(expected) * heard_hz // RATE)
    around = np.zeros(frames, dtype=np.float32)
    around[first : first + len(arrives)] = arrives
    around += (room * np.random.default_rng(3).standard_normal(len(around))).astype(np.float32)
    lead = np.concatenate((np.zeros(2 * RATE), expected)).astype(np.float32)
    for now_ns in range(START_NS - silence_ns, end_ns - AHEAD_NS, TICK_NS):
        _add(written, lead, START_NS - silence_ns, now_ns + AHEAD_NS)
        if now_ns < START_NS + deaf_after_s * SECOND_NS:
            _add(heard, around, START_NS - silence_ns, now_ns)
        following.follow(heard)
    return following.end("a", len(expected) * 1000 // RATE, heard)


class Evening:
    """Several items one after the other, heard as they are written as long as the loudspeaker works."""

    def __init__(self) -> None:
        self._written, self._heard = Timeline(RATE), Timeline(RATE)
        self._following = Following(self._written)
        self.loudspeaker = 1.0
        self._now_ns = START_NS
        self._play(np.zeros(2 * RATE))

    def play(self, broadcast_id: str, sound: Sound) -> Finding:
        """Let an item begin, or go on, and end after these samples."""
        self._following.begin(broadcast_id, self._now_ns)
        self._play(sound)
        return self._following.end(broadcast_id, len(sound) * 1000 // RATE, self._heard)

    def _play(self, sound: Sound) -> None:
        for start in range(0, len(sound), RATE // 10):
            part = np.asarray(sound[start : start + RATE // 10], dtype=np.float32)
            self._written.add(self._now_ns, part)
            self._heard.add(self._now_ns, np.float32(self.loudspeaker) * part)
            self._now_ns += len(part) * SECOND_NS // RATE
            self._following.follow(self._heard)


def _add(timeline: Timeline, sound: Samples, first_ns: int, at_ns: int) -> None:
    """Give a timeline a tenth of a second of a sound that begins at `first_ns`."""
    start = (at_ns - first_ns) * timeline.rate_hz // SECOND_NS
    part = sound[start : start + timeline.rate_hz // 10]
    if len(part):
        timeline.add(at_ns, part)


def with_noise(sound: Sound, snr_db: float, *, seed: int = 5) -> Sound:
    """Add white noise that is so much weaker than the sound is on the average."""
    rms = float(np.sqrt(np.mean(np.square(sound))))
    noise = np.random.default_rng(seed).standard_normal(len(sound))
    return sound + rms * 10 ** (-snr_db / 20) * noise


def in_a_room(sound: Sound, *, seconds: float = 1.0, direct_db: float = 0.0) -> Sound:
    """Add reverberation: noise that dies by 60 dB in so many seconds, `direct_db` under the direct sound."""
    frames = round(seconds * RATE)
    tail = np.random.default_rng(2).standard_normal(frames) * 10 ** (-3 * np.arange(frames) / frames)
    tail[: RATE // 200] = 0
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(np.square(tail)))
    tail[0] = 1.0
    length = len(sound) + frames
    return np.fft.irfft(np.fft.rfft(sound, length) * np.fft.rfft(tail, length), length)


def through_a_horn(sound: Sound) -> Sound:
    """Overdrive it, turn its phase, and let pass what a horn does: 400 to 5,000 Hz."""
    driven = -np.clip(8 * sound, -0.5, 0.5)
    spectrum = np.fft.rfft(driven)
    hertz = np.fft.rfftfreq(len(driven), 1 / RATE)
    passes = 1 / (1 + (400 / np.maximum(hertz, 1)) ** 4) / (1 + (hertz / 5_000) ** 4)
    return np.fft.irfft(spectrum * passes * np.exp(1j * np.pi / 3), len(driven))
