"""Making sounds into prepared warnings, before or while the controller runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from audio.limits import Limits
from audio.store import ClipStore
from audio.timeline import PrepareSpec
from controller.areas.models import Area
from controller.bulletins.models import Bulletin, Source
from controller.bulletins.service import NewBulletin, set_prepared, write
from controller.clips.preparation import Preparation, Preparations, PreparationState
from controller.clock import Clock
from controller.db import writing
from controller.errors import Problem
from controller.people.access import Actor
from controller.people.models import Role
from controller.settings import Settings
from controller.warnings.pack import find_packed
from wire.types import Priority

SPEC = PrepareSpec(opening_chime=True, repeats=2)
"""Said twice: of a warning heard once people remember that there was one."""

VOICE = "vi-south"
POLL_S = 0.05


class WarningRefused(RuntimeError):
    """The sound could not be prepared; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Keeper:
    """Prepares sounds and marks them as prepared warnings of one area, as whoever has the machine."""

    settings: Settings
    engine: Engine
    clock: Clock
    area: Area

    def from_text(self, title: str, text: str, key: str | None = None) -> Bulletin:
        """Let the built-in voice speak a Vietnamese text.

        Raises:
            WarningRefused: There is no voice, or nothing to say.
        """
        with self.preparing() as preparations:
            sha256 = wait(preparations, preparations.from_text(text, VOICE, 1.0, _spec(key), None))
        return self.keep(self._new(title, sha256, Source.SPEECH, key, text=text))

    def from_recording(self, title: str, recording: Path, language: str, key: str | None = None) -> Bulletin:
        """Take a recording, which stays where it is.

        Raises:
            WarningRefused: It is no sound that we can use.
            OSError: It cannot be read.
        """
        with self.preparing() as preparations, TemporaryDirectory(dir=self.scratch) as name:
            copied = Path(name) / "recording"
            copyfile(recording, copied)
            sha256 = wait(preparations, preparations.from_upload(copied, _spec(key), None))
        return self.keep(self._new(title, sha256, Source.UPLOAD, key, language=language))

    def release(self, bulletin_id: str) -> Bulletin:
        """Let gateways forget one; the bulletin stays.

        Raises:
            NotFound: There is none in the area.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            writing(session)
            return self._set(session, bulletin_id, prepared=False)

    @staticmethod
    def _new(
        title: str, sha256: str, source: Source, key: str | None, *, text: str = "", language: str = "vi"
    ) -> NewBulletin:
        packed = find_packed(key) if key else None
        return NewBulletin(
            title,
            sha256,
            source,
            text,
            language,
            priority=Priority.EMERGENCY,
            warning_key=key,
            hazard=packed.hazard if packed else None,
            level=packed.level if packed else None,
        )

    def keep(self, new: NewBulletin) -> Bulletin:
        """Keep a bulletin on every gateway of the area.

        What the area kept under the same key in the same language is let go.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            writing(session)
            bulletin = write(session, self._actor, new, now=self.clock.now())
            for older in prepared_warnings(session, self.area.path, below=False):
                same = (older.warning_key, older.language) == (new.warning_key, new.language)
                if new.warning_key is not None and same:
                    self._set(session, older.id, prepared=False)
            return self._set(session, bulletin.id, prepared=True)

    def _set(self, session: Session, bulletin_id: str, *, prepared: bool) -> Bulletin:
        rules, now = self.settings.rules, self.clock.now()
        return set_prepared(session, self._actor, bulletin_id, prepared=prepared, rules=rules, now=now)

    @property
    def _actor(self) -> Actor:
        return Actor(None, "console", Role.ADMIN, self.area.id, self.area.path)

    @property
    def scratch(self) -> Path:
        """Where sounds are made."""
        return self.settings.data_dir / "scratch"

    @contextmanager
    def preparing(self) -> Iterator[Preparations]:
        """Make clips, two at a time, until the end of the block."""
        preparations = Preparations(
            engine=self.engine,
            clock=self.clock,
            store=ClipStore(self.settings.data_dir / "clips"),
            scratch=self.scratch,
            limits=Limits(),
        )
        try:
            yield preparations
        finally:
            preparations.stop()


def prepared_warnings(session: Session, path: str, *, below: bool = True) -> list[Bulletin]:
    """Return the prepared warnings of an area, and of all below it unless told otherwise, by their title."""
    owner = col(Area.path)
    return list(
        session.exec(
            select(Bulletin)
            .join(Area, col(Area.id) == col(Bulletin.area_id))
            .where(col(Bulletin.prepared), owner.startswith(path) if below else owner == path)
            .order_by(col(Bulletin.title), col(Bulletin.id))
        )
    )


def _spec(key: str | None) -> PrepareSpec:
    """Return how a warning is put together: under a key an attention signal goes before it, not a chime."""
    return SPEC if key is None else PrepareSpec(repeats=2)


def wait(preparations: Preparations, begun: Preparation) -> str:
    """Return the SHA-256 of a clip once it is made.

    Raises:
        WarningRefused: It cannot be made.
    """
    pause = threading.Event()
    while (found := preparations.get(begun.id, None)).clip_sha256 is None:
        if found.state is PreparationState.REFUSED and found.problem is not None:
            raise WarningRefused(found.problem)
        pause.wait(POLL_S)
    return found.clip_sha256
