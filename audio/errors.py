"""What can be wrong with sound or text that somebody handed in; each carries a stable code.

The codes are part of the interface: the controller shows its own sentence for each, in the reader's
language. The message is for a log or a terminal.
"""

from enum import StrEnum


class Refusal(StrEnum):
    """Why an upload or a text is not taken."""

    EMPTY_FILE = "empty_file"
    """Zero bytes."""
    TOO_LARGE = "too_large"
    """More bytes than `Limits.max_bytes`, or a decode that would not stop writing."""
    NOT_AUDIO = "not_audio"
    """No container we know, or one without a sound stream, whatever the file is called."""
    PLAYLIST_REFUSED = "playlist_refused"
    """A list of other places (M3U, PLS, concat, EDL, HLS, DASH, …): it holds no sound of its own."""
    UNREADABLE_AUDIO = "unreadable_audio"
    """A known container that is damaged, cut short or coded in a way we do not decode."""
    TOO_LONG = "too_long"
    """Longer than `Limits.max_duration_ms`, as announced by its header or as decoded."""
    TOO_SHORT = "too_short"
    """Under the 400 ms that one loudness block of BS.1770 needs."""
    SILENT = "silent"
    """Nothing to hear: silence must not look like success."""
    DECODE_TIMEOUT = "decode_timeout"
    """Out of the wall or processor time it was given."""
    EMPTY_TEXT = "empty_text"
    """Nothing to speak once control characters and blanks are gone."""
    TEXT_TOO_LONG = "text_too_long"
    """More than `speech.MAX_CHARACTERS`."""


class AudioRefused(Exception):
    """What was handed in cannot become a clip. The fault is in the input, never in us.

    Attributes:
        code: Why, stable across versions.
        detail: For a log or a terminal, in English; may quote figures, never file contents.
    """

    def __init__(self, code: Refusal, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class VoiceUnavailable(Exception):
    """A voice cannot speak on this machine; the message says what to install."""

    code = "voice_unavailable"


class ClipMissing(Exception):
    """The store holds no clip of this name."""

    code = "clip_missing"


class ClipCorrupt(Exception):
    """A stored clip no longer has the SHA-256 that it is named by."""

    code = "clip_corrupt"
