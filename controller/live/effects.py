"""What a voice's events lead to; `controller.live.conversation` does it."""

from dataclasses import dataclass
from enum import StrEnum

from wire.live import LivePacket


class Reason(StrEnum):
    """Why someone does not speak any more."""

    RELEASED = "released"
    LIMIT = "limit"
    """The longest time was over."""
    STOPPED = "stopped"
    """Someone stopped it, or nobody hears it any more."""
    LOST = "lost"
    """Nothing came from the phone."""
    UNHEARD = "unheard"
    """The broker is away: nothing that is said gets anywhere."""
    TOO_SHORT = "too_short"
    """A tap by mistake: what it caught is thrown away."""
    BAD_FRAMES = "bad_frames"
    """What came was no speech."""
    HIDDEN = "hidden"
    """The page went out of sight, or its window lost the keyboard."""


@dataclass(frozen=True, slots=True)
class Order:
    """Order the broadcast in one transaction; `Voice.ordered` or `Voice.refused` follows."""


@dataclass(frozen=True, slots=True)
class Publish:
    """Sign a packet and send it to whoever listens to the session."""

    packet: LivePacket
    stays: bool = False
    """The broker keeps it, in the place of the last one that it kept, and gives it to whoever subscribes."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Have the broker keep nothing of the session any more."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Keep what was said, write down how it ended, and tell the phone."""

    reason: Reason
    said_ms: int


Effect = Order | Publish | Forget | Ended
Effects = tuple[Effect, ...]
