"""Whether what a gateway let sound is what someone said."""

from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from support.eventually import eventually
from support.sound import SAMPLE_RATE_HZ, normalised_cross_correlation
from support.town import Town

LIKE = 0.9
LIKE_PLAIN = 0.85
"""Of plain samples at 16 kHz, 0.93 by their own nature."""
THINNED = 3
"""Speech is compared at a third of the rate: what lies above 8 kHz says nothing about who is heard."""
PIECE = SAMPLE_RATE_HZ // THINNED // 4
"""What is compared at once: where a busy machine let a gateway run dry for 20 ms, only that piece is lost."""

Sound = NDArray[np.float32]


def thinned(sound: Sound) -> Sound:
    whole = len(sound) // THINNED * THINNED
    return np.asarray(sound[:whole].reshape(-1, THINNED).mean(axis=1), dtype=np.float32)


def heard(town: Town, gateway_id: str, since: datetime, seconds: float) -> Sound:
    """Return what a gateway let sound from its first sample on, once there is so much of it."""

    def there() -> list[Sound]:
        recording = town.recording(gateway_id)
        first = recording.first_sample_at(since)
        long_enough = first is not None and recording.runs[-1].end_s >= first.timestamp() + seconds
        return [recording.between(first, first + timedelta(seconds=seconds))] if first and long_enough else []

    return eventually(there, 10, f"{gateway_id} sounds for {seconds} s")[0]


def likeness(sound: Sound, said: Sound) -> float:
    """Return how much like what was said it is: what a third of its pieces that are not silent come up to.

    A machine that is busy with other tests lets a page's microphone, or a gateway, run dry again and again.

    Args:
        sound: At 48 kHz.
        said: Thinned.
    """
    sound = thinned(sound)
    pieces = [sound[first : first + PIECE] for first in range(0, len(sound) - PIECE + 1, PIECE)]
    loud = [piece for piece in pieces if np.abs(piece).max() > 0.02]
    assert len(loud) * 2 > len(pieces), "mostly silent"
    likenesses = [normalised_cross_correlation(said, piece)[0] for piece in loud]
    return float(np.percentile(likenesses, 66))


def silent_since(town: Town, gateway_id: str, at: datetime) -> bool:
    return town.recording(gateway_id).first_sample_at(at) is None
