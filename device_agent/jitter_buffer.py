"""Live frames in their order, a little late, so that most that were held up still come in time. Sans-I/O."""

from dataclasses import dataclass, field
from enum import Enum, auto

from wire.live import FRAME_MS, LivePacket

START_FRAMES = 3
"""60 ms are gathered before the first sample: twice the p95 that was measured from page to gateway, 33 ms."""

DEEPEST_FRAMES = 1_000 // FRAME_MS
"""More than a second behind, the oldest are left out: who speaks for a village must not speak ever later. Not
less than that: a gateway behind 3G that has just subscribed is sent all from the first syllable on."""

HOPELESS_FRAMES = 2
"""A frame is given up when this many after it are there."""


class Gap(Enum):
    """What there is when there is no frame."""

    NOT_YET = auto()
    """Wait for a packet."""
    LOST = auto()
    """Conceal one frame: it did not come, and later ones have."""
    END = auto()
    """The last frame was taken."""


@dataclass(slots=True)
class JitterBuffer:
    """The frames of one session as they come and as they are to sound."""

    lost: int = 0
    """Frames that were concealed."""
    skipped: int = 0
    """Frames left out to catch up."""
    _held: dict[int, bytes] = field(default_factory=dict)
    _next: int | None = None
    _end: int | None = None
    _gathered: bool = False

    def put(self, packet: LivePacket) -> None:
        """Take a packet; one that comes twice or too late changes nothing."""
        if self._next is None:
            self._next = packet.first
        for number, frame in enumerate(packet.frames, start=packet.first):
            if number >= self._next:
                self._held.setdefault(number, frame)
        if packet.is_last:
            self._end = packet.first + len(packet.frames)
        if len(self._held) > DEEPEST_FRAMES:
            self._catch_up()

    def take(self) -> bytes | Gap:
        """Return the next frame, or why there is none."""
        if self._next is None:
            return Gap.NOT_YET
        if self._end is not None and self._next >= self._end:
            return Gap.END
        if not self._gathered and len(self._held) < START_FRAMES and self._end is None:
            return Gap.NOT_YET
        self._gathered = True
        frame = self._held.pop(self._next, None)
        if frame is None:
            if len(self._held) < HOPELESS_FRAMES and self._end is None:
                return Gap.NOT_YET
            self.lost += 1
        self._next += 1
        return Gap.LOST if frame is None else frame

    def _catch_up(self) -> None:
        newest = sorted(self._held)[-START_FRAMES:]
        assert self._next is not None  # noqa: S101 - set by the first packet
        self.skipped += newest[0] - self._next
        self._next = newest[0]
        self._held = {number: self._held[number] for number in newest}
