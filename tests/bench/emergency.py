"""Emergency: from the press to the first sample at gateways, beside a bare loop of the same run.

Real gateways run the agent and render to a file: their first sample is read from the recording. Light ones
run the agent's core in one process; what they verify and report is real, their playing only counts time.
Simulated gateways verify and answer, and stand for the size of a province.
"""

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import sqlalchemy as sa
import typer
from rich.console import Console
from rich.table import Table
from sqlmodel import Session, col, select
from support.eventually import eventually
from support.netns import Bed, network_bed
from support.slow_line import SlowLine
from support.town import ROOT, Api, Town

from controller.areas.models import Area
from controller.db import make_engine, writing
from controller.gateways.models import GatewayConfig, GatewayKind, GatewayState
from controller.gateways.service import admit, enrol
from controller.keyring import open_keyring
from tests.bench.fanout import PATIENCE_S, bare_rounds, enrol_simulated, wait_until_calm
from tests.bench.fleet import now
from tests.bench.processes import FleetProcess
from wire.credential import write_credential
from wire.envelope import Scope

console = Console(stderr=True)
COMMUNE = "Địa bàn đài Đại Ân 2"
WORDS = "Cảnh báo lũ khẩn cấp. Bà con rời khỏi vùng trũng ngay."
KBIT_S, DELAY_MS, LOSS_PERCENT = 384, 200, 2
"""3G-like: the rate of UMTS, a fifth of a second each way, and some packets lost."""


@dataclass
class Figures:
    """Seconds from the press, of all rounds."""

    sounding: list[float] = field(default_factory=list)
    """First sample, one entry for each gateway and round."""
    silent: int = 0
    """Gateways that never began."""
    stopped: list[float] = field(default_factory=list)
    """From "stop everything" of the province to silence, one entry for each gateway and round."""
    simulated: list[float] = field(default_factory=list)
    """Last simulated gateway, one entry a round."""


def measure(real: int, light: int, simulated: int, rounds: int, *, three_g: bool) -> None:
    """Run the benchmark and print it."""
    with TemporaryDirectory() as directory, ExitStack() as stack:
        bed = stack.enter_context(network_bed("fleet")) if three_g else None
        if bed is not None:
            stack.enter_context(bed.controller.inside())
        town = Town(Path(directory) / "town", gateways=0 if three_g else real, bed=bed)
        stack.callback(town.stop)
        _measure(stack, town, bed, light=light, simulated=simulated, rounds=rounds)


def _measure(
    stack: ExitStack, town: Town, bed: Bed | None, *, light: int, simulated: int, rounds: int
) -> None:
    simulated_ids = [f"s{number:05}" for number in range(simulated)]
    light_ids = [f"l{number:05}" for number in range(light)]
    if simulated_ids:
        enrol_simulated(town, simulated_ids)
    town.broker.start()
    line = _line(stack, town, bed) if bed is not None else None
    _enrol_light(town, light_ids, line)
    keys = open_keyring(town.data)
    public = [{"kid": key.kid, "scope": key.scope.value, "public": key.public} for key in keys.public]
    at = {"host": town.broker.host, "port": town.broker.port, "keys": public}
    fleet = FleetProcess({**at, "gateways": [(each, town.broker.secrets[each]) for each in simulated_ids]})
    stack.callback(fleet.stop)
    fleet.wait_for("ready", PATIENCE_S)
    with console.status("Measuring the bare loop"):
        bare = bare_rounds(town, fleet, keys.key(Scope.ROUTINE), simulated_ids, rounds) if simulated else None
    town.controller.start()
    town.wait_for_controller()
    for agent in town.agents.values():
        agent.start()
    stack.enter_context(_light_fleet(town, bed, light_ids))
    heard = [*town.gateway_ids, *light_ids]
    api = town.api()
    with console.status(f"Waiting for {len(heard)} gateways to hold the warning"):
        clip = _keep_a_warning(town, api, heard)
        wait_until_calm(town.controller.pid)
    with console.status(f"Measuring {rounds} rounds"):
        figures = _rounds(town, api, fleet if simulated else None, clip, heard, rounds=rounds)
    _print(
        figures,
        bare.received if bare else [],
        len(town.gateway_ids),
        light,
        simulated,
        three_g=bed is not None,
    )


