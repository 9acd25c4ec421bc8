"""Fan-out of "play now": press, last order received, last report committed; beside a bare loop.

The simulated gateways verify and answer; they fetch no clip and make no sound. A round lasts until every
gateway has its receipt, so rounds do not overlap, and processor seconds include the receipts.
"""

import contextlib
import sqlite3
import statistics
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.table import Table
from sqlmodel import Session, select
from support.eventually import eventually
from support.town import Api, Town

from controller import broker as configuration
from controller.areas.models import Area
from controller.columns import new_id
from controller.db import make_engine
from controller.gateways.models import Gateway, GatewayKind, GatewayState
from controller.keyring import open_keyring
from tests.bench.bare import USER, Bare
from tests.bench.fleet import now
from tests.bench.processes import FleetProcess, cpu_s, rss_mb
from wire.envelope import Scope, SigningKey, seal
from wire.messages import ClipRef, Item, Play, encode

console = Console(stderr=True)
SECRET = "s" * 43
PATIENCE_S = 120.0


@dataclass
class Figures:
    """Seconds from the press, one entry a round."""

    received: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    seen_within: list[float] = field(default_factory=list)
    """How late the commit of the last report may have been seen."""
    controller_cpu: list[float] = field(default_factory=list)
    broker_cpu: list[float] = field(default_factory=list)


def measure(gateways: int, rounds: int) -> None:
    """Run the benchmark and print it; the last line is ``ratio: N``."""
    with TemporaryDirectory() as directory:
        town = Town(Path(directory) / "town", gateways=0)
        try:
            _measure(town, gateways, rounds)
        finally:
            town.stop()


def _measure(town: Town, gateways: int, rounds: int) -> None:
    ids = [f"g{number:05}" for number in range(gateways)]
    with console.status(f"Enrolling {gateways} gateways"):
        enrol_simulated(town, ids)
        town.broker.start()
    keys = open_keyring(town.data)
    fleet = FleetProcess(
        {
            "host": town.broker.host,
            "port": town.broker.port,
            "keys": [{"kid": key.kid, "scope": key.scope.value, "public": key.public} for key in keys.public],
            "gateways": [(gateway_id, SECRET) for gateway_id in ids],
        }
    )
    try:
        with console.status(f"Connecting {gateways} simulated gateways") as status:
            fleet.wait_for(
                "ready",
                PATIENCE_S,
                lambda event: status.update(f"Connected {event['count']} of {gateways} simulated gateways"),
            )
        with console.status(f"Measuring {rounds} rounds of the bare loop"):
            bare = bare_rounds(town, fleet, keys.key(Scope.ROUTINE), ids, rounds)
        with console.status("Starting the controller"):
            town.controller.start()
            town.wait_for_controller()
        with console.status(f"Measuring {rounds} rounds of the controller"):
            ours, memory = _our_rounds(town, fleet, gateways, rounds)
    finally:
        fleet.stop()
    _print(gateways, bare, ours, memory)


def enrol_simulated(town: Town, ids: list[str]) -> None:
    """Enrol simulated gateways, whose one secret is known, and let the bare client do everything."""
    engine = make_engine(town.settings.url)
    with Session(engine) as session, session.begin():
        hamlet = session.exec(select(Area).where(Area.name == "Ấp Chợ")).one()
        row = {"area_id": hamlet.id, "kind": GatewayKind.IP_SPEAKER, "secret_sha256": "0" * 64}
        common = {"enrolled_at": now(), "enabled": True, "volume_percent": 80, "speakers": "", "note": ""}
        keeper = {"keeper_name": "", "keeper_phone": ""}
        session.execute(
            sa.insert(Gateway), [{"id": each, "name": each, **row, **common, **keeper} for each in ids]
        )
        session.execute(sa.insert(GatewayState), [{"gateway_id": each} for each in ids])
    engine.dispose()
    town.broker.secrets |= dict.fromkeys(ids, SECRET) | {USER: SECRET}
    configuration.write_passwords(town.broker.directory, town.broker.secrets)
    with (town.broker.directory / "acl").open("a") as acl:
        acl.write(f"user {USER}\ntopic readwrite loa/#\n")


def bare_rounds(town: Town, fleet: FleetProcess, key: SigningKey, ids: list[str], rounds: int) -> Figures:
    """Measure a bare client that publishes ready-made messages and counts answers."""
    figures = Figures()
    client = Bare(town.broker)
    try:
        _check_that_forgeries_are_refused(client, fleet, key, ids)
        for _ in range(rounds):
            order_id, messages = _sealed(key, ids)
            began_at = client.round(messages, PATIENCE_S)
            received = fleet.wait_for("received", PATIENCE_S, order_id=order_id)
            figures.received.append(received["at"] - began_at)
            figures.answered.append(client.last_answer_at - began_at)
    finally:
        client.stop()
    return figures


def _sealed(key: SigningKey, ids: list[str]) -> tuple[str, list[tuple[str, bytes]]]:
    """Make what the controller would send: one order, signed for each gateway."""
    at, order_id = now(), new_id()
    clip = ClipRef(sha256="ab" * 32, size_bytes=20_000, duration_ms=5_000)
    item = Item(broadcast_id=new_id(), start_at=at, clips=(clip,))
    times = {"iat": at, "nbf": at - timedelta(minutes=1), "exp": at + timedelta(minutes=2)}
    return order_id, [
        (
            each,
            seal(
                encode(Play(id=new_id(), order_id=order_id, aud=each, epoch=1, seq=1, item=item, **times)),
                key,
            ),
        )
        for each in ids
    ]


