"""All that takes alerts, put together: the desk, who asks for them, who looks them up, who hears them."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.engine import Engine

from controller.cap.desk import CapDesk
from controller.cap.ears import CapEars
from controller.cap.looking_up import CapArchives
from controller.cap.polling import CapPoller
from controller.cap.studio import studio
from controller.clips.preparation import Preparations
from controller.clock import Clock
from controller.events import EventHub
from controller.gateways.rules import HouseRules


@dataclass(frozen=True, slots=True)
class CapWays:
    """Started after the database is there, stopped before it goes."""

    desk: CapDesk
    poller: CapPoller
    archives: CapArchives
    ears: CapEars

    def start(self) -> None:
        """Start in the order of need."""
        self.desk.start()
        self.ears.start()
        self.poller.start()
        self.archives.start()

    def stop(self) -> None:
        """Stop in mirrored order."""
        self.archives.stop()
        self.poller.stop()
        self.ears.stop()
        self.desk.stop()


def cap_ways(
    *,
    engine: Engine,
    clock: Clock,
    rules: HouseRules,
    events: EventHub,
    preparations: Preparations,
    wake_dispatcher: Callable[[], None],
) -> CapWays:
    """Put together what takes alerts."""
    desk = CapDesk(
        engine=engine,
        clock=clock,
        rules=rules,
        events=events,
        studio=studio(engine, preparations),
        wake_dispatcher=wake_dispatcher,
    )
    return CapWays(
        desk,
        CapPoller(engine=engine, clock=clock, desk=desk),
        CapArchives(engine=engine, clock=clock, desk=desk),
        CapEars(engine=engine, desk=desk),
    )