def _line(stack: ExitStack, town: Town, bed: Bed) -> int:
    """Lay the narrow and lossy line that the light gateways hang on; return its port at their end."""
    far = bed.gateways["fleet"]
    far.link.loss(LOSS_PERCENT)
    with far.inside():
        line = SlowLine(town.broker.host, town.broker.port, kbit_s=KBIT_S, delay_ms=DELAY_MS).start()
    stack.callback(line.stop)
    return line.port


def _enrol_light(town: Town, ids: Sequence[str], line: int | None) -> None:
    engine = make_engine(town.settings.url)
    directory = town.directory / "light"
    directory.mkdir()
    keyring = open_keyring(town.data)
    for gateway_id in ids:
        with Session(engine) as session, session.begin():
            writing(session)
            _, credential = enrol(
                session,
                gateway_id=gateway_id,
                area=session.exec(select(Area).where(Area.name == "Ấp Chợ")).one(),
                name=gateway_id,
                kind=GatewayKind.IP_SPEAKER,
                keyring=keyring,
                settings=town.settings,
                now=now(),
            )
        admit(town.settings, credential)
        if line is not None:
            credential = msgspec.structs.replace(credential, broker_host="127.0.0.1", broker_port=line)
        write_credential(credential, directory / f"{gateway_id}.json")
    engine.dispose()


