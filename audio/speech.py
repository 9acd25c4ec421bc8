"""Speech from text: what every voice promises, and what text must be before any voice gets it."""

import unicodedata
from pathlib import Path
from typing import Protocol

from audio.errors import AudioRefused, Refusal

MAX_CHARACTERS = 10_000
"""Some twelve minutes of speech; a bulletin longer than that is a programme and is recorded."""
SLOWEST, FASTEST = 0.5, 2.0


class Voice(Protocol):
    """Somebody who reads aloud: a program on this machine, or a service behind the same few words."""

    @property
    def name(self) -> str:
        """Stable identifier, kept with the bulletin, such as `vi-south`."""

    @property
    def language(self) -> str:
        """BCP 47 tag of what it speaks."""

    def synthesise(self, text: str, out: Path, *, rate: float = 1.0) -> None:
        """Speak a text into a WAV file; take it from there to `audio.prepare.prepare`.

        Args:
            text: As people write it; numbers and abbreviations are for the voice to work out.
            out: The file to write, replaced if it exists.
            rate: Speed, `SLOWEST` to `FASTEST`; 1 is the ordinary speed of the voice.

        Raises:
            AudioRefused: `empty_text`, `text_too_long`, or `decode_timeout`.
            VoiceUnavailable: It cannot speak here; says what to install.
            ValueError: The rate is out of range.
        """


def clean_text(text: str) -> str:
    """Return text that is safe to hand to a voice: NFC, no control characters, blanks made single.

    Line ends are kept as pauses. Characters that steer instead of being read (direction marks, zero-width
    joiners, private use) go the way of control characters.

    Raises:
        AudioRefused: `empty_text` if no letter or digit is left, `text_too_long` over `MAX_CHARACTERS`.
    """
    if len(text) > MAX_CHARACTERS:
        raise AudioRefused(Refusal.TEXT_TOO_LONG, f"{len(text)} characters, at most {MAX_CHARACTERS}")
    lines = (" ".join(_readable(line).split()) for line in unicodedata.normalize("NFC", text).splitlines())
    cleaned = "\n".join(line for line in lines if line)
    if not any(character.isalnum() for character in cleaned):
        raise AudioRefused(Refusal.EMPTY_TEXT, "there is nothing to speak")
    return cleaned


def check_rate(rate: float) -> None:
    """Refuse a speed at which nobody could follow.

    Raises:
        ValueError: Outside `SLOWEST` to `FASTEST`.
    """
    if not SLOWEST <= rate <= FASTEST:
        raise ValueError(f"rate must be {SLOWEST} to {FASTEST}")


def _readable(line: str) -> str:
    return "".join(
        " " if character == "\t" else character
        for character in line
        if character == "\t" or unicodedata.category(character)[0] != "C"
    )
