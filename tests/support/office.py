"""A controller's database with a commune in it, and the parts around it without broker or web server."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, select
from support.clocks import StoppedClock

from controller.areas.models import Area, AreaKind
from controller.areas.service import add_area
from controller.broadcasts import service as broadcasts
from controller.broadcasts.audience import Audience
from controller.broadcasts.models import Broadcast, Delivery, DeliveryHistory
from controller.broadcasts.playing import Playing
from controller.bulletins.models import Bulletin, Source
from controller.clips.models import Clip
from controller.columns import new_id
from controller.db import writing
from controller.events import EventHub
from controller.gateways.models import Gateway, GatewayKind, GatewayState
from controller.gateways.rules import HouseRules
from controller.keyring import Keyring
from controller.live.armed import Armed
from controller.outbox.dispatcher import Dispatcher
from controller.outbox.ingest import Ingest
from controller.outbox.models import Outbox
from controller.outbox.sealing import Sealer, Sequence
from controller.people.access import Actor
from controller.people.models import Role
from controller.programme import service as programme
from controller.programme.models import Schedule
from controller.programme.service import Wanted
from controller.tables import metadata
from schedules.quiet_hours import QuietHours
from wire import topics
from wire.envelope import Scope, SigningKey, Verifier
from wire.messages import Report, Reports, State, ToGateway, decode_to_gateway, encode
from wire.mqtt import Incoming, NotConnected
from wire.types import Event

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
CLIP = "c1" * 32
BOOT = "01930000-0000-7000-8000-0000000000b0"
JOURNAL = "01930000-0000-7000-8000-0000000000c0"
ALWAYS = HouseRules(QuietHours(windows=()), longest_ms=3 * 3_600_000)


@dataclass
class Sent:
    """One message as the broker got it, opened and verified."""

    gateway_id: str
    channel: str
    message: ToGateway
    retain: bool
    qos: int
    data: bytes = field(repr=False)


class FakePublisher:
    """Stands in for the ways to the gateways: keeps what is published, and can be cut."""

    def __init__(self, verifier: Verifier) -> None:
        self.connected = True
        self.asking: frozenset[str] = frozenset()
        """Gateways that have an inbox open, and are reached by that while the connection is cut."""
        self.sent: list[Sent] = []
        self._verifier = verifier

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, expiry_s: int | None = None
    ) -> None:
        assert expiry_s is None or expiry_s > 0
        parts = topics.parse(topic)
        if not self.connected and parts.gateway_id not in self.asking:
            raise NotConnected(topic)
        scope = Scope.EMERGENCY if parts.channel == "emergency" else Scope.ROUTINE
        message = decode_to_gateway(self._verifier.open(payload, scope))
        assert message.aud == parts.gateway_id
        self.sent.append(Sent(parts.gateway_id, parts.channel, message, retain, qos, payload))

    def reachable(self) -> frozenset[str] | None:
        return None if self.connected else self.asking

    def ack(self, incoming: Incoming) -> None:
        """Acknowledge a message; nothing here asks."""

    def take(self, channel: str | None = None) -> list[Sent]:
        """Return what was sent since the last look."""
        taken = [each for each in self.sent if channel in {None, each.channel}]
        self.sent = [each for each in self.sent if each not in taken]
        return taken


def a_keyring() -> Keyring:
    """Keys made from fixed bytes."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    keys = tuple(
        SigningKey(f"{scope.value}-1", scope, Ed25519PrivateKey.from_private_bytes(bytes([index]) * 32))
        for index, scope in enumerate(Scope, start=1)
    )
    return Keyring(epoch=1, broker_password="x" * 32, keys=keys)


