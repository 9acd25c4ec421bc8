"""What a clip is made of, in order: pure, and rendered alike by `audio.compose` and `audio.stream`."""

from dataclasses import dataclass
from itertools import chain

from audio.chimes import Chime, duration_samples
from audio.formats import SAMPLE_RATE_HZ
from audio.loudness import TARGET_LUFS

AFTER_OPENING_MS, BEFORE_CLOSING_MS = 500, 400
FADE_MS = 10
"""In and out of everything put together, so that no edge clicks; too short to hear as a fade."""
CHIME_BELOW_SPEECH_LU = 3.0
"""The chime calls, the speech informs."""
MAX_REPEATS = 5


@dataclass(frozen=True, slots=True)
class PrepareSpec:
    """What the finished clip should be like.

    Attributes:
        opening_chime: Three rising notes before it.
        closing_chime: Three falling notes after it.
        repeats: How often it is said, 1 to `MAX_REPEATS`.
        gap_ms: Silence between two repeats, 0 to 60,000.
        target_lufs: Loudness wanted, -30 to -14.
    """

    opening_chime: bool = False
    closing_chime: bool = False
    repeats: int = 1
    gap_ms: int = 1500
    target_lufs: float = TARGET_LUFS

    def __post_init__(self) -> None:
        """Refuse values out of range by `ValueError`: they are the caller's fault, not an upload's."""
        if not 1 <= self.repeats <= MAX_REPEATS:
            raise ValueError(f"repeats must be 1 to {MAX_REPEATS}")
        if not 0 <= self.gap_ms <= 60_000:  # noqa: PLR2004
            raise ValueError("gap_ms must be 0 to 60000")
        if not -30 <= self.target_lufs <= -14:  # noqa: PLR2004
            raise ValueError("target_lufs must be -30 to -14")


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing, for a while."""

    duration_ms: int


@dataclass(frozen=True, slots=True)
class Speech:
    """All of what was uploaded or spoken, once."""


Piece = Silence | Speech | Chime


def arrange(spec: PrepareSpec) -> tuple[Piece, ...]:
    """Return the pieces of a clip in the order in which they sound."""
    said: list[Piece] = [Speech()]
    said += chain.from_iterable((Silence(spec.gap_ms), Speech()) for _ in range(spec.repeats - 1))
    before: list[Piece] = [Chime.OPENING, Silence(AFTER_OPENING_MS)] if spec.opening_chime else []
    after: list[Piece] = [Silence(BEFORE_CLOSING_MS), Chime.CLOSING] if spec.closing_chime else []
    return (*before, *said, *after)


def total_samples(pieces: tuple[Piece, ...], speech_samples: int) -> int:
    """Return the length of a clip in samples at 48 kHz, given that of its speech."""

    def length(piece: Piece) -> int:
        match piece:
            case Silence(duration_ms):
                return duration_ms * SAMPLE_RATE_HZ // 1000
            case Speech():
                return speech_samples
            case _:
                return duration_samples(piece)

    return sum(length(piece) for piece in pieces)
