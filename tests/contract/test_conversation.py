"""Controller and gateway over a network that loses, repeats and reorders, through restarts of both.

The real dispatcher and ingest over a real database on one side, the real gateway core on the other; only time
and the network are made up. Whatever happens, once it is quiet again:

- nothing has sounded twice, and nothing that was not ordered;
- every delivery has ended, and says what the gateway says;
- the gateway owes no report any more.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine
from sqlmodel import Session
from support.clocks import StoppedClock
from support.ear import Ear
from support.office import Office, Sent, empty_database

from controller.broadcasts.delivery import TERMINAL, DeliveryState
from controller.broadcasts.ending import cancel, stop
from controller.db import make_engine, migrate, writing
from controller.errors import AlreadyOver
from device_agent.core import Effects, GatewayCore
from device_agent.effects import Cue, PublishReports, PublishState, StartPlaying, StopPlaying, WantClips
from device_agent.ids import new_id
from device_agent.journal import MemoryJournal
from device_agent.timed_player import TimedPlayer
from wire import topics
from wire.credential import GatewayCredential
from wire.messages import State, encode
from wire.mqtt import Incoming
from wire.types import Event, Priority

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ID = "g1"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path: Path = tmp_path_factory.mktemp("conversation") / "loacast.db"
    engine = make_engine(f"sqlite:///{path}")
    migrate(engine)
    yield engine
    engine.dispose()


@dataclass
class Pole:
    """One gateway: its core and what survives a power cut."""

    office: Office
    up: list[Incoming] = field(default_factory=list)
    ear: Ear = field(default_factory=Ear)
    connected: bool = False

    def __post_init__(self) -> None:
        self.rng = random.Random(5)
        self.journal = MemoryJournal(new_id(self.now, self.rng))
        self.boot()

    @property
    def now(self) -> datetime:
        return self.office.clock.now()

    def boot(self) -> None:
        self.connected = False
        self.player = TimedPlayer()
        self.boot_id = new_id(self.now, self.rng)
        credential = GatewayCredential(
            gateway_id=ID,
            secret="s" * 43,
            broker_host="nowhere",
            broker_port=1,
            controller_url="http://nowhere",
            keys=self.office.keyring.public,
        )
        self.core = GatewayCore(credential, self.journal, self.boot_id, self.rng, agent_version="0-test")
        self.wanted: set[str] = set()
        self.do(self.core.start(self.now))

    def hear(self, sent: Sent, *, retained: bool, redelivered: bool) -> None:
        self.do(
            self.core.on_message(
                sent.channel, sent.data, self.now, retained=retained, redelivered=redelivered
            )
        )

    def live(self) -> None:
        """Fetch what is wanted, play what is due."""
        if self.wanted:
            self.do(self.core.on_clips_ready(tuple(sorted(self.wanted)), self.now))
        for said in self.player.due(self.now):
            self.ear.told(said)
            self.do(self.core.on_player(said, self.now))
        self.do(self.core.on_time(self.now))

    def do(self, effects: Effects) -> None:
        for effect in effects:
            match effect:
                case PublishReports(reports):
                    self._say("report", encode(reports))
                case PublishState(state):
                    self._say("state", encode(state))
                case WantClips(wants):
                    self.wanted = {want.sha256 for want in wants}
                case StartPlaying():
                    self.ear.asked(effect)
                    self.player.do(effect, self.now)
                case Cue() | StopPlaying():
                    self.player.do(effect, self.now)

    def _say(self, channel: str, payload: bytes) -> None:
        if self.connected:
            self.up.append(Incoming(topics.up(ID, channel), payload, 1, retained=False, redelivered=False))


class World:
    """Both ends and what is on its way between them."""

    def __init__(self, engine: Engine) -> None:
        empty_database(engine)
        self.office = Office(engine, StoppedClock())
        self.pole = Pole(self.office)
        self.down: list[Sent] = []
        self.retained: Sent | None = None
        self.ordered: list[str] = []

    def dispatch(self) -> None:
        for sent in self.office.step():
            if sent.gateway_id == ID:
                self.down.append(sent)
                if sent.retain:
                    self.retained = sent

    def pass_time(self, seconds: float) -> None:
        step = 0.25
        while seconds > 0:
            self.office.clock.pass_time(min(step, seconds))
            seconds -= step
            self.pole.live()
        self.dispatch()

    def deliver(self, position: int, *, keep: bool = False) -> None:
        """Let one message arrive, whichever; `keep` leaves a copy on its way."""
        both = len(self.down) + len(self.pole.up)
        if not both:
            return
        position %= both
        if position < len(self.down):
            if not self.pole.connected:
                return
            sent = self.down[position]
            if not keep:
                del self.down[position]
            self.pole.hear(sent, retained=False, redelivered=keep)
            return
        position -= len(self.down)
        incoming = self.pole.up[position]
        if not keep:
            del self.pole.up[position]
        self.office.hear(incoming)

    def lose_message(self, position: int) -> None:
        both = len(self.down) + len(self.pole.up)
        if both:
            position %= both
            queue, index = (
                (self.down, position)
                if position < len(self.down)
                else (self.pole.up, position - len(self.down))
            )
            del queue[index]

    def connect(self) -> None:
        if not self.pole.connected:
            self.pole.connected = True
            self.pole.do(self.pole.core.on_connected(self.pole.now))
            if self.retained is not None:
                self.pole.hear(self.retained, retained=True, redelivered=False)

    def disconnect(self) -> None:
        if self.pole.connected:
            self.pole.connected = False
            self.pole.do(self.pole.core.on_lost())
            will = State(online=False, boot=self.pole.boot_id)
            self.pole.up.append(
                Incoming(topics.up(ID, "state"), encode(will), 1, retained=False, redelivered=False)
            )

    def power_cut(self) -> None:
        self.disconnect()
        self.pole.boot()

    def restart_controller(self) -> None:
        self.office.dispatcher = self.office.new_dispatcher()

    def order(self, priority: Priority) -> None:
        self.ordered.append(self.office.play_now(gateways=[ID], priority=priority).id)
        self.dispatch()

    def plan(self, in_seconds: int) -> None:
        start = (self.office.clock.now() + timedelta(hours=7, seconds=in_seconds)).replace(microsecond=0)
        schedule = self.office.schedule(dtstart=f"{start:%Y-%m-%dT%H:%M:%S}", how={"gateways": [ID]})
        self.ordered += [each.id for each in self.office.broadcasts_of(schedule)]
        self.dispatch()

    def end(self, which: int, how: object) -> None:
        if not self.ordered:
            return
        act = stop if how == "stop" else cancel
        with Session(self.office.engine) as session, session.begin():
            writing(session)
            try:
                act(
                    session,
                    self.office.officer,
                    self.ordered[which % len(self.ordered)],
                    now=self.office.clock.now(),
                )
            except AlreadyOver:
                return
        self.dispatch()

    def calm(self) -> None:
        """Everything works again, for long enough that all is said."""
        for _ in range(90):
            self.connect()
            while self.down or self.pole.up:
                self.deliver(0)
            self.pass_time(5)


position = st.integers(0, 30)
steps = st.one_of(
    st.tuples(st.just("deliver"), position),
    st.tuples(st.just("deliver"), position),
    st.tuples(st.just("deliver twice"), position),
    st.tuples(st.just("lose"), position),
    st.tuples(st.just("pass"), st.sampled_from([0.5, 1, 3, 8, 20])),
    st.tuples(st.sampled_from(["order", "emergency"]), st.just(0)),
    st.tuples(st.just("plan"), st.integers(2, 40)),
    st.tuples(st.sampled_from(["stop", "cancel"]), position),
    st.tuples(
        st.sampled_from(["connect", "connect", "disconnect", "power cut", "restart controller"]), st.just(0)
    ),
)


def play_script(world: World, script: list[tuple[str, float]]) -> None:  # noqa: C901 - one arm a step
    for step, argument in script:
        match step:
            case "deliver":
                world.deliver(int(argument))
            case "deliver twice":
                world.deliver(int(argument), keep=True)
            case "lose":
                world.lose_message(int(argument))
            case "pass":
                world.pass_time(argument)
            case "order" | "emergency":
                world.order(Priority.EMERGENCY if step == "emergency" else Priority.NORMAL)
            case "plan":
                world.plan(int(argument))
            case "stop" | "cancel":
                world.end(int(argument), step)
            case "connect":
                world.connect()
            case "disconnect":
                world.disconnect()
            case "power cut":
                world.power_cut()
            case "restart controller":
                world.restart_controller()


@settings(
    max_examples=25,
    deadline=None,
    # Each try plays minutes of a made-up world; a shorter script is not worth a thousand of them.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(script=st.lists(steps, min_size=5, max_size=35))
def test_nothing_sounds_twice_and_the_record_says_what_sounded(
    engine: Engine, script: list[tuple[str, float]]
) -> None:
    world = World(engine)
    play_script(world, script)
    world.calm()

    assert world.pole.ear.heard_twice() == [], "nothing sounds twice"
    assert world.pole.ear.heard <= set(world.ordered), "nothing sounds that was not ordered"
    assert world.pole.journal.waiting() == 0, "every report is receipted"
    for broadcast_id in world.ordered:
        delivery = world.office.deliveries(broadcast_id)[ID]
        sounded = broadcast_id in world.pole.ear.heard
        assert delivery.state in TERMINAL, (delivery.state, delivery.reason)
        if delivery.state is DeliveryState.PLAYED:
            assert sounded
        if sounded:
            assert delivery.state in {
                DeliveryState.PLAYED,
                DeliveryState.PARTIAL,
                DeliveryState.CANCELLED,
                DeliveryState.PREEMPTED,
            }, (delivery.state, delivery.reason)
            assert delivery.started_at is not None
        ends = [new for _, new in world.office.history(broadcast_id, ID)]
        assert len(ends) == 1 or ends[0] == "unknown", ends
        assert Event(delivery.state.value)


def test_without_trouble_everything_is_played(engine: Engine) -> None:
    world = World(engine)
    world.connect()
    play_script(world, [("order", 0), ("plan", 30), ("plan", 60)])
    world.calm()
    assert len(world.pole.ear.stretches) == 3
    assert {world.office.states(each)[ID] for each in world.ordered} == {"played"}
