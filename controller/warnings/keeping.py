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

    def from_text(self, title: str, text: str) -> Bulletin:
        """Let the built-in voice speak a Vietnamese text.

        Raises:
            WarningRefused: There is no voice, or nothing to say.
        """
        with self._preparations() as preparations:
            begun = preparations.from_text(text, VOICE, 1.0, SPEC, None)
            sha256 = _wait(preparations, begun)
        return self._keep(NewBulletin(title, sha256, Source.SPEECH, text, priority=Priority.EMERGENCY))

    def from_recording(self, title: str, recording: Path, language: str) -> Bulletin:
        """Take a recording, which stays where it is.

        Raises:
            WarningRefused: It is no sound that we can use.
            OSError: It cannot be read.
        """
        with self._preparations() as preparations, TemporaryDirectory(dir=self._scratch) as name:
            copied = Path(name) / "recording"
            copyfile(recording, copied)
            sha256 = _wait(preparations, preparations.from_upload(copied, SPEC, None))
        new = NewBulletin(title, sha256, Source.UPLOAD, language=language, priority=Priority.EMERGENCY)
        return self._keep(new)

    def release(self, bulletin_id: str) -> Bulletin:
        """Let gateways forget one; the bulletin stays.

        Raises:
            NotFound: There is none in the area.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            writing(session)
            return set_prepared(
                session,
                self._actor,
                bulletin_id,
                prepared=False,
                rules=self.settings.rules,
                now=self.clock.now(),
            )

    def _keep(self, new: NewBulletin) -> Bulletin:
        now = self.clock.now()
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            writing(session)
            bulletin = write(session, self._actor, new, now=now)
            rules = self.settings.rules
            return set_prepared(session, self._actor, bulletin.id, prepared=True, rules=rules, now=now)

    @property
    def _actor(self) -> Actor:
        return Actor(None, "console", Role.ADMIN, self.area.id, self.area.path)

    @property
    def _scratch(self) -> Path:
        return self.settings.data_dir / "scratch"

    @contextmanager
    def _preparations(self) -> Iterator[Preparations]:
        preparations = Preparations(
            engine=self.engine,
            clock=self.clock,
            store=ClipStore(self.settings.data_dir / "clips"),
            scratch=self._scratch,
            limits=Limits(),
        )
        try:
            yield preparations
        finally:
            preparations.stop()


def prepared_warnings(session: Session, path: str) -> list[Bulletin]:
    """Return the prepared warnings of an area and all below it, by their title."""
    return list(
        session.exec(
            select(Bulletin)
            .join(Area, col(Area.id) == col(Bulletin.area_id))
            .where(col(Bulletin.prepared), col(Area.path).startswith(path))
            .order_by(col(Bulletin.title), col(Bulletin.id))
        )
    )


def _wait(preparations: Preparations, begun: Preparation) -> str:
    pause = threading.Event()
    while (found := preparations.get(begun.id, None)).clip_sha256 is None:
        if found.state is PreparationState.REFUSED and found.problem is not None:
            raise WarningRefused(found.problem)
        pause.wait(POLL_S)
    return found.clip_sha256
