"""The way over HTTPS, over real HTTP and with no broker at all: who is let in, what comes, what it means."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlmodel import Session, select
from support.commune import found_commune, found_database
from support.eventually import eventually
from support.signing import an_id
from support.site import Site, quiet_settings, running_site

from controller.areas.models import Area
from controller.db import writing
from controller.gateways.models import GatewayKind, GatewayState
from controller.gateways.service import enrol
from controller.keyring import open_keyring
from controller.outbox.models import OrderKind
from controller.outbox.service import put_order
from wire.credential import GatewayCredential
from wire.envelope import Scope, Verifier
from wire.inbox import INBOX_PATH, InboxAnswer, decode_answer, up_path
from wire.messages import MAX_BYTES, State, Volume, decode_to_gateway, encode

pytestmark = pytest.mark.slow


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a served site lives in real time


@dataclass(frozen=True, slots=True)
class Door:
    """A gateway at the door of a controller whose broker is dead."""

    site: Site
    credential: GatewayCredential
    client: httpx.Client

    def ask(self, after: str = "") -> InboxAnswer:
        answer = self.client.get(INBOX_PATH, params={"after": after})
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        return decode_answer(answer.content)

    def say(self, state: State) -> None:
        assert self.client.post(up_path("state"), content=encode(state)).status_code == 202

    def order_volume(self, percent: int, *, emergency: bool = False) -> str:
        with Session(self.site.engine) as session, session.begin():
            writing(session)
            order_id = put_order(
                session,
                OrderKind.VOLUME,
                {"percent": percent},
                [self.credential.gateway_id],
                now=now(),
                expires_at=now() + timedelta(hours=1),
                emergency=emergency,
            )
        self.site.app.state.services.wake()
        return order_id

    def online(self) -> bool | None:
        with Session(self.site.engine) as session:
            return session.get_one(GatewayState, self.credential.gateway_id).online


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    settings = quiet_settings(tmp_path_factory.mktemp("site"))
    engine = found_database(settings)
    found_commune(engine, settings, now())
    with Session(engine) as session, session.begin():
        writing(session)
        area = session.exec(select(Area).where(Area.name == "Ấp Chợ")).one()
        _, credential = enrol(
            session,
            gateway_id="31672-900",
            area=area,
            name="Cửa",
            kind=GatewayKind.IP_SPEAKER,
            keyring=open_keyring(settings.data_dir),
            settings=settings,
            now=now(),
        )
    engine.dispose()
    with (
        running_site(settings) as site,
        httpx.Client(
            base_url=site.base_url, auth=(credential.gateway_id, credential.secret), timeout=30
        ) as client,
    ):
        yield Door(site, credential, client)


def orders_in(door: Door, answer: InboxAnswer) -> list[str]:
    verifier = Verifier(door.credential.keys)
    opened = [
        decode_to_gateway(
            verifier.open(
                bytes(message.envelope),
                Scope.EMERGENCY if message.channel == "emergency" else Scope.ROUTINE,
            )
        )
        for message in answer.messages
    ]
    return [message.order_id for message in opened if isinstance(message, Volume)]


def test_only_a_gateway_with_its_own_secret_is_let_in(door: Door) -> None:
    for auth in (None, ("31672-900", "x" * 43), ("31672-001", door.credential.secret)):
        with httpx.Client(base_url=door.site.base_url, auth=auth) as stranger:
            assert stranger.get(INBOX_PATH).status_code == 401
            assert stranger.post(up_path("state"), content=b"{}").status_code == 401


def test_what_is_too_large_or_no_channel_of_ours_is_refused(door: Door) -> None:
    assert door.client.post(up_path("report"), content=b"x" * (MAX_BYTES + 1)).status_code == 413
    assert door.client.post("/api/v1/gateway/up/order", content=b"{}").status_code == 422


def test_a_gateway_gets_its_plan_and_its_orders_signed_and_is_online_with_the_broker_dead(door: Door) -> None:
    order_id = door.order_volume(40)
    answer = door.ask()
    door.say(State(online=True, boot=an_id()))
    eventually(lambda: door.online() is True, 5, "online by its birth over HTTPS")
    seen: list[str] = []
    channels: set[str] = set()
    while order_id not in seen or "plan" not in channels:
        seen += orders_in(door, answer)
        channels |= {message.channel for message in answer.messages}
        answer = door.ask(answer.cursor)
    assert seen[0] == order_id
    door.say(State(online=False, boot=an_id()))


def test_an_order_interrupts_a_question_that_waits_and_stays_until_it_is_confirmed(door: Door) -> None:
    answer = door.ask()
    order_id = door.order_volume(55)
    began = now()
    while order_id not in orders_in(door, answer):
        answer = door.ask(answer.cursor)
    assert now() - began < timedelta(seconds=2)
    # Dealt with or not: without the report "received" the outbox sends it again, under a new envelope.
    again = door.ask(answer.cursor)
    while order_id not in orders_in(door, again):
        again = door.ask(again.cursor)
    assert now() - began < timedelta(seconds=12)


def test_what_a_lost_answer_held_comes_again(door: Door) -> None:
    order_id = door.order_volume(60)
    answer = door.ask("never heard of")
    while order_id not in orders_in(door, answer):
        answer = door.ask(answer.cursor)
    assert order_id in orders_in(door, door.ask("lost on the way"))


def test_goodbye_over_https_is_believed_at_once(door: Door) -> None:
    boot = an_id()
    door.say(State(online=True, boot=boot))
    eventually(lambda: door.online() is True, 5)
    door.say(State(online=False, boot=boot))
    eventually(lambda: door.online() is False, 5)
