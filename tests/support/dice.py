"""Randomness that is none: for tests of what comes first, where jitter would only take time."""

import random


class LowDice(random.Random):
    """Always throws the least."""

    def random(self) -> float:
        return 0.0

    def uniform(self, a: float, b: float) -> float:
        return min(a, b)
