"""What makes sound of alerts: the built-in voices, and the decoder of recordings that strangers made."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from audio.errors import Refusal
from audio.espeak import VOICES
from audio.limits import Bounds
from audio.limits import Limits as SoundLimits
from audio.timeline import PrepareSpec
from controller.cap.outbound import Limits, fetch
from controller.cap.recordings import MOST_BYTES, RecordingUnused, Unused
from controller.cap.words import LONGEST_MS, Said, shortened
from controller.clips.models import Clip
from controller.clips.preparation import Preparation, Preparations
from controller.errors import SoundRefused
from controller.warnings.catalogue import clip_ref
from controller.warnings.keeping import WarningRefused, wait
from wire.messages import ClipRef

log = structlog.get_logger(__name__)

Speak = Callable[[Said], ClipRef | None]
"""Speaks one text; None: there is no voice for its language, or it does not speak now."""
Keep = Callable[[bytes], ClipRef]
"""Makes a clip of a recording, or raises `RecordingUnused`."""
Get = Callable[[str, Limits], bytes]
"""Fetches a recording, or raises `controller.cap.outbound.FetchFailed`."""

RECORDED = SoundLimits(
    max_bytes=MOST_BYTES,
    max_duration_ms=LONGEST_MS,
    decode=Bounds(wall_ms=30_000, cpu_s=20, output_bytes=64 * 2**20),
)
"""What a recording may cost; it is decoded in the same confined child as every upload."""
_TRIES = 4
_TOO_LONG = SoundRefused(Refusal.TOO_LONG).code


@dataclass(frozen=True, slots=True)
class Studio:
    """What makes sound of an alert."""

    speak: Speak
    keep: Keep
    get: Get


def voice_for(language: str) -> str | None:
    """Return the built-in voice of a language, the first of them; None: there is none, as for Khmer."""
    return next((voice.name for voice in VOICES.values() if voice.language == language), None)


def studio(engine: Engine, preparations: Preparations) -> Studio:
    """Return what makes sound into the store of clips."""

    def clip_of(begun: Preparation) -> ClipRef:
        sha256 = wait(preparations, begun)
        with Session(engine) as session:
            return clip_ref(session.get_one(Clip, sha256))

    def speak(said: Said) -> ClipRef | None:
        voice = voice_for(said.language)
        if voice is None:
            return None
        text = said.text
        for _ in range(_TRIES):
            try:
                clip = clip_of(preparations.from_text(text, voice, 1.0, PrepareSpec(), None))
            except WarningRefused as refused:
                log.warning("cap_not_spoken", language=said.language, reason=refused.problem.code)
                return None
            if clip.duration_ms <= LONGEST_MS:
                return clip
            text = shortened(text, int(len(text) * 0.95 * LONGEST_MS / clip.duration_ms))
        return None

    def keep(content: bytes) -> ClipRef:
        try:
            return clip_of(preparations.from_bytes(content, PrepareSpec(), RECORDED))
        except WarningRefused as refused:
            code = refused.problem.code
            reason = Unused.TOO_LONG if code == _TOO_LONG else Unused.NO_SOUND
            raise RecordingUnused(reason, code) from refused

    return Studio(speak, keep, lambda url, limits: fetch(url, limits, most_bytes=MOST_BYTES).body)
