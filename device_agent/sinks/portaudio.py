"""PortAudio, set up alike for all that play, listen or look."""

import os
from typing import Any

PLUGGED = "PA_ALSA_PLUGHW"
"""PortAudio then puts ALSA's own conversion before a card that is opened as ``hw:``, which need not know our
rate any more than it had to behind ``default``."""


def portaudio() -> Any:
    """Return the module `sounddevice`; its wheel has no PortAudio on Linux, so the box may lack it.

    Raises:
        OSError: It does.
    """
    os.environ.setdefault(PLUGGED, "1")
    import sounddevice  # noqa: PLC0415 - see above, and PortAudio reads the variable when it is loaded

    return sounddevice
