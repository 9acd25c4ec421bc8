"""Where alerts come together: whoever brings one hands it over here, and a thread does what takes its time.

All that is known is in the database. Killed at any point, the desk goes on where it was: what holds and has
no emergency yet is spoken again, what is due sounds, what is over has ended.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from controller.cap.acting import let_say, open_senders, settle
from controller.cap.alert import Key
from controller.cap.drafting import ToSay, Work
from controller.cap.intake import Asked, Bringer, Taken, note_refusal, receive
from controller.cap.models import CapFeed
from controller.cap.refusal import CapRefused
from controller.cap.speaking import say_all
from controller.cap.studio import Studio
from controller.cap.supervising import supervise
from controller.clock import Clock
from controller.counters import reserve
from controller.db import writing
from controller.events import EventHub, announced
from controller.gateways.rules import HouseRules

log = structlog.get_logger(__name__)

STEP_S = 5.0
"""How often it looks what time alone has changed."""
AGAIN = timedelta(minutes=5)
"""How often it tries again what something stood in the way of."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an alert that a feed brought."""

    refused: CapRefused | None = None
    is_new: bool = False
    key: Key | None = None


def one_at_a_time(session: Session) -> None:
    """Let nobody else work on alerts before this transaction ends: what is decided is decided of all."""
    reserve(session, "cap", 1)


class CapDesk:
    """Takes alerts, and has them spoken and drafted. `step` can be called by hand in tests."""

    def __init__(
        self,
        *,
        engine: Engine,
        clock: Clock,
        rules: HouseRules,
        events: EventHub,
        studio: Studio,
        wake_dispatcher: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._rules = rules
        self._events = events
        self._studio = studio
        self._wake_dispatcher = wake_dispatcher
        self._try_again_at: datetime | None = None
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cap-desk", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """End after the alert in hand."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(10.0)

    def wake(self) -> None:
        """Something was committed that is to be spoken. Safe from any thread."""
        self._wake.set()

    def take_in(self, session: Session, bringer: Bringer, raw: bytes) -> Taken:
        """Keep an alert within someone's transaction and let its effect on others be felt at once.

        The caller commits, and then calls `wake`.

        Raises:
            CapRefused: It is not to be taken.
        """
        one_at_a_time(session)
        now = self._clock.now()
        taken = receive(session, bringer, raw, now=now)
        session.flush()
        settle(Work(session, now, self._rules), taken.key.sender)
        return taken

    def take(self, feed_id: int, raw: bytes, asked: Asked | None = None) -> Outcome:
        """Take an alert that a feed or its archive brought; a refusal leaves its reason with the feed."""
        with Session(self._engine) as session, session.begin():
            writing(session)
            feed = session.get(CapFeed, feed_id)
            if feed is None or not feed.enabled:
                return Outcome()
            try:
                with session.begin_nested():
                    taken = self.take_in(session, Bringer(feed.area_id, feed, asked=asked), raw)
                outcome = Outcome(is_new=taken.is_new, key=taken.key)
            except CapRefused as refused:
                log.warning("cap_refused", feed=feed.name, reason=refused.code, detail=refused.params)
                note_refusal(session, feed, refused, now=self._clock.now())
                outcome = Outcome(refused)
        self._tell(session)
        if outcome.is_new:
            self.wake()
        return outcome

    def note(self, feed_id: int, *, reached: bool, problem: str = "") -> None:
        """Note how asking a feed went."""
        with Session(self._engine) as session, session.begin():
            writing(session)
            feed = session.get(CapFeed, feed_id)
            if feed is not None:
                feed.problem = problem[:200]
                if reached:
                    feed.succeeded_at = self._clock.now()

    def step(self) -> None:
        """Look after the feeds, do what is due, and have spoken what is to be said."""
        now = self._clock.now()
        try_again = self._try_again_at is None or now >= self._try_again_at
        if try_again:
            self._try_again_at = now + AGAIN
        wanted: list[ToSay] = []
        with Session(self._engine) as session, session.begin():
            writing(session)
            supervise(session, now=now)
            if open_senders(session):
                one_at_a_time(session)
            for sender in open_senders(session):
                wanted.extend(settle(Work(session, now, self._rules), sender, try_again=try_again))
        self._tell(session)
        for each in wanted:
            if self._stopping.is_set():
                return
            spoken = say_all(self._studio, each.texts, each.reach)
            with Session(self._engine) as session, session.begin():
                writing(session)
                one_at_a_time(session)
                let_say(Work(session, self._clock.now(), self._rules), each, spoken)
            self._tell(session)

    def _tell(self, session: Session) -> None:
        self._events.publish(*announced(session))
        self._wake_dispatcher()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.step()
            except Exception:  # the thread must outlive a locked or absent database
                log.exception("cap_step_failed")
            self._wake.wait(STEP_S)
            self._wake.clear()