def _check_that_forgeries_are_refused(
    client: Bare, fleet: FleetProcess, key: SigningKey, ids: list[str]
) -> None:
    """See one order refused, and not answered, that names our key and is signed with another."""
    stranger = SigningKey(key.kid, key.scope, Ed25519PrivateKey.generate())
    _, ((gateway_id, forged),) = _sealed(stranger, ids[:1])
    client.send(gateway_id, forged)
    if fleet.wait_for("refused", 10)["answers"] != 0:
        raise RuntimeError("a forged order was answered")


def _our_rounds(town: Town, fleet: FleetProcess, gateways: int, rounds: int) -> tuple[Figures, float]:
    api = town.api()
    database = sqlite3.connect(f"file:{town.data / 'loacast.db'}?mode=ro", uri=True)
    present = "select count(*) from gatewaystate where online"
    eventually(
        lambda: database.execute(present).fetchone()[0] == gateways,
        PATIENCE_S,
        "every gateway is known to be there",
    )
    wait_until_calm(town.controller.pid)
    clip = api.speak("Kính mời bà con")["clip"]
    area_id = api.area("Ấp Chợ")
    controller, broker = town.controller.pid, _broker_pid(town)
    figures = Figures()
    try:
        for _ in range(rounds):
            cpu = cpu_s(controller), cpu_s(broker)
            began_at = time.monotonic()
            broadcast_id = _press(api, clip, area_id)
            committed_at, seen_within = _wait_until_committed(database, broadcast_id)
            order_id = database.execute(
                'select id from "order" where broadcast_id = ?', (broadcast_id,)
            ).fetchone()[0]
            received = fleet.wait_for("received", PATIENCE_S, order_id=order_id)
            figures.received.append(received["at"] - began_at)
            figures.answered.append(committed_at - began_at)
            figures.seen_within.append(seen_within)
            fleet.wait_for("receipted", PATIENCE_S)
            figures.controller_cpu.append(cpu_s(controller) - cpu[0])
            figures.broker_cpu.append(cpu_s(broker) - cpu[1])
    finally:
        database.close()
    return figures, rss_mb(controller)


def _press(api: Api, clip: dict[str, Any], area_id: int) -> str:
    bulletin = {"title": "Đo", "clip_sha256": clip["sha256"], "source": "speech"}
    answer = api.post("/broadcasts", json={"bulletin": bulletin, "audience": {"areas": [area_id]}})
    answer.raise_for_status()
    broadcast_id: str = answer.json()["id"]
    return broadcast_id


def _wait_until_committed(database: sqlite3.Connection, broadcast_id: str) -> tuple[float, float]:
    """Look for deliveries without a committed answer, never for more than a tenth of the time.

    Returns when there was none any more, and the seconds since the look before that.
    """
    query = "select 1 from delivery where broadcast_id = ? and state in ('planned', 'sent') limit 1"
    deadline = time.monotonic() + PATIENCE_S
    before = time.monotonic()
    while True:
        looked_at = time.monotonic()
        if database.execute(query, (broadcast_id,)).fetchone() is None:
            committed_at = time.monotonic()
            return committed_at, committed_at - before
        before = looked_at
        if looked_at > deadline:
            raise RuntimeError("not every report was committed")
        time.sleep(max(0.005, 9 * (time.monotonic() - looked_at)))  # noqa: TID251


def wait_until_calm(controller: int) -> None:
    """Wait until the controller has asked every gateway how it is, as it does after a start."""

    def calm() -> bool:
        before = cpu_s(controller)
        time.sleep(0.5)  # noqa: TID251
        return cpu_s(controller) - before < 0.1

    eventually(calm, 60, "the controller is calm")


def _broker_pid(town: Town) -> int:
    marker = str(town.broker.directory / "mosquitto.conf")
    for command_line in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended since it was listed
            if marker in command_line.read_text(errors="replace"):
                return int(command_line.parent.name)
    raise RuntimeError("the bench needs a Mosquitto of its own, as a process of this machine")


def _print(gateways: int, bare: Figures, ours: Figures, memory: float) -> None:
    median = statistics.median

    def shown(seconds: list[float]) -> str:
        return f"{median(seconds):.3f} (best {min(seconds):.3f})"

    table = Table(
        title=f"Play now to {gateways} gateways, medians of {len(ours.received)} rounds",
        caption=f"Commit seen within {median(ours.seen_within) * 1000:.0f} ms. A round costs the controller "
        f"{median(ours.controller_cpu):.2f} CPU-s, the broker {median(ours.broker_cpu):.2f}; "
        f"the controller holds {memory:.0f} MB. No gateway fetches a clip.",
    )
    table.add_column("seconds")
    table.add_column("last order received", justify="right")
    table.add_column("last answer", justify="right")
    table.add_row("controller: committed", shown(ours.received), shown(ours.answered))
    table.add_row("bare paho: collected", shown(bare.received), shown(bare.answered))
    Console().print(table)
    typer.echo(
        f"fanout gateways={gateways} ours_received_s={median(ours.received):.3f} "
        f"ours_committed_s={median(ours.answered):.3f} bare_received_s={median(bare.received):.3f} "
        f"bare_answers_s={median(bare.answered):.3f} ours_best_s={min(ours.answered):.3f} "
        f"bare_best_s={min(bare.answered):.3f} controller_cpu_s={median(ours.controller_cpu):.2f} "
        f"broker_cpu_s={median(ours.broker_cpu):.2f} controller_rss_mb={memory:.0f}"
    )
    typer.echo(f"ratio: {median(ours.answered) / median(bare.answered):.2f}")
