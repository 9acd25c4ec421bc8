"""The demo's week as real schedules: the built-in voice speaks the texts, which go the way of any upload."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from audio.limits import Limits
from audio.store import ClipStore
from audio.timeline import PrepareSpec
from controller.areas.models import Area
from controller.areas.service import subtree
from controller.broadcasts.audience import Audience
from controller.broadcasts.playing import Playing
from controller.bulletins.models import Bulletin, Source
from controller.bulletins.service import NewBulletin, write
from controller.clips.models import Clip
from controller.clips.preparation import Preparations, PreparationState
from controller.clock import Clock
from controller.db import make_engine, writing
from controller.demo.home import DemoError
from controller.demo.people import LEADER
from controller.demo.week import WEEK, WELCOME, Programme
from controller.errors import InQuietHours
from controller.people.access import Actor
from controller.people.models import Person
from controller.programme.forms import RecurrenceIn
from controller.programme.service import Wanted, create
from controller.settings import Settings
from controller.warnings.keeping import Keeper, WarningRefused, prepared_warnings
from controller.warnings.pack import read_pack
from controller.warnings.packing import keep_packed

VOICE = "vi-south"
_RATE = 1.0
KEPT = frozenset(
    {
        *("storm_4", "flood_3", "evacuation", "all_clear", "false_alarm", "attention", "siren_flood"),
        *("drill_opening", "drill_closing", "test_opening"),
    }
)
"""Of the pack: enough to try an emergency at once; docs/warnings.md says how to add the rest."""
_GAP_MS = 1500

Tell = Callable[[int, int], None]
"""Told how many of how many bulletins are done."""

Pause = Callable[[float], None]
"""Waits some seconds; raises when the demo shall end."""


@dataclass(frozen=True, slots=True)
class Station:
    """Writes and schedules for the demo's people, before the controller runs.

    Attributes:
        settings: The controller's.
        clock: The present.
        pause: Waits.
    """

    settings: Settings
    clock: Clock
    pause: Pause

    def make_week(self, tell: Tell) -> None:
        """Speak every bulletin and schedule the week.

        Raises:
            DemoError: A text could not be spoken.
        """
        engine = make_engine(self.settings.url)
        try:
            everything = (WELCOME, *WEEK)
            clips = self._speak(engine, [each.text for each in everything], tell)
            now = self.clock.now()
            with Session(engine) as session, session.begin():
                writing(session)
                for programme, sha256 in zip(everything, clips, strict=True):
                    self._schedule(session, programme, sha256, now)
        finally:
            engine.dispose()

    def lacks_warnings(self) -> bool:
        """Whether something of `KEPT` is missing: a demo that an older version founded has none of it."""
        engine = make_engine(self.settings.url)
        try:
            with Session(engine) as session:
                path = _actor(session, LEADER).area_path
                there = {each.warning_key for each in prepared_warnings(session, path, below=False)}
        finally:
            engine.dispose()
        return not there >= KEPT

    def keep_warnings(self, tell: Tell) -> None:
        """Let every gateway of the commune keep a few of the built-in warnings.

        Raises:
            DemoError: One could not be spoken.
        """
        engine = make_engine(self.settings.url)
        try:
            with Session(engine, expire_on_commit=False) as session:
                area = session.get_one(Area, _actor(session, LEADER).area_id)
            keeper = Keeper(self.settings, engine, self.clock, area)
            keep_packed(keeper, [each for each in read_pack() if each.key in KEPT], tell)
        except WarningRefused as refused:
            raise DemoError(f"the warnings could not be spoken ({refused.problem.code})") from refused
        finally:
            engine.dispose()

    def announce_welcome(self, start_at: datetime) -> bool:
        """Schedule the welcome once more; False in the quiet hours, in which it may not sound."""
        engine = make_engine(self.settings.url)
        try:
            with Session(engine) as session, session.begin():
                writing(session)
                actor = _actor(session, WELCOME.author)
                bulletin = session.exec(
                    select(Bulletin).where(Bulletin.title == WELCOME.title).order_by(col(Bulletin.id))
                ).first()
                if bulletin is None:
                    raise DemoError("the welcome is gone; begin anew with --fresh")
                local = start_at.astimezone(ZoneInfo(self.settings.zone))
                once = RecurrenceIn(dtstart=f"{local:%Y-%m-%dT%H:%M:%S}")
                self._create(session, actor, self._playing(session, actor, WELCOME, bulletin), once)
        except InQuietHours:
            return False
        finally:
            engine.dispose()
        return True

    def _speak(self, engine: Engine, texts: list[str], tell: Tell) -> list[str]:
        preparations = Preparations(
            engine=engine,
            clock=self.clock,
            store=ClipStore(self.settings.data_dir / "clips"),
            scratch=self.settings.data_dir / "scratch",
            limits=Limits(),
        )
        try:
            spec = PrepareSpec(opening_chime=True)
            begun = [preparations.from_text(text, VOICE, _RATE, spec, None) for text in texts]
            clips: list[str] = []
            for done, preparation in enumerate(begun):
                tell(done, len(begun))
                while (now := preparations.get(preparation.id, None)).clip_sha256 is None:
                    if now.state is PreparationState.REFUSED:
                        code = now.problem.code if now.problem else ""
                        raise DemoError(
                            f"the bulletins could not be spoken ({code}); is espeak-ng installed?"
                        )
                    self.pause(0.05)
                clips.append(now.clip_sha256)
            tell(len(begun), len(begun))
            return clips
        finally:
            preparations.stop()

    def _schedule(self, session: Session, programme: Programme, sha256: str, now: datetime) -> None:
        actor = _actor(session, programme.author)
        new = NewBulletin(
            title=programme.title,
            clip_sha256=sha256,
            source=Source.SPEECH,
            text=programme.text,
            category=programme.category,
        )
        bulletin = write(session, actor, new, now=now)
        today = now.astimezone(ZoneInfo(self.settings.zone)).date()
        for time_of_day, rule in programme.slots:
            recurrence = RecurrenceIn(dtstart=f"{today}T{time_of_day}", rrule=rule)
            self._create(session, actor, self._playing(session, actor, programme, bulletin), recurrence)

    def _create(self, session: Session, actor: Actor, playing: Playing, recurrence: RecurrenceIn) -> None:
        create(
            session,
            actor,
            Wanted(playing, recurrence.model_dump()),
            now=self.clock.now(),
            horizon=timedelta(days=self.settings.horizon_days),
            rules=self.settings.rules,
        )

    def _playing(self, session: Session, actor: Actor, programme: Programme, bulletin: Bulletin) -> Playing:
        today = self.clock.now().astimezone(ZoneInfo(self.settings.zone)).date()
        areas = tuple(
            area.id
            for area in subtree(session, actor.area_path, today)
            if area.name in programme.audience and area.id is not None
        )
        return Playing(
            bulletin=bulletin,
            clip=session.get_one(Clip, bulletin.clip_sha256),
            title=programme.title,
            audience=Audience(areas),
            repeat=programme.repeat,
            gap_ms=_GAP_MS,
        )


def _actor(session: Session, username: str) -> Actor:
    person = session.exec(select(Person).where(Person.username == username)).one()
    area = session.get_one(Area, person.area_id)
    return Actor(person.id, person.name, person.role, area.id, area.path)