@contextmanager
def _light_fleet(town: Town, bed: Bed | None, ids: Sequence[str]) -> Iterator[None]:
    if not ids:
        yield
        return
    directory = town.directory / "light"
    command = [sys.executable, "-m", "device_agent", "fleet", "--credentials", str(directory)]
    command += ["--state-dir", str(town.directory / "light-state")]
    inside = command if bed is None else bed.gateways["fleet"].command(command)
    with (town.directory / "light.log").open("ab") as log:
        process = subprocess.Popen(inside, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def _keep_a_warning(town: Town, api: Api, heard: Sequence[str]) -> dict[str, Any]:
    clip: dict[str, Any] = api.speak(WORDS)["clip"]
    bulletin = {"title": "Đo", "clip_sha256": clip["sha256"], "source": "speech", "text": WORDS}
    written = api.post("/bulletins", json=bulletin).json()
    api.client.put(f"/api/v1/bulletins/{written['id']}/prepared", json={"prepared": True}).raise_for_status()

    engine = make_engine(town.settings.url)
    behind = (
        sa.select(sa.func.count())
        .select_from(GatewayState)
        .join(GatewayConfig, col(GatewayConfig.gateway_id) == col(GatewayState.gateway_id), isouter=True)
        .where(
            col(GatewayState.gateway_id).in_(heard),
            col(GatewayState.online).is_not(True)
            | (col(GatewayState.config_version) < col(GatewayConfig.version))
            | col(GatewayConfig.version).is_(None),
        )
    )

    def held() -> bool:
        with engine.connect() as connection:
            if connection.execute(behind).scalar():
                return False
        return all(
            any(clip["sha256"] in path.name for path in (town.directory / each / "clips").glob("**/*"))
            for each in town.gateway_ids
        )

    eventually(held, PATIENCE_S * 3, "every gateway holds the warning")
    engine.dispose()
    return clip


def _rounds(
    town: Town,
    api: Api,
    fleet: FleetProcess | None,
    clip: dict[str, Any],
    heard: Sequence[str],
    *,
    rounds: int,
) -> Figures:
    figures = Figures()
    audience = {"areas": [api.area(COMMUNE)], "gateways": []}
    for _ in range(rounds):
        api.step_up()
        pressed_at, pressed_s = now(), time.monotonic()
        answer = api.post(
            "/emergencies",
            json={"source": "text", "clip_sha256": clip["sha256"], "text": WORDS, "audience": audience},
        )
        answer.raise_for_status()
        emergency_id = answer.json()["id"]
        if fleet is not None:
            received = fleet.wait_for("received", PATIENCE_S)
            figures.simulated.append(received["at"] - pressed_s)
        broadcast_id = api.get(f"/emergencies/{emergency_id}/roll-call")["broadcast_id"]
        figures.sounding += _began(town, api, broadcast_id, heard, pressed_at)
        figures.silent += len(heard) - len(_started(api, broadcast_id, heard))
        figures.stopped += _stop_the_province(town, broadcast_id, heard)
        wait_until_calm(town.controller.pid)
    return figures


def _stop_the_province(town: Town, broadcast_id: str, heard: Sequence[str]) -> list[float]:
    admin = town.api("admin")
    pressed_at = now()
    admin.post(f"/areas/{admin.area('Thành phố Cần Thơ')}/stop").raise_for_status()

    def settled() -> list[datetime]:
        found = admin.deliveries(broadcast_id)
        ends = [found[each]["settled_at"] for each in heard]
        return [datetime.fromisoformat(at) for at in ends] if all(ends) else []

    return [(at - pressed_at) / timedelta(seconds=1) for at in eventually(settled, 30, "everyone is silent")]


def _started(api: Api, broadcast_id: str, heard: Sequence[str]) -> dict[str, datetime]:
    found = api.deliveries(broadcast_id)
    return {
        each: datetime.fromisoformat(found[each]["started_at"]) for each in heard if found[each]["started_at"]
    }


def _began(
    town: Town, api: Api, broadcast_id: str, heard: Sequence[str], pressed_at: datetime
) -> list[float]:
    with contextlib.suppress(AssertionError):
        eventually(lambda: len(_started(api, broadcast_id, heard)) == len(heard), 30, "everyone began")
    started = _started(api, broadcast_id, heard)
    for gateway_id in town.gateway_ids:
        # A recording is the witness where there is one; it is written a moment after the sample's time.
        at = eventually(
            lambda each=gateway_id: town.recording(each).first_sample_at(pressed_at), 10, "in the recording"
        )
        started[gateway_id] = at
    return [(at - pressed_at) / timedelta(seconds=1) for at in started.values()]


def _print(
    figures: Figures, bare: list[float], real: int, light: int, simulated: int, *, three_g: bool
) -> None:
    p50, p95 = _percentile(figures.sounding, 50), _percentile(figures.sounding, 95)
    line = (
        f"{KBIT_S} kbit/s, {DELAY_MS} ms each way, {LOSS_PERCENT} % of packets lost"
        if three_g
        else "loopback"
    )
    table = Table(title=f"Emergency to {real} real, {light} light and {simulated} simulated gateways; {line}")
    for name in ("seconds from the press", "p50", "p95", "most"):
        table.add_column(name, justify="left" if name.startswith("seconds") else "right")
    table.add_row("first sample, real and light", f"{p50:.3f}", f"{p95:.3f}", f"{max(figures.sounding):.3f}")
    stop = (_percentile(figures.stopped, 50), _percentile(figures.stopped, 95), max(figures.stopped))
    table.add_row("stop everything: silent", *(f"{cell:.3f}" for cell in stop))
    if simulated:
        rows = (("last simulated gateway has it", figures.simulated), ("bare paho: last has it", bare))
        for name, seconds in rows:
            cells = (_percentile(seconds, 50), _percentile(seconds, 95), max(seconds))
            table.add_row(name, *(f"{cell:.3f}" for cell in cells))
    Console().print(table)
    ratio = (
        f" ratio={statistics.median(figures.simulated) / statistics.median(bare):.2f}" if simulated else ""
    )
    typer.echo(
        f"emergency real={real} light={light} simulated={simulated} line={'3g' if three_g else 'loopback'} "
        f"p50_s={p50:.3f} p95_s={p95:.3f} stop_most_s={max(figures.stopped):.3f} "
        f"silent={figures.silent}{ratio}"
    )


def _percentile(seconds: Sequence[float], percent: int) -> float:
    if len(seconds) == 1:
        return seconds[0]
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]
