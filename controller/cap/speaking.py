"""Having the texts of alerts spoken, no longer than two minutes each."""

from collections.abc import Callable, Iterable

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from audio.espeak import VOICES
from audio.timeline import PrepareSpec
from controller.cap.words import LONGEST_MS, Said, shortened
from controller.clips.models import Clip
from controller.clips.preparation import Preparations
from controller.warnings.catalogue import clip_ref
from controller.warnings.keeping import WarningRefused, wait
from wire.messages import ClipRef

log = structlog.get_logger(__name__)

Speak = Callable[[Said], ClipRef | None]
"""Speaks one text; None: there is no voice for its language, or it does not speak now."""

_TRIES = 4


def voice_for(language: str) -> str | None:
    """Return the built-in voice of a language, the first of them; None: there is none, as for Khmer."""
    return next((voice.name for voice in VOICES.values() if voice.language == language), None)


def speaker(engine: Engine, preparations: Preparations) -> Speak:
    """Return what speaks with the built-in voices into the store of clips."""

    def speak(said: Said) -> ClipRef | None:
        voice = voice_for(said.language)
        if voice is None:
            return None
        text = said.text
        for _ in range(_TRIES):
            try:
                sha256 = wait(preparations, preparations.from_text(text, voice, 1.0, PrepareSpec(), None))
            except WarningRefused as refused:
                log.warning("cap_not_spoken", language=said.language, reason=refused.problem.code)
                return None
            with Session(engine) as session:
                clip = clip_ref(session.get_one(Clip, sha256))
            if clip.duration_ms <= LONGEST_MS:
                return clip
            text = shortened(text, int(len(text) * 0.95 * LONGEST_MS / clip.duration_ms))
        return None

    return speak


def speak_all(speak: Speak, texts: Iterable[Iterable[Said]]) -> dict[Said, ClipRef]:
    """Speak each text once; what no voice speaks is missing in the answer."""
    wanted = dict.fromkeys(said for group in texts for said in group)
    return {said: clip for said in wanted if (clip := speak(said)) is not None}
