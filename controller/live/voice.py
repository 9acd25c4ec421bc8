"""One press of the button: what comes from a phone, and what is passed on of it. Sans-I/O.

A gateway hears nothing that was published before it had subscribed, and it subscribes only once it holds the
signed order. So the beginning is said again and again: in the first second after the order what is new goes
out together with all before it (at most `REPEATED_FRAMES`), in bursts, and the broker keeps the last of them
for whoever subscribes next. A gateway that joins late starts at the first syllable, and one that was there
already ignores what it knows. Afterwards each frame goes out once,
as it comes: MQTT over TCP loses single packets to nobody. The last packet is said several times too.

Times are milliseconds of any clock that only runs forwards.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from controller.live.effects import Effects, Ended, Forget, Order, Publish, Reason
from controller.live.frames import Frame
from wire.live import FRAME_MS, MAX_FRAMES, LivePacket

LOST_AFTER_MS = 1_500
"""So long without a frame or a ping, and the phone is lost; gateways are silent within two seconds."""

UNHEARD_AFTER_MS = 1_500
"""So long without anything that could be handed to the broker, and nobody hears it any more."""

OPENING_MS = 1_000
"""How long the beginning is repeated: gateways behind 3G have subscribed by then."""

REPEATED_FRAMES = MAX_FRAMES
"""At most so much is said again at once: 1 s, some 3.3 kB, 220 kbit/s at its worst."""

_BURSTS_MS = (0, 40, 80, 120, 160, 200, 260, 320, 400, 480, 560, 660, 760, 880, OPENING_MS)
"""When, after the order, the beginning goes out. Never more than 120 ms apart: the 200 ms of pre-roll that
gateways have in hand carry them over."""

_LAST_BURSTS_MS = (60, 160, 320, 640, 1_280)
"""When, after the end, the last packet goes out again."""

AHEAD_MS = 1_000
"""Frames may run so far ahead of the clock: 200 ms of pre-roll, and what a stalled line let go at once."""

MOST_BAD_FRAMES = 50


class Phase(StrEnum):
    """How far a voice is."""

    ARMED = "armed"
    ORDERING = "ordering"
    TALKING = "talking"
    ENDED = "ended"


@dataclass(slots=True)
class Voice:
    """One session: from arming to its last packet.

    Args:
        longest_ms: Hard limit, counted from the order.
    """

    longest_ms: int
    phase: Phase = Phase.ARMED
    frames: list[Frame] = field(default_factory=list)
    """All that was said and is not thrown away, in order; what is missing between two was left out."""
    bad_frames: int = 0
    _heard_at: int = 0
    _pressed_at: int = 0
    _opens_at: int | None = None
    _end: Reason | None = None
    _bursts: list[int] = field(default_factory=list)
    """When the next ones are due, earliest first."""
    _unsent_since: int | None = None
    """Since when nothing could be handed to the broker."""
    _repeats: bool = True
    """Whether a burst holds the beginning too."""

    @property
    def said_ms(self) -> int:
        """From the first frame to the last, gaps included."""
        return (self._next_number - self.frames[0].number) * FRAME_MS if self.frames else 0

    def press(self, at_ms: int) -> Effects:
        """Begin; a second press changes nothing."""
        if self.phase is not Phase.ARMED:
            return ()
        self.phase, self._pressed_at, self._heard_at = Phase.ORDERING, at_ms, at_ms
        return (Order(),)

    def ordered(self, at_ms: int, *, opens_in_ms: int = 0) -> Effects:
        """Learn that the order is committed: from now on gateways may hear it.

        Args:
            at_ms: The present.
            opens_in_ms: A test or a drill is announced first; what is said meanwhile is left out.
        """
        if self.phase is not Phase.ORDERING or self._opens_at is not None:
            return ()
        self._opens_at = at_ms + opens_in_ms
        if opens_in_ms:
            self.frames.clear()
        self._bursts = [self._opens_at + after for after in _BURSTS_MS]
        if self._end is not None:
            return self._close(self._end, at_ms)
        self.phase = Phase.TALKING
        return self.on_time(at_ms)

    def refused(self) -> Effects:
        """Learn that there is no order: nothing goes out, ever."""
        self.phase, self._bursts = Phase.ENDED, []
        self.frames.clear()
        return ()

    def frame(self, frame: Frame, at_ms: int) -> Effects:
        """Take a frame that was checked; one too early, too late or out of turn is left out and counted."""
        if self.phase not in (Phase.ORDERING, Phase.TALKING) or self._end is not None:
            return ()
        self._heard_at = at_ms
        over = self.on_time(at_ms)
        if self._has_ended:
            return over
        latest = at_ms - self._pressed_at + AHEAD_MS
        if frame.number < self._next_number or (frame.number + 1) * FRAME_MS > latest:
            return over + self.bad_frame(at_ms)
        if self._opens_at is not None and at_ms < self._opens_at:
            return over
        self.frames.append(frame)
        if self.phase is Phase.TALKING and not self._bursts:
            return (*over, Publish(LivePacket(frame.number, (frame.data,))))
        return over

    def bad_frame(self, at_ms: int) -> Effects:
        """Count what is no frame; too many of them end it."""
        self.bad_frames += 1
        if self.bad_frames >= MOST_BAD_FRAMES:
            return self.end(Reason.BAD_FRAMES, at_ms)
        return ()

    def ping(self, at_ms: int) -> Effects:
        """Learn that the phone is there, though it has nothing to say."""
        self._heard_at = max(self._heard_at, at_ms)
        return ()

    def went_out(self) -> None:
        """Learn that a packet was handed to the broker."""
        self._unsent_since = None

    def did_not_go_out(self, at_ms: int) -> Effects:
        """Learn that the broker is away; for a moment that is nothing, gateways conceal it."""
        if self._unsent_since is None:
            self._unsent_since = at_ms
        if self.phase is Phase.TALKING and at_ms - self._unsent_since >= UNHEARD_AFTER_MS:
            return self.end(Reason.UNHEARD, at_ms)
        return ()

    def end(self, reason: Reason, at_ms: int) -> Effects:
        """End it, whoever wants that. Before the order is there, it ends once it is."""
        if self._end is not None or self.phase in (Phase.ARMED, Phase.ENDED):
            return ()
        if self.phase is Phase.ORDERING:
            if reason is Reason.TOO_SHORT:
                self.frames.clear()
            self._end = reason
            return ()
        # What has gone out was said, however short.
        self._end = Reason.RELEASED if reason is Reason.TOO_SHORT else reason
        return self._close(self._end, at_ms)

    def on_time(self, at_ms: int) -> Effects:
        """Do what is due. Safe to call early or twice."""
        if self.phase is Phase.TALKING:
            if at_ms - self._begun_at >= self.longest_ms:
                return self.end(Reason.LIMIT, at_ms)
            if at_ms - self._heard_at >= LOST_AFTER_MS:
                return self.end(Reason.LOST, at_ms)
        if not self._bursts or at_ms < self._bursts[0]:
            return ()
        self._bursts = [due for due in self._bursts if due > at_ms]
        return self._burst()

    def next_wake(self) -> int | None:
        """Return when to call `on_time` next; None if only an event can tell, or it is all over."""
        due = list(self._bursts[:1])
        if self.phase is Phase.TALKING:
            due += [self._begun_at + self.longest_ms, self._heard_at + LOST_AFTER_MS]
        return min(due, default=None)

    @property
    def is_ending(self) -> bool:
        """Whether it was ended and only waits for its order to be there."""
        return self._end is not None

    @property
    def last_packet(self) -> LivePacket:
        """Says that nothing comes after what was said."""
        return LivePacket(self._next_number, (), is_last=True)

    @property
    def _begun_at(self) -> int:
        return self._pressed_at if self._opens_at is None else self._opens_at

    @property
    def _has_ended(self) -> bool:
        return self.phase is Phase.ENDED

    @property
    def _next_number(self) -> int:
        return self.frames[-1].number + 1 if self.frames else 0

    def _close(self, reason: Reason, at_ms: int) -> Effects:
        self.phase = Phase.ENDED
        self._repeats = bool(self._bursts)
        opening = [due for due in self._bursts if due > at_ms]
        self._bursts = sorted({*opening, *(at_ms + after for after in _LAST_BURSTS_MS)})
        return (*self._burst(), Ended(reason, self.said_ms))

    def _burst(self) -> Effects:
        """Say the beginning, or the end, or both, again; the last burst of all is not kept."""
        newest = packets(self.frames[-REPEATED_FRAMES:] if self._repeats else [])
        if self.phase is Phase.ENDED:
            last = newest.pop() if newest else self.last_packet
            newest.append(LivePacket(last.first, last.frames, is_last=True))
        if not self._bursts:
            return (*map(Publish, newest), Forget())
        # Of a beginning with gaps only the last packet could be kept, and that would be worse than none.
        stays = len(newest) == 1
        return tuple(Publish(packet, stays=stays) for packet in newest)


def packets(frames: list[Frame]) -> list[LivePacket]:
    """Return frames in as few packets as hold them: a gap in the numbers begins a new one."""
    runs: list[list[Frame]] = [[frame] for frame in frames[:1]]
    for before, frame in pairwise(frames):
        if frame.number == before.number + 1 and len(runs[-1]) < MAX_FRAMES:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    return [LivePacket(run[0].number, tuple(frame.data for frame in run)) for run in runs]
