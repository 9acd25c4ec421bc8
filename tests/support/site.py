"""The controller served for tests: a real server on a free port, and on it a commune whose day is under way.

`running_site` serves any settings; `quiet_settings` are those of a machine without a broker, where the
controller keeps trying to reach one.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import uvicorn
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select
from support.broker import free_port, wait_for_port
from support.commune import ZONE, Commune, found_commune, found_database
from support.day import Day, Voice, live_a_day
from support.rehearsed import rehearse

from controller.app import create_app
from controller.broadcasts.models import Delivery
from controller.clock import Clock
from controller.db import writing
from controller.events import Change
from controller.settings import Settings


class MidMorning:
    """Real seconds from the next 09:30 in Vietnam on: what is "today" must not depend on when tests run.

    It runs ahead of the machine, never behind: alarms set by it then ring late and not in a busy loop.
    """

    def __init__(self) -> None:
        real = datetime.now(UTC)  # noqa: TID251 - a clock
        start = datetime.combine(real.astimezone(ZONE).date(), time_of_day(9, 30), ZONE)
        if start <= real:
            start += timedelta(days=1)
        self._ahead = start.astimezone(UTC) - real

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead  # noqa: TID251 - a clock


class Site:
    """A controller that serves on a port of its own, in a thread."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.app = create_app(settings, clock)
        self._server = uvicorn.Server(
            uvicorn.Config(
                self.app,
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._server.run, name="site", daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://{self.settings.host}:{self.settings.port}"

    @property
    def engine(self) -> Engine:
        engine: Engine = self.app.state.services.engine
        return engine

    @property
    def clock(self) -> Clock:
        clock: Clock = self.app.state.services.clock
        return clock

    def start(self) -> "Site":
        self._thread.start()
        wait_for_port(self.settings.port)
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive(), "the server did not stop"


@contextmanager
def running_site(settings: Settings, clock: Clock | None = None) -> Iterator[Site]:
    """Serve these settings until the block ends."""
    site = Site(settings, clock)
    site.start()
    try:
        yield site
    finally:
        site.stop()


def quiet_settings(directory: Path, **more: Any) -> Settings:
    """Settings of a controller on free ports; no broker answers at its address."""
    given = {"port": free_port(), "broker_port": free_port(), "quiet_hours": ""} | more
    return Settings(data_dir=directory, host="127.0.0.1", **given)


@dataclass(frozen=True, slots=True)
class LivedIn:
    """A served site whose day is under way."""

    site: Site
    commune: Commune
    day: Day

    @property
    def base_url(self) -> str:
        return self.site.base_url

    @contextmanager
    def speaking(self, *gateway_ids: str) -> Iterator[list[Voice]]:
        """Let gateways say something in one transaction; open pages are told of it after the commit."""
        with Session(self.site.engine) as session, session.begin():
            writing(session)
            yield [Voice(session, gateway_id) for gateway_id in gateway_ids]
        changes = [Change("gateway", each) for each in gateway_ids]
        with Session(self.site.engine) as session:
            touched = session.exec(
                select(Delivery.broadcast_id).where(col(Delivery.gateway_id).in_(gateway_ids)).distinct()
            )
            changes += [Change("broadcast", each) for each in touched]
        self.site.app.state.services.events.publish(*changes)


@contextmanager
def lived_in_site(directory: Path) -> Iterator[LivedIn]:
    """Found a commune, serve it, and let its day be under way."""
    settings = quiet_settings(directory)
    clock = MidMorning()
    engine = found_database(settings)
    commune = found_commune(engine, settings, clock.now())
    with running_site(settings, clock) as site:
        # After the start: a controller that has just begun believes of no gateway that it is there.
        day = live_a_day(engine, settings, commune, clock.now())
        rehearse(engine, commune, clock.now())
        engine.dispose()
        yield LivedIn(site, commune, day)
