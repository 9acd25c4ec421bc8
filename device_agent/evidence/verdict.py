"""From what was recognised of an item, stretch by stretch, to one word about it. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from device_agent.evidence.likeness import Likeness
from wire.types import Sound

SAME_DELAY_MS = 30.0
"""A loudspeaker does not move while it speaks: what was recognised at another delay was something else,
such as the same word in another sentence. The rest is jitter of the two devices' clocks."""

CONFIRMED_SHARE = 0.8
"""With less, warnings that differ in their numbers only, said by one synthetic voice, pass for each other."""

NOT_CONFIRMED_SHARE = 1 / 4
"""Between the two, something of it was heard and much was not: nobody can say what people heard."""

SURE_COHERENCE = 0.4
"""One stretch alone is enough only if it is as like as this; two are not alike by chance at one delay."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the probe has to say about one item."""

    sound: Sound
    confidence: float | None = None
    """Share of the judged stretches that were recognised at one delay; None if none could be judged."""
    delay_ms: int | None = None
    """Of what was recognised."""


NOT_VERIFIABLE = Finding(Sound.NOT_VERIFIABLE)


def finding(stretches: Sequence[Likeness]) -> Finding:
    """Judge an item by its stretches; those that no probe could have judged are not among them."""
    if not stretches:
        return NOT_VERIFIABLE
    agreeing = _at_one_delay([each for each in stretches if each.recognised])
    share = round(len(agreeing) / len(stretches), 3)
    delay_ms = round(statistics.median(each.delay_ms for each in agreeing)) if agreeing else None
    certain = len(agreeing) > 1 or any(each.coherence >= SURE_COHERENCE for each in agreeing)
    if share >= CONFIRMED_SHARE and certain:
        return Finding(Sound.CONFIRMED, share, delay_ms)
    if share <= NOT_CONFIRMED_SHARE:
        return Finding(Sound.NOT_CONFIRMED, share, delay_ms)
    return Finding(Sound.NOT_VERIFIABLE, share, delay_ms)


def _at_one_delay(recognised: list[Likeness]) -> list[Likeness]:
    """Return the largest group whose delays are the same."""
    groups = [
        [other for other in recognised if abs(other.delay_ms - each.delay_ms) <= SAME_DELAY_MS]
        for each in recognised
    ]
    return max(groups, key=len, default=[])
