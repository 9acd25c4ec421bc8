"""Which sample of which item falls into which frame of the sound device. No thread, no clock, no device.

One item sounds at a time. The next one begins at its own instant, to the sample; if it pre-empts, what
sounds is faded so that it is silent by then, and if it does not, it waits for the last sample before it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from device_agent.effects import ClockStepped, Cue, PlayerEffect, SetVolume, StartPlaying, StopPlaying
from device_agent.instants import from_unix_ns, unix_ns
from device_agent.player_events import Failed, Finished, PlayerEvent, Progress, Started
from device_agent.sinks.contract import BLOCK_FRAMES, RATE, Block
from device_agent.trim import Course
from device_agent.voice import FADE_FRAMES, OpenVoice, Voice
from wire.types import Priority

_SECOND_NS = 1_000_000_000
PROGRESS_FRAMES = RATE
"""A checkpoint for each second played: what a power cut may cost of the record."""


@dataclass(slots=True)
class _Next:
    voice: Voice
    at_ns: int
    """By the wall clock, Unix nanoseconds."""
    preempts: tuple[str, ...]


@dataclass(slots=True)
class Composed:
    """One block, and what happened in it in order: who began in which frame, who ended (None)."""

    block: Block = field(default_factory=lambda: np.zeros(BLOCK_FRAMES, dtype=np.float32))
    happened: list[tuple[Voice, int | None]] = field(default_factory=list)
    late_ns: int | None = None
    """How much later than it should its item sounds; None if nothing does."""


class Sequencer:
    """Composes blocks from what it was asked to play.

    Args:
        open_voice: Opens an item at an offset; returns at once, decoding goes on elsewhere.
        say: Takes what there is to tell, in the order in which it happened.
    """

    def __init__(self, open_voice: OpenVoice, say: Callable[[PlayerEvent], None]) -> None:
        self._open_voice = open_voice
        self._say = say
        self._amplitude = self._ceiling = 1.0
        self._cued: dict[str, Voice] = {}
        self._current: Voice | None = None
        self._next: list[_Next] = []
        self._told_frames = 0

    def do(self, effect: PlayerEffect) -> None:
        """Take one wish of the core."""
        match effect:
            case Cue(item):
                if item.broadcast_id not in self._cued:
                    self._cued[item.broadcast_id] = self._open_voice(item, 0)
            case StartPlaying():
                self._start(effect)
            case StopPlaying(broadcast_id):
                self._stop(broadcast_id)
            case ClockStepped(step_ms):
                for upcoming in self._next:
                    upcoming.at_ns += step_ms * 1_000_000
            case SetVolume(percent, ceiling_db):
                self._ceiling = 10 ** (ceiling_db / 20)
                self._amplitude = min(percent / 100, self._ceiling)

    def sounds_at_ns(self, first_ns: int, wall_minus_monotonic_ns: int) -> int | None:
        """Return from when on something sounds, as far as is known: None, an instant ahead, or `first_ns`.

        Args:
            first_ns: As for `compose`.
            wall_minus_monotonic_ns: As for `compose`.
        """
        if self._current is not None:
            return first_ns
        starts = [upcoming.at_ns for upcoming in self._next]
        starts += [unix_ns(voice.item.start_at) for voice in self._cued.values()]
        return min(starts) - wall_minus_monotonic_ns if starts else None

    def overdue_frames(self, first_ns: int, wall_minus_monotonic_ns: int) -> int:
        """Return by how many frames before its next block something should change: a fade, or a beginning.

        Args:
            first_ns: As for `compose`.
            wall_minus_monotonic_ns: As for `compose`.

        Returns:
            0 if the next block is early enough.
        """
        current = self._current
        if current is not None and current.is_to_fade_now:
            return RATE
        upcoming = self._next[0] if self._next else None
        if upcoming is None or not upcoming.voice.has_samples():
            return 0
        ahead = _frame_of(upcoming.at_ns, first_ns + wall_minus_monotonic_ns)
        if current is None:
            return max(0, -ahead)
        return max(0, FADE_FRAMES - ahead) if current.broadcast_id in upcoming.preempts else 0

    @property
    def is_held_up(self) -> bool:
        """Whether something that is to pre-empt has not been decoded yet."""
        return bool(self._next) and not self._next[0].voice.has_samples() and not self._next[0].voice.over

    @property
    def is_silent(self) -> bool:
        """Whether no item sounds."""
        return self._current is None

    def cut_off(self, unheard_frames: int) -> None:
        """End what sounds: it was faded out in what had been composed.

        Args:
            unheard_frames: How much of it was composed and will not sound.
        """
        if self._current is not None:
            self._current.unread(unheard_frames)
            self._ended(self._current)
            self._current = None

    def compose(self, first_ns: int, wall_minus_monotonic_ns: int, not_before_ns: int = 0) -> Composed:
        """Return the next block; `written` must follow.

        Args:
            first_ns: Monotonic instant at which its first sample will sound.
            wall_minus_monotonic_ns: What the wall clock is ahead of the monotonic one, read just now.
            not_before_ns: Monotonic instant before which no item begins: the amplifier is not there yet.
        """
        composed, cursor = Composed(), 0
        unix_first_ns = first_ns + wall_minus_monotonic_ns
        earliest = _frame_of(not_before_ns, first_ns)
        while cursor < BLOCK_FRAMES:
            if self._current is None:
                begins = self._begin(max(cursor, earliest), unix_first_ns, composed)
                if begins is None:
                    break
                cursor = begins
            else:
                cursor = self._sound(self._current, cursor, unix_first_ns, composed)
        return composed

    def written(self, composed: Composed, first_ns: int, wall_minus_monotonic_ns: int, *, dry: int) -> None:
        """Tell of a block that the device took.

        Args:
            composed: The block.
            first_ns: Monotonic instant at which its first sample really sounds.
            wall_minus_monotonic_ns: As for `compose`.
            dry: How often the device ran dry before it.
        """
        if self._current is not None:
            self._current.underruns += dry
        for voice, frame in composed.happened:
            if frame is not None:
                voice.sounded, self._told_frames = True, 0
                at = from_unix_ns(first_ns + wall_minus_monotonic_ns + frame * _SECOND_NS // RATE)
                self._say(Started(voice.broadcast_id, at))
            else:
                self._ended(voice)
        if self._current is not None and self._current.read_frames - self._told_frames >= PROGRESS_FRAMES:
            self._told_frames = self._current.read_frames
            self._say(Progress(self._current.broadcast_id, self._current.played_ms))

    def fail(self, reason: str, untaken: Composed) -> None:
        """Give up all that sounds or is about to: there is no sound device.

        Args:
            reason: A stable word for the record.
            untaken: The block that the device did not take; what ended in it did not.
        """
        lost = [voice for voice, frame in untaken.happened if frame is None]
        lost += [self._current] if self._current is not None else []
        lost += [upcoming.voice for upcoming in self._next]
        self._current, self._next = None, []
        for voice in lost:
            voice.close()
            played_ms = voice.played_ms if voice.sounded else 0
            peak_db = voice.peak_db if voice.sounded else None
            rms_db = voice.rms_db if voice.sounded else None
            failed = Failed(voice.broadcast_id, reason, played_ms, peak_db, voice.underruns, rms_db=rms_db)
            self._say(failed)

    def close(self) -> None:
        """End all decoding."""
        for voice in (*self._cued.values(), *(upcoming.voice for upcoming in self._next)):
            voice.close()
        if self._current is not None:
            self._current.close()

    def _start(self, wish: StartPlaying) -> None:
        voice = self._cued.pop(wish.item.broadcast_id, None)
        if voice is not None and (wish.offset_ms or voice.item != wish.item):
            voice.close()
            voice = None
        if voice is None:
            voice = self._open_voice(wish.item, wish.offset_ms)
        for upcoming in [upcoming for upcoming in self._next if upcoming.voice.broadcast_id in wish.preempts]:
            self._drop(upcoming)
        self._next.append(_Next(voice, unix_ns(wish.at), wish.preempts))

    def _stop(self, broadcast_id: str) -> None:
        cued = self._cued.pop(broadcast_id, None)
        if cued is not None:
            cued.close()
        if self._current is not None and self._current.broadcast_id == broadcast_id:
            self._current.fade_at(self._current.read_frames)
        for upcoming in [upcoming for upcoming in self._next if upcoming.voice.broadcast_id == broadcast_id]:
            self._drop(upcoming)

    def _drop(self, upcoming: _Next) -> None:
        self._next.remove(upcoming)
        upcoming.voice.close()
        self._say(Finished(upcoming.voice.broadcast_id, played_ms=0))

    def _begin(self, cursor: int, unix_first_ns: int, composed: Composed) -> int | None:
        """Let the next item begin in this block, if it is its time; return its frame."""
        while self._next:
            upcoming = self._next[0]
            has_samples = upcoming.voice.has_samples()
            if upcoming.voice.over:
                self._next.pop(0)
                composed.happened.append((upcoming.voice, None))
                continue
            frame = max(cursor, _frame_of(upcoming.at_ns, unix_first_ns))
            if frame >= BLOCK_FRAMES or not has_samples:
                return None
            self._next.pop(0)
            self._current = upcoming.voice
            if upcoming.voice.item.live is None:
                upcoming.voice.course = Course(upcoming.at_ns, unix_first_ns + frame * _SECOND_NS // RATE)
            composed.happened.append((upcoming.voice, frame))
            return frame
        return None

    def _sound(self, voice: Voice, cursor: int, unix_first_ns: int, composed: Composed) -> int:
        """Fill the block from `cursor` on with what sounds; return where it stopped."""
        if voice.course is not None:
            cursor_ns = unix_first_ns + cursor * _SECOND_NS // RATE
            composed.late_ns = voice.course.late_ns(voice.read_frames, cursor_ns)
        upcoming = self._next[0] if self._next else None
        if upcoming is not None and voice.broadcast_id in upcoming.preempts and upcoming.voice.has_samples():
            frames_left = _frame_of(upcoming.at_ns, unix_first_ns) - cursor
            if frames_left - FADE_FRAMES < BLOCK_FRAMES - cursor:
                voice.fade_at(voice.read_frames + max(0, frames_left - FADE_FRAMES))
        urgent = voice.item.priority is Priority.EMERGENCY
        sound = voice.read(BLOCK_FRAMES - cursor, self._ceiling if urgent else self._amplitude)
        composed.block[cursor : cursor + len(sound)] = sound
        cursor += len(sound)
        if voice.over:
            self._current = None
            composed.happened.append((voice, None))
            return cursor
        if cursor < BLOCK_FRAMES:
            # Decoding lags behind: the rest of this block is silence, and that is on record.
            voice.underruns += 1
        return BLOCK_FRAMES

    def _ended(self, voice: Voice) -> None:
        voice.close()
        peak_db = voice.peak_db if voice.sounded else None
        rms_db = voice.rms_db if voice.sounded else None
        if voice.failure is not None:
            failed = Failed(
                voice.broadcast_id,
                voice.failure.reason,
                voice.played_ms,
                peak_db,
                voice.underruns,
                voice.failure.bad_clip,
                rms_db,
            )
            self._say(failed)
        else:
            self._say(Finished(voice.broadcast_id, voice.played_ms, peak_db, voice.underruns, rms_db))


def _frame_of(at_ns: int, unix_first_ns: int) -> int:
    """Return the frame, counted from the block's first, that sounds nearest to an instant."""
    return ((at_ns - unix_first_ns) * RATE + _SECOND_NS // 2) // _SECOND_NS
