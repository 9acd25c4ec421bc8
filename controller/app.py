"""The composition root: where real things are chosen and put together. Nothing happens at import time."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from sqlalchemy.engine import Engine
from sqlmodel import Session

from audio.limits import Limits
from audio.store import ClipStore
from controller import problems
from controller.areas.routes import router as areas
from controller.broadcasts.routes import router as broadcasts
from controller.broker import CONTROLLER_USER
from controller.cap.ears import OURS, CapEars
from controller.cap.routes import router as alerts
from controller.cap.signing import load_alert_key
from controller.cap.ways import CapWays, cap_ways
from controller.clips.preparation import Preparations
from controller.clips.routes import media
from controller.clips.routes import router as clips
from controller.clock import Clock, SystemClock
from controller.columns import new_id
from controller.db import make_engine, migrate, writing
from controller.drills.routes import router as drills
from controller.emergencies.routes import router as emergencies
from controller.events import EventHub
from controller.eventstream import router as events
from controller.gateways.liveness import doubt_everyone
from controller.gateways.routes import router as gateways
from controller.keyring import Keyring, open_keyring
from controller.live.armed import Armed
from controller.live.on_air import OnAir
from controller.live.routes import router as live
from controller.outbox.dispatcher import Dispatcher
from controller.outbox.inbox_routes import router as inbox
from controller.outbox.inboxes import BothWays, Inboxes
from controller.outbox.ingest import Ingest
from controller.outbox.sealing import Sealer, Sequence
from controller.people.routes import router as people
from controller.programme.routes import router as programme
from controller.services import Services
from controller.settings import Settings
from controller.warnings.routes import router as warnings
from controller.web.pages import mount_pages
from schedules.engine import AlarmClock
from wire import topics
from wire.messages import ControllerState, LiveSource, encode
from wire.mqtt import BrokerAddress, Connection, Incoming, Will

VERSION = "0.1.0"
TICK_S = 20.0
"""Even if every wake-up were lost, the dispatcher looks this often."""


@dataclass(slots=True)
class Running:
    """The threads beside the web server, started and stopped with it."""

    services: Services
    ingest: Ingest
    alarm: AlarmClock
    connection: Connection
    cap: CapWays

    def start(self) -> None:
        """Start in the order of need."""
        with Session(self.services.engine) as session, session.begin():
            writing(session)
            doubt_everyone(session)
        self.alarm.start()
        self.ingest.start(self.connection)
        self.services.dispatcher.start(BothWays(self.connection, self.services.inboxes))
        self.connection.start()
        self.cap.start()
        self.services.dispatcher.wake()

    def stop(self) -> None:
        """Stop in mirrored order."""
        self.cap.stop()
        self.connection.stop()
        self.services.dispatcher.stop()
        self.ingest.stop()
        self.alarm.stop()
        self.services.preparations.stop()
        self.services.engine.dispose()


def create_app(settings: Settings, clock: Clock | None = None) -> FastAPI:
    """Build the controller for these settings; its threads run while the app's lifespan does."""
    clock = clock or SystemClock()
    engine = make_engine(settings.url)
    keyring = open_keyring(settings.data_dir)
    events_hub = EventHub()
    alarm = AlarmClock(lambda: dispatcher.wake(), tick_at_least_every_s=TICK_S)  # noqa: PLW0108 - made below
    armed = Armed()
    dispatcher = _dispatcher(
        settings, clock, engine, keyring, events_hub, set_alarm=alarm.set, live_ahead=armed.at
    )
    store = ClipStore(settings.data_dir / "clips")
    uploads = settings.data_dir / "uploads"
    uploads.mkdir(parents=True, exist_ok=True)
    limits = Limits(max_bytes=settings.upload_max_bytes, max_duration_ms=settings.clip_max_minutes * 60_000)
    ingest = Ingest(
        engine=engine,
        clock=clock,
        events=events_hub,
        owe_receipt=dispatcher.owe_receipt,
        greet=dispatcher.greet,
    )
    inboxes = Inboxes(clock, ingest.put)
    preparations = Preparations(
        engine=engine, clock=clock, store=store, scratch=settings.data_dir / "scratch", limits=limits
    )
    cap = cap_ways(
        engine=engine,
        clock=clock,
        rules=settings.rules,
        events=events_hub,
        preparations=preparations,
        wake_dispatcher=dispatcher.wake,
    )
    services = Services(
        settings=settings,
        engine=engine,
        clock=clock,
        keyring=keyring,
        store=store,
        events=events_hub,
        uploads=uploads,
        preparations=preparations,
        dispatcher=dispatcher,
        inboxes=inboxes,
        on_air=OnAir(),
        armed=armed,
        cap=cap.desk,
        alert_key=load_alert_key(settings.data_dir),
        started=new_id(),
    )
    connection = _connection(settings, keyring, clock, services, ingest=ingest, ears=cap.ears)
    running = Running(services, ingest, alarm, connection, cap)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        migrate(engine)
        running.start()
        try:
            yield
        finally:
            running.stop()

    app = FastAPI(
        title="LoaCast",
        version=VERSION,
        description="Loudspeaker broadcasts of communes: schedules, gateways, deliveries.",
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses={"4XX": {"model": problems.ProblemOut, "description": "A stable code and a sentence."}},
    )
    app.state.services = services
    app.state.connection = connection
    problems.install(app)
    for router in (
        people,
        areas,
        gateways,
        clips,
        media,
        programme,
        broadcasts,
        emergencies,
        live,
        warnings,
        alerts,
        drills,
        inbox,
        events,
    ):
        app.include_router(router)
    mount_pages(app)
    return app


def _dispatcher(
    settings: Settings,
    clock: Clock,
    engine: Engine,
    keyring: Keyring,
    events_hub: EventHub,
    *,
    set_alarm: Callable[[datetime], None],
    live_ahead: Callable[[str], tuple[LiveSource, ...]],
) -> Dispatcher:
    return Dispatcher(
        engine=engine,
        clock=clock,
        sealer=Sealer(keyring, Sequence(engine, "transmission")),
        events=events_hub,
        zone=ZoneInfo(settings.zone),
        horizon=timedelta(days=settings.horizon_days),
        rules=settings.rules,
        set_alarm=set_alarm,
        jitter=random.Random(),
        live_ahead=live_ahead,
    )


def _connection(
    settings: Settings,
    keyring: Keyring,
    clock: Clock,
    services: Services,
    *,
    ingest: Ingest,
    ears: CapEars,
) -> Connection:
    dispatcher = services.dispatcher

    def heard(incoming: Incoming) -> None:
        if incoming.topic.startswith(f"{topics.ALERTS}/"):
            ears.put(incoming, connection)
        elif services.inboxes.believes(incoming):
            ingest.put(incoming)
        else:
            connection.ack(incoming)

    def greeted(_session_present: bool) -> None:  # noqa: FBT001 - the shape of the callback
        state = ControllerState(online=True, at=clock.now())
        connection.publish(topics.CONTROLLER_STATE, encode(state), retain=True)
        dispatcher.broker_is_back()

    connection = Connection(
        BrokerAddress(
            settings.broker_host,
            settings.broker_port,
            CONTROLLER_USER,
            keyring.broker_password,
            tls_ca=settings.broker_tls_ca,
        ),
        subscriptions=(*topics.ALL_UP, OURS),
        on_message=heard,
        on_connected=greeted,
        on_lost=dispatcher.wake,
        will=Will(topics.CONTROLLER_STATE, encode(ControllerState(online=False))),
        session_expiry_s=24 * 3600,
        manual_ack=True,
        in_flight=0,
    )
    return connection
