"""How long tests of faults last: seconds as a rule, and minutes for who has the time."""

import os

MINUTES = float(os.environ.get("LOACAST_FAULTS_MINUTES", "0"))
"""How long each fault lasts in a soak; 0 is the ordinary, compressed run."""


def soaked(ordinary: int, *, a_minute: int = 120) -> int:
    """Return a count for the ordinary run, or so many for each minute of a soak if that is more."""
    return max(ordinary, round(MINUTES * a_minute))
