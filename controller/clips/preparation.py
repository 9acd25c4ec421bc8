"""Uploads and texts on their way to becoming clips: a few at a time, with progress, in the background.

Nothing is kept of one that failed. A restart forgets those under way; whoever waits is told to try again.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from audio.errors import AudioRefused, VoiceUnavailable
from audio.espeak import VOICES
from audio.limits import Limits
from audio.prepare import PreparedClip, prepare
from audio.store import ClipStore
from audio.timeline import PrepareSpec
from controller.clips.models import Clip
from controller.clock import Clock
from controller.columns import new_id
from controller.db import writing
from controller.errors import NotFound, Problem, SoundRefused

log = structlog.get_logger(__name__)

KEPT = timedelta(hours=1)


class PreparationState(StrEnum):
    """How far a preparation is."""

    WAITING = "waiting"
    PREPARING = "preparing"
    READY = "ready"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Preparation:
    """One upload or text on its way."""

    id: str
    owner_id: int | None
    started_at: datetime
    state: PreparationState = PreparationState.WAITING
    progress: float = 0.0
    """Share done, 0 to 1."""
    clip_sha256: str | None = None
    problem: Problem | None = None


Make = Callable[[Path], Path]
"""Makes the source file in a scratch directory, and returns it."""


class Preparations:
    """Runs preparations on a small pool: ffmpeg is what costs, and the machine has few cores."""

    def __init__(
        self,
        *,
        engine: Engine,
        clock: Clock,
        store: ClipStore,
        scratch: Path,
        limits: Limits,
        workers: int = 2,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._store = store
        self._scratch = scratch
        self._limits = limits
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="prepare")
        self._lock = threading.Lock()
        self._known: dict[str, Preparation] = {}
        scratch.mkdir(parents=True, exist_ok=True)

    def from_upload(self, upload: Path, spec: PrepareSpec, owner_id: int | None) -> Preparation:
        """Begin with a file, which is moved away and deleted in the end."""
        return self._begin(lambda directory: upload.rename(directory / "upload"), spec, owner_id)

    def from_bytes(self, content: bytes, spec: PrepareSpec, limits: Limits) -> Preparation:
        """Begin with a sound that nobody here uploaded, under limits of its own; it has no owner."""

        def write(directory: Path) -> Path:
            source = directory / "upload"
            source.write_bytes(content)
            return source

        return self._begin(write, spec, None, limits)

    def from_text(
        self, text: str, voice: str, rate: float, spec: PrepareSpec, owner_id: int | None
    ) -> Preparation:
        """Begin with a text to be spoken.

        Raises:
            NotFound: There is no such voice.
        """
        if voice not in VOICES:
            raise NotFound(field="voice")

        def speak(directory: Path) -> Path:
            spoken = directory / "speech.wav"
            VOICES[voice].synthesise(text, spoken, rate=rate)
            return spoken

        return self._begin(speak, spec, owner_id)

    def get(self, preparation_id: str, owner_id: int | None) -> Preparation:
        """Return how far it is.

        Raises:
            NotFound: Unknown, someone else's, or forgotten in a restart.
        """
        with self._lock:
            found = self._known.get(preparation_id)
        if found is None or found.owner_id != owner_id:
            raise NotFound
        return found

    def stop(self) -> None:
        """Finish those under way, start no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _begin(
        self, make: Make, spec: PrepareSpec, owner_id: int | None, limits: Limits | None = None
    ) -> Preparation:
        now = self._clock.now()
        preparation = Preparation(new_id(), owner_id, now)
        with self._lock:
            self._known = {key: old for key, old in self._known.items() if now - old.started_at < KEPT}
            self._known[preparation.id] = preparation
        self._pool.submit(self._run, preparation.id, make, spec, limits or self._limits)
        return preparation

    def _run(self, preparation_id: str, make: Make, spec: PrepareSpec, limits: Limits) -> None:
        self._update(preparation_id, state=PreparationState.PREPARING)
        try:
            with TemporaryDirectory(dir=self._scratch) as name:
                directory = Path(name)
                source = make(directory)
                prepared = prepare(
                    source,
                    spec,
                    directory,
                    lambda share: self._update(preparation_id, progress=share),
                    limits=limits,
                )
                sha256 = self._keep(prepared, preparation_id)
        except AudioRefused as refused:
            self._refuse(preparation_id, SoundRefused(refused.code.value))
        except VoiceUnavailable as refused:
            self._refuse(preparation_id, SoundRefused(refused.code))
        except Exception:  # whoever waits must be told, whatever it was
            log.exception("preparation_failed", preparation=preparation_id)
            self._refuse(preparation_id, SoundRefused("failed"))
        else:
            self._update(preparation_id, state=PreparationState.READY, progress=1.0, clip_sha256=sha256)

    def _keep(self, prepared: PreparedClip, preparation_id: str) -> str:
        stored = self._store.put(prepared.path)
        with Session(self._engine) as session, session.begin():
            writing(session)
            if session.get(Clip, stored.sha256) is None:
                session.add(
                    Clip(
                        sha256=stored.sha256,
                        size_bytes=stored.size_bytes,
                        duration_ms=prepared.duration_ms,
                        loudness_lufs=prepared.loudness_lufs,
                        true_peak_dbtp=prepared.true_peak_dbtp,
                        prepared_at=self._clock.now(),
                        prepared_by=self._known[preparation_id].owner_id,
                    )
                )
        return stored.sha256

    def _refuse(self, preparation_id: str, problem: Problem) -> None:
        self._update(preparation_id, state=PreparationState.REFUSED, problem=problem)

    def _update(self, preparation_id: str, **changes: object) -> None:
        with self._lock:
            self._known[preparation_id] = replace(self._known[preparation_id], **changes)  # type: ignore[arg-type]