class Office:
    """One commune with two hamlets of two gateways, an officer, and a dispatcher to step by hand."""

    def __init__(self, engine: Engine, clock: StoppedClock) -> None:
        self.engine = engine
        self.clock = clock
        self.keyring = a_keyring()
        self.publisher = FakePublisher(Verifier(self.keyring.public))
        self.alarms: list[datetime] = []
        self.armed = Armed()
        self.dispatcher = self.new_dispatcher()
        self.ingest = Ingest(
            engine=engine,
            clock=clock,
            events=EventHub(),
            owe_receipt=lambda *args: self.dispatcher.owe_receipt(*args),  # noqa: PLW0108 - may be replaced
            greet=lambda back: self.dispatcher.greet(back),  # noqa: PLW0108 - may be replaced
        )
        self._report_numbers: dict[str, int] = {}
        with Session(engine, expire_on_commit=False) as session, session.begin():
            self._found(session)

    def new_dispatcher(self) -> Dispatcher:
        """As after a restart of the controller: nothing remembered."""
        dispatcher = Dispatcher(
            engine=self.engine,
            clock=self.clock,
            sealer=Sealer(self.keyring, Sequence(self.engine, "transmission")),
            events=EventHub(),
            zone=ZONE,
            horizon=timedelta(days=8),
            rules=ALWAYS,
            set_alarm=self.alarms.append,
            jitter=random.Random(1),
            live_ahead=self.armed.at,
        )
        dispatcher._publisher = self.publisher
        return dispatcher

    def _found(self, session: Session) -> None:
        day = date(2025, 7, 1)

        def area(code: str, kind: AreaKind, name: str, parent: Area | None) -> Area:
            return add_area(session, code=code, kind=kind, name=name, parent=parent, valid_from=day)

        province = area("92", AreaKind.PROVINCE, "Thành phố Cần Thơ", None)
        self.commune = area("31673", AreaKind.COMMUNE, "Xã Trần Đề", province)
        self.foreign = area("31679", AreaKind.COMMUNE, "Xã Lịch Hội Thượng", province)
        self.hamlets = [area(f"H{i}", AreaKind.HAMLET, f"Ấp {i}", self.commune) for i in (1, 2)]
        self.empty = area("H3", AreaKind.HAMLET, "Ấp 3", self.commune)
        self.gateway_ids = [f"g{number}" for number in (1, 2, 3, 4)]
        for number, gateway_id in enumerate(self.gateway_ids):
            session.add(
                Gateway(
                    id=gateway_id,
                    area_id=self.hamlets[number // 2].id,
                    name=gateway_id,
                    kind=GatewayKind.IP_SPEAKER,
                    secret_sha256="0" * 64,
                    enrolled_at=self.clock.now(),
                )
            )
            session.flush()
            session.add(GatewayState(gateway_id=gateway_id))
        session.add(
            Clip(
                sha256=CLIP,
                size_bytes=20_000,
                duration_ms=10_000,
                loudness_lufs=-16.0,
                true_peak_dbtp=-2.0,
                prepared_at=self.clock.now(),
            )
        )
        session.flush()
        self.bulletin = Bulletin(
            id=new_id(),
            area_id=self.commune.id,
            title="Họp dân",
            source=Source.UPLOAD,
            clip_sha256=CLIP,
            created_at=self.clock.now(),
        )
        session.add(self.bulletin)
        self.officer = Actor(None, "officer", Role.OFFICER, self.commune.id, self.commune.path)
        self.neighbour = Actor(None, "neighbour", Role.OFFICER, self.foreign.id, self.foreign.path)

    def playing(
        self, *, areas: list[Area] | None = None, gateways: list[str] | None = None, **how: object
    ) -> Playing:
        """What is to be played; to the whole commune if nothing else is said."""
        chosen = [self.commune] if areas is None and gateways is None else areas or []
        with Session(self.engine, expire_on_commit=False) as session:
            clip = session.get(Clip, CLIP)
            assert clip is not None
        audience = Audience(tuple(area.id for area in chosen), tuple(gateways or ()))
        return Playing(bulletin=self.bulletin, clip=clip, title="Họp dân", audience=audience, **how)  # type: ignore[arg-type]

    def play_now(self, actor: Actor | None = None, **how: object) -> Broadcast:
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            writing(session)
            return broadcasts.play_now(
                session,
                actor or self.officer,
                self.playing(**how),  # type: ignore[arg-type]
                now=self.clock.now(),
                rules=ALWAYS,
                limit_ms=120_000,
            )

    def schedule(
        self, actor: Actor | None = None, *, rules: HouseRules = ALWAYS, **recurrence: object
    ) -> Schedule:
        how = recurrence.pop("how", {})
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            writing(session)
            return programme.create(
                session,
                actor or self.officer,
                Wanted(self.playing(**how), recurrence),  # type: ignore[arg-type]
                now=self.clock.now(),
                horizon=timedelta(days=8),
                rules=rules,
            )

    def broadcasts_of(self, schedule: Schedule) -> list[Broadcast]:
        with Session(self.engine) as session:
            query = select(Broadcast).where(Broadcast.schedule_id == schedule.id).order_by(Broadcast.start_at)  # type: ignore[arg-type]
            return list(session.exec(query))

    def births(self, *gateway_ids: str, boot: str = BOOT, config_version: int = 0) -> None:
        """Let gateways say that they are there, and which configuration they hold."""
        state = State(
            online=True,
            boot=boot,
            at=self.clock.now(),
            agent_version="0.1.0",
            config_version=config_version,
        )
        self.hear(
            *(
                Incoming(topics.up(each, "state"), encode(state), 1, False, False)
                for each in gateway_ids or self.gateway_ids
            )
        )

    def dies(self, gateway_id: str, boot: str = BOOT) -> None:
        """Let the broker publish a gateway's will."""
        self.hear(
            Incoming(topics.up(gateway_id, "state"), encode(State(online=False, boot=boot)), 1, False, False)
        )

    def reports(self, gateway_id: str, *events: Report) -> Incoming:
        """Number reports as the gateway's journal would, and return them as one message."""
        first = self._report_numbers.get(gateway_id, 0) + 1
        numbered = tuple(
            Report(**{**{name: getattr(each, name) for name in each.__struct_fields__}, "n": first + index})
            for index, each in enumerate(events)
        )
        self._report_numbers[gateway_id] = first + len(events) - 1
        message = Reports(journal=JOURNAL, boot=BOOT, oldest=first, reports=numbered)
        return Incoming(topics.up(gateway_id, "report"), encode(message), 1, False, False)

    def report(
        self, _gateway_id: str, event: Event, broadcast_id: str | None = None, **more: object
    ) -> Report:
        """Make one thing that happened just now."""
        ids = (broadcast_id,) if broadcast_id else ()
        return Report(n=1, at=self.clock.now(), event=event, broadcast_ids=ids, **more)  # type: ignore[arg-type]

    def tell(self, gateway_id: str, event: Event, broadcast_id: str | None = None, **more: object) -> None:
        """Let one gateway report one thing."""
        self.hear(self.reports(gateway_id, self.report(gateway_id, event, broadcast_id, **more)))

    def hear(self, *incoming: Incoming) -> None:
        self.ingest.commit(list(incoming))

    def step(self, channel: str | None = None) -> list[Sent]:
        """Let the dispatcher do what is due, and return what it sent."""
        self.dispatcher.step()
        return self.publisher.take(channel)

    def deliveries(self, broadcast_id: str) -> dict[str, Delivery]:
        with Session(self.engine) as session:
            rows = session.exec(select(Delivery).where(Delivery.broadcast_id == broadcast_id)).all()
            return {row.gateway_id: row for row in rows}

    def states(self, broadcast_id: str) -> dict[str, str]:
        return {each.gateway_id: each.state.value for each in self.deliveries(broadcast_id).values()}

    def history(self, broadcast_id: str, gateway_id: str) -> list[tuple[str, str]]:
        delivery = self.deliveries(broadcast_id)[gateway_id]
        with Session(self.engine) as session:
            rows = session.exec(
                select(DeliveryHistory)
                .where(DeliveryHistory.delivery_id == delivery.id)
                .order_by(DeliveryHistory.id)  # type: ignore[arg-type]
            ).all()
            return [(row.old.value, row.new.value) for row in rows]

    def state_of(self, gateway_id: str) -> GatewayState:
        with Session(self.engine) as session:
            row = session.get(GatewayState, gateway_id)
            assert row is not None
            return row

    def waiting(self, order_id: str) -> set[str]:
        """Return the gateways that have not confirmed an order."""
        with Session(self.engine) as session:
            return set(session.exec(select(Outbox.gateway_id).where(Outbox.order_id == order_id)))

    def count(self, table: type) -> int:
        with Session(self.engine) as session:
            return int(session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def empty_database(engine: Engine) -> None:
    """Take every row out, in the order of dependence."""
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
