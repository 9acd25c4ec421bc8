"""Which of the recordings that alerts bring may be played. Pure."""

import base64
import binascii
import hashlib
from enum import StrEnum

from controller.cap.alert import Recording

USED = "used"
MOST_BYTES = 4 * 2**20
"""Two minutes at 256 kbit/s, which is as long as one language speaks."""
_SHA1_BYTES = 20


class Unused(StrEnum):
    """Why a recording is not played, and the text is spoken in its place."""

    UNPROVEN = "unproven"
    """Nothing shows that the alert is its sender's, so the recording may be anyone's."""
    INCOMPLETE = "incomplete"
    """Only a part of what is told in this language has one."""
    NO_DIGEST = "no_digest"
    OTHER_DIGEST = "other_digest"
    """Its bytes are not those that the alert means."""
    NOT_THERE = "not_there"
    """It has neither bytes nor an address that may be asked, or nothing was got there."""
    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"
    TOO_MANY = "too_many"
    NO_SOUND = "no_sound"
    """It cannot be prepared: no sound, damaged, silent, or something else in disguise."""


class RecordingUnused(Exception):
    """A recording is not played; `detail` is for the log."""

    def __init__(self, reason: Unused, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason


def check(recording: Recording) -> None:
    """Pass when it is worth looking at the bytes.

    Raises:
        RecordingUnused: It has no digest, or says itself that it is too large.
    """
    if recording.digest is None:
        raise RecordingUnused(Unused.NO_DIGEST)
    if (recording.size or 0) > MOST_BYTES or len(recording.content or "") > 2 * MOST_BYTES:
        raise RecordingUnused(Unused.TOO_LARGE)


def embedded(content: str) -> bytes:
    """Return the bytes that an alert has in it.

    Raises:
        RecordingUnused: They are not in base64.
    """
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RecordingUnused(Unused.NOT_THERE, str(error)) from error


def check_content(recording: Recording, content: bytes) -> None:
    """Pass when these are the bytes that the alert means.

    CAP 1.2 has SHA-1 and leaves open how it is written: in hexadecimal digits as a rule, in base64 by some.
    Nobody has found other bytes for the SHA-1 of given ones, which is what it would take here.

    Raises:
        RecordingUnused: They are others, or too many.
    """
    if len(content) > MOST_BYTES:
        raise RecordingUnused(Unused.TOO_LARGE, f"{len(content)} bytes")
    found = hashlib.sha1(content, usedforsecurity=False).digest()
    if found != _digest(recording.digest or ""):
        raise RecordingUnused(Unused.OTHER_DIGEST, found.hex())


def _digest(text: str) -> bytes:
    """Return a digest as bytes; what is none matches nothing."""
    try:
        if len(text) == 2 * _SHA1_BYTES:
            return bytes.fromhex(text)
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
