"""The running demo: everything is started in the order of need, watched, and stopped in mirrored order."""

import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path

from sqlmodel import Session, col, select

from controller.clock import Clock, monotonic_s
from controller.db import make_engine
from controller.demo import places
from controller.demo.children import ROOT, Child, python, stop
from controller.demo.founding import found, move_in
from controller.demo.home import HOST, DemoError, Home, Ports
from controller.demo.programme import Station
from controller.demo.stopper import AskedToStop, Stopper
from controller.demo.telling import Told
from controller.gateways.models import GatewayState

_LOOK_EVERY_S = 0.05
_WATCH_EVERY_S = 0.5
_ANSWERS_WITHIN_S = 30.0
_ONLINE_WITHIN_S = 90.0
"""Eight processes import numpy at the same time; on two slow cores that takes a while."""


@dataclass(slots=True)
class Show:
    """One run of the demo.

    Attributes:
        home: Where it lives.
        ports: What it listens on.
        clock: The present.
        stopper: Waits, and ends waiting.
        told: Where progress is shown.
        lock: Descriptor that every child holds.
    """

    home: Home
    ports: Ports
    clock: Clock
    stopper: Stopper
    told: Told
    lock: int
    _crew: list[Child] = field(default_factory=list)
    _gone: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://{HOST}:{self.ports.web}"

    def prepare(self) -> None:
        """Make what is not there yet, and fit the rest to today's ports."""
        if not self.home.is_founded:
            self.home.clear()
            with self.told.busy("Founding five communes with 38 gateways"):
                found(self.home, self.ports, now=self.clock.now())
            with self.told.counting("Speaking the bulletins of a week") as tell:
                self._station().make_week(tell)
            self.home.mark_founded()
        self.home.remember_ports(self.ports)
        move_in(self.home, self.ports)
        station = self._station()
        if station.lacks_warnings():
            with self.told.counting("Preparing warnings that every gateway keeps") as tell:
                station.keep_warnings(tell)

    def announce(self, in_s: int) -> datetime | None:
        """Have something sound soon; returns when, or None in the quiet hours."""
        start_at = (self.clock.now() + timedelta(seconds=in_s + 1)).replace(microsecond=0)
        return start_at if self._station().announce_welcome(start_at) else None

    def start(self) -> None:
        """Start everything and wait until it is there.

        Raises:
            AskedToStop: Someone asked in between.
            DemoError: Something did not start; with the end of its log.
        """
        with self.told.busy("Starting Mosquitto") as done:
            run = str(ROOT / "deploy" / "broker" / "run.sh")
            directory = self.home.settings(self.ports).passwords_dir
            self._begin(Child("broker", [run, str(directory)], self._log("broker"), essential=True))
            self._wait_for(self._broker_listens, _ANSWERS_WITHIN_S, "the broker did not start")
            done(f"Mosquitto listens on {HOST}:{self.ports.broker}")
        with self.told.busy("Starting the controller") as done:
            environment = self.home.environment(self.ports)
            self._begin(
                Child(
                    "controller",
                    python("controller", "serve"),
                    self._log("controller"),
                    environment,
                    essential=True,
                )
            )
            self._wait_for(self._controller_answers, _ANSWERS_WITHIN_S, "the controller does not answer")
            done(f"The controller answers at {self.url}")
        with self.told.busy("Starting the gateways") as done:
            for child in self._gateways():
                self._begin(child)
            expected = sum(len(station.clusters) for each in places.COMMUNES for station in each.stations) - 1
            self._wait_for(
                lambda: self._online() >= expected, _ONLINE_WITHIN_S, "not every gateway came online"
            )
            sounding = len(places.sounding())
            done(f"{expected} gateways are online, {sounding} of them with recorded sound")
        self.home.note_pids([child.pid for child in self._crew if child.pid is not None])

    def watch(self, for_s: float | None) -> None:
        """Wait until asked to stop or the time is over; tell of every process that ends.

        Raises:
            DemoError: The broker or the controller ended.
        """
        until = None if for_s is None else monotonic_s() + for_s
        try:
            while until is None or monotonic_s() < until:
                left = _WATCH_EVERY_S if until is None else min(_WATCH_EVERY_S, until - monotonic_s())
                self.stopper.pause(max(0.0, left))
                self._look_after_children()
        except AskedToStop:
            return

    def stop(self) -> None:
        """Stop gateways, controller and broker, in this order."""
        gateways = [child for child in self._crew if not child.essential]
        stop(gateways)
        for child in reversed([child for child in self._crew if child.essential]):
            stop([child])

    def _station(self) -> Station:
        return Station(self.home.settings(self.ports), self.clock, self.stopper.pause)

    def _begin(self, child: Child) -> None:
        self._crew.append(child)
        child.start(self.lock)

    def _gateways(self) -> list[Child]:
        agents = [
            Child(
                gateway_id,
                python(
                    "device_agent",
                    "run",
                    *("--credential", str(self.home.credential(gateway_id, sounds=True))),
                    *("--state-dir", str(self.home.gateway(gateway_id))),
                    *("--sink", f"file:{self.home.sound(gateway_id)}"),
                ),
                self._log(gateway_id),
            )
            for gateway_id in places.sounding()
        ]
        fleet = Child(
            "fleet",
            python(
                "device_agent",
                "fleet",
                *("--credentials", str(self.home.fleet / "credentials")),
                *("--state-dir", str(self.home.fleet / "state")),
            ),
            self._log("fleet"),
        )
        return [fleet, *agents]

    def _log(self, name: str) -> Path:
        return self.home.logs / f"{name}.log"

    def _wait_for(self, look: Callable[[], bool], within_s: float, otherwise: str) -> None:
        deadline = monotonic_s() + within_s
        while not look():
            for child in self._crew:
                if child.exit_code is not None:
                    raise DemoError(_obituary(child))
            if monotonic_s() > deadline:
                newest = self._crew[-1]
                raise DemoError(f"{otherwise} within {within_s:.0f} s\n{newest.last_lines()}")
            self.stopper.pause(_LOOK_EVERY_S)

    def _look_after_children(self) -> None:
        for child in self._crew:
            if child.exit_code is None or child.name in self._gone:
                continue
            self._gone.add(child.name)
            if child.essential:
                raise DemoError(_obituary(child))
            self.told.warn(_obituary(child))

    def _broker_listens(self) -> bool:
        try:
            socket.create_connection((HOST, self.ports.broker), timeout=1.0).close()
        except OSError:
            return False
        return True

    def _controller_answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/api/v1/me", timeout=2.0)  # noqa: S310 - our own http address
        except urllib.error.HTTPError as error:
            with error:
                return error.code == HTTPStatus.UNAUTHORIZED
        except OSError:
            return False
        return True

    def _online(self) -> int:
        engine = make_engine(self.home.settings(self.ports).url)
        try:
            with Session(engine) as session:
                return len(session.exec(select(GatewayState).where(col(GatewayState.online).is_(True))).all())
        finally:
            engine.dispose()


def _obituary(child: Child) -> str:
    return (
        f"{child.name} ended by itself with {child.exit_code}; the end of {child.log}:\n{child.last_lines()}"
    )
