"""What the composition root builds once and hands to routes."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Engine

from audio.store import ClipStore
from controller.clock import Clock
from controller.events import EventHub
from controller.keyring import Keyring
from controller.live.armed import Armed
from controller.live.on_air import OnAir
from controller.settings import Settings

if TYPE_CHECKING:
    from controller.cap.desk import CapDesk
    from controller.cap.signing import AlertKey
    from controller.clips.preparation import Preparations
    from controller.outbox.dispatcher import Dispatcher
    from controller.outbox.inboxes import Inboxes


@dataclass(slots=True)
class Services:
    """The long-lived parts."""

    settings: Settings
    engine: Engine
    clock: Clock
    keyring: Keyring
    store: ClipStore
    events: EventHub
    uploads: Path
    preparations: "Preparations"
    dispatcher: "Dispatcher"
    inboxes: "Inboxes"
    on_air: OnAir
    armed: Armed
    cap: "CapDesk"
    alert_key: "AlertKey | None"
    """None: what we tell others is not signed, for ``init`` was not run since keys are made for that."""
    started: str
    """Names this run of the server to pages that were open during the last one."""

    def today(self, now: datetime) -> date:
        """Return the day on the wall in the installation's zone."""
        return now.astimezone(ZoneInfo(self.settings.zone)).date()

    def wake(self) -> None:
        """Tell the dispatcher that something was committed."""
        self.dispatcher.wake()
