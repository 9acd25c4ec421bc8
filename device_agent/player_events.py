"""What a player says about the sound it was asked to make."""

from dataclasses import dataclass
from datetime import datetime

from wire.types import Sound


@dataclass(frozen=True, slots=True)
class Started:
    """The first sample was handed to the sound device; it sounds at `at`."""

    broadcast_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """So much has been handed to the sound device; said about once a second."""

    broadcast_id: str
    played_ms: int


@dataclass(frozen=True, slots=True)
class Finished:
    """No more samples will come, whether it reached its end or was cut; 0 if none ever came."""

    broadcast_id: str
    played_ms: int
    peak_db: float | None = None
    """Highest sample handed over, dBFS; None if the player cannot tell."""
    underruns: int = 0
    rms_db: float | None = None
    """Root mean square of what was handed over, dBFS; None if the player cannot tell."""
    sound: Sound = Sound.NOT_VERIFIABLE
    """What the probe says, if there is one; put in by `device_agent.evidence`, not by the player."""
    sound_confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be played, or not to its end."""

    broadcast_id: str
    reason: str
    """A stable word: ``clip_unreadable`` or ``sound_device``."""
    played_ms: int = 0
    peak_db: float | None = None
    underruns: int = 0
    bad_clip: str | None = None
    """The clip that could not be decoded, by its hash."""
    rms_db: float | None = None
    sound: Sound = Sound.NOT_VERIFIABLE
    sound_confidence: float | None = None


PlayerEvent = Started | Progress | Finished | Failed
