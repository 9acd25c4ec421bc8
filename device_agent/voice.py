"""One item being sounded: decoded ahead in its own thread, read sample by sample by the player."""

import queue
import threading
from collections.abc import Callable, Iterator

import numpy as np

from device_agent.decoding import Samples, Unplayable
from device_agent.sinks.contract import RATE
from device_agent.trim import Course
from wire.messages import Item

LIVE_AHEAD_BLOCKS = 2
"""A voice that speaks now waits in its jitter buffer, which can leave frames out, and not here."""

AHEAD_BLOCKS = 50
"""One second: longer than any pause of a slow disk that was seen, and 190 kB."""

BATCHES = 5
"""In so many pieces what is read ahead is handed over: a thread that wakes for each block costs more than it
decodes. `GROWING` more make room for the first ones, which are short so that nothing waits for them."""

GROWING = 4

FADE_FRAMES = RATE // 20
"""50 ms, wire.md's fade on stop and pre-emption: no click, and no word more."""

SILENT_DB = -120.0


class Voice:
    """The sound of one item, ready to be read.

    Args:
        item: What it is.
        blocks: Its samples; read in a thread of this voice.
        offset_ms: Where in the item they begin.
        ahead: How many blocks are read ahead.
    """

    def __init__(
        self, item: Item, blocks: Iterator[Samples], offset_ms: int = 0, *, ahead: int = AHEAD_BLOCKS
    ) -> None:
        self.item = item
        self.offset_ms = offset_ms
        self.course: Course | None = None
        """Where it should be, from its first sample on."""
        self._fade_from: int | None = None
        self.read_frames = 0
        self.sounded = False
        self.underruns = 0
        self.failure: Unplayable | None = None
        self._peak = 0.0
        self._energy = 0.0
        self._kept: Samples = np.zeros(0, dtype=np.float32)
        self._at_end = False
        self._closed = threading.Event()
        most = max(1, ahead // BATCHES)
        self._queue: queue.Queue[Samples | Unplayable | None] = queue.Queue(
            ahead if most == 1 else BATCHES + GROWING
        )
        batches = _batches(blocks, most)
        self._thread = threading.Thread(target=self._feed, args=(batches,), name="decode", daemon=True)
        self._thread.start()

    @property
    def broadcast_id(self) -> str:
        """Name of the broadcast."""
        return self.item.broadcast_id

    @property
    def over(self) -> bool:
        """Whether no sample will come any more."""
        return self._at_end and not len(self._kept)

    @property
    def played_ms(self) -> int:
        """How much was read, in whole milliseconds."""
        return self.read_frames * 1000 // RATE

    @property
    def peak_db(self) -> float:
        """Highest sample read, dBFS."""
        return _decibels(self._peak)

    @property
    def rms_db(self) -> float:
        """Root mean square of all samples read, dBFS."""
        return _decibels((self._energy / max(self.read_frames, 1)) ** 0.5)

    def has_samples(self) -> bool:
        """Have at least one sample at hand, without waiting; False if there is none now, or ever (`over`)."""
        while not len(self._kept) and not self._at_end:
            try:
                got = self._queue.get_nowait()
            except queue.Empty:
                return False
            if isinstance(got, Unplayable):
                self.failure, self._at_end = got, True
            elif got is None:
                self._at_end = True
            else:
                self._kept = got
        return bool(len(self._kept))

    def read(self, frames: int, amplitude: float) -> Samples:
        """Return at most `frames` samples at an amplitude, fewer at the end or if decoding lags behind."""
        parts: list[Samples] = []
        missing = frames
        while missing and self.has_samples():
            part, self._kept = self._kept[:missing], self._kept[missing:]
            parts.append(part)
            missing -= len(part)
        sound = _joined(parts)
        if amplitude != 1.0:
            sound = sound * np.float32(amplitude)
        sound = self._faded(sound)
        self.read_frames += len(sound)
        if self._fade_from is not None and not len(sound):
            # What is to fall silent and has nothing at hand is silent: it must not hold up what comes next.
            self._at_end = True
        if len(sound):
            self._peak = max(self._peak, float(sound.max()), -float(sound.min()))
            self._energy += float(np.dot(sound, sound))
        return sound

    @property
    def is_to_fade_now(self) -> bool:
        """Whether the next sample read is the first one to fade."""
        return self._fade_from is not None and self._fade_from >= self.read_frames

    def unread(self, frames: int) -> None:
        """Take note that the last so many frames never sounded; of the rest the level is the same."""
        kept = max(0, self.read_frames - frames)
        self._energy *= kept / max(self.read_frames, 1)
        self.read_frames = kept

    def fade_at(self, frame: int) -> None:
        """Fade out from this frame of the voice on; the first wish to do so counts."""
        if self._fade_from is None:
            self._fade_from = frame

    def close(self) -> None:
        """End the thread; what was decoded ahead is dropped."""
        self._closed.set()
        while not self._queue.empty():
            self._queue.get_nowait()

    def _faded(self, sound: Samples) -> Samples:
        if self._fade_from is None:
            return sound
        place = np.arange(self.read_frames, self.read_frames + len(sound)) - self._fade_from
        if place.size and place[-1] >= FADE_FRAMES - 1:
            sound = sound[place < FADE_FRAMES]
            place = place[place < FADE_FRAMES]
            self._at_end, self._kept = True, self._kept[:0]
        return sound * np.clip(1.0 - place / FADE_FRAMES, 0.0, 1.0).astype(np.float32)

    def _feed(self, batches: Iterator[Samples]) -> None:
        try:
            for batch in batches:
                self._put(batch)
                if self._closed.is_set():
                    return
            self._put(None)
        except Unplayable as error:
            self._put(error)

    def _put(self, what: Samples | Unplayable | None) -> None:
        while not self._closed.is_set():
            try:
                self._queue.put(what, timeout=0.2)
            except queue.Full:
                continue
            return


def _batches(blocks: Iterator[Samples], most: int) -> Iterator[Samples]:
    """Join blocks: the first one stays alone, then ever more, up to so many."""
    waiting: list[Samples] = []
    size = 1
    try:
        for block in blocks:
            waiting.append(block)
            if len(waiting) >= size:
                yield _joined(waiting)
                waiting, size = [], min(2 * size, most)
    except Unplayable:
        yield _joined(waiting)
        raise
    yield _joined(waiting)


def _joined(parts: list[Samples]) -> Samples:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)


def _decibels(amplitude: float) -> float:
    return SILENT_DB if amplitude == 0.0 else max(SILENT_DB, 20.0 * float(np.log10(amplitude)))


OpenVoice = Callable[[Item, int], Voice]
