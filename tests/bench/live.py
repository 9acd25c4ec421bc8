"""Live voice: from the press to the first sample at the poles, and from mouth to horn; beside bare MQTT.

A phone without a browser presses, sends Opus frames as a microphone makes them, and releases. Real gateways
render into files, whose samples are dated. Behind the line means 384 kbit/s and 200 ms each way, as of a
phone, or a gateway, on a poor network. The baseline is one client that publishes packets of the same size to
itself.
"""

import json
import threading
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from support.eventually import eventually
from support.far_end import now
from support.media import warble
from support.phone import PRE_ROLL_FRAMES, Phone
from support.slow_line import SlowLine
from support.sound import SAMPLE_RATE_HZ, normalised_cross_correlation
from support.speaking import opus_frames
from support.town import Api, Town

from wire import topics
from wire.live import FRAME_MS
from wire.mqtt import Connection, Incoming

console = Console(stderr=True)
AREA = "Địa bàn đài Đại Ân 2"
KBIT_S, DELAY_MS = 384, 200
SPOKEN_MS = 1_500
PACKET_BYTES = 160
"""One frame with its head and its signature."""
LIKE = 0.6
SMALL_MS = 10


@dataclass
class Figures:
    """Of all rounds and gateways, ms."""

    first_ms: list[float] = field(default_factory=list)
    """From the press to the first sample."""
    lag_ms: list[float] = field(default_factory=list)
    """From mouth to horn; what was captured before the press included."""
    silent: int = 0


def measure(gateways: int, rounds: int) -> None:
    """Run the benchmark and print it."""
    sound = warble(SPOKEN_MS)
    with TemporaryDirectory() as directory, ExitStack() as stack:
        home = Path(directory)
        near = Town(home / "near", gateways)
        stack.callback(near.stop)
        with console.status(f"Starting {gateways} gateways"):
            near.start()
        results = {"bare MQTT": Figures(first_ms=_bare(near))}
        line = _line(stack, near.host, near.port)
        results["armed, loopback"] = _measure(near, near.port, sound, rounds)
        results["phone behind the line"] = _measure(near, line.port, sound, rounds)
    with TemporaryDirectory() as directory, ExitStack() as stack:
        far = Town(Path(directory) / "far", gateways)
        stack.callback(far.stop)
        _move_behind_a_line(stack, far)
        with console.status(f"Starting {gateways} gateways behind the line"):
            far.start()
        results["gateways behind it"] = _measure(far, far.port, sound, rounds)
        line = _line(stack, far.host, far.port)
        results["both behind it"] = _measure(far, line.port, sound, rounds)
    _print(gateways, rounds, results)


def _line(stack: ExitStack, host: str, port: int) -> SlowLine:
    line = SlowLine(host, port, kbit_s=KBIT_S, delay_ms=DELAY_MS).start()
    stack.callback(line.stop)
    return line


def _move_behind_a_line(stack: ExitStack, town: Town) -> None:
    """Give every gateway a narrow line of its own to the broker."""
    for gateway_id in town.gateway_ids:
        path = town.directory / f"{gateway_id}.json"
        credential = json.loads(path.read_text())
        credential["broker_port"] = _line(stack, town.broker.host, town.broker.port).port
        path.write_text(json.dumps(credential))


def _bare(town: Town) -> list[float]:
    """Return how long single packets take through the broker and back."""
    name, topic = town.broker.add_intruder(), topics.live(str(uuid.uuid4()))
    taken_ms: list[float] = []
    subscribed, arrived = threading.Event(), threading.Event()

    def heard(incoming: Incoming) -> None:
        if incoming.topic == topic:
            taken_ms.append((time.monotonic() - float(incoming.payload[:20])) * 1_000)
            arrived.set()

    connection = Connection(
        town.broker.address(name),
        subscriptions=(topic,),
        on_message=heard,
        on_connected=lambda _: subscribed.set(),
        on_lost=lambda: None,
        session_expiry_s=0,
    )
    connection.start()
    try:
        if not subscribed.wait(10):
            raise RuntimeError("the broker does not let the bare client in")
        for _ in range(150):
            arrived.clear()
            connection.publish(topic, f"{time.monotonic():020.9f}".encode().ljust(PACKET_BYTES), qos=0)
            arrived.wait(1)
    finally:
        connection.stop()
    return taken_ms


def _measure(town: Town, port: int, sound: NDArray[np.float32], rounds: int) -> Figures:
    frames = opus_frames(sound)
    officer, figures = town.api("officer"), Figures()
    phone = Phone(officer, town.host, port)
    try:
        phone.arm(officer.area(AREA))
        for _ in range(rounds):
            pressed_at, pressed = now(), phone.press()
            phone.speak(frames, pressed)
            phone.say("release")
            broadcast_id = phone.heard("open", timeout_s=20)["broadcast_id"]
            phone.heard("closed", timeout_s=20)
            _wait_for_the_end(officer, broadcast_id)
            for gateway_id in town.gateway_ids:
                _hear(town, gateway_id, pressed_at, sound, figures)
    finally:
        phone.hang_up()
    return figures


def _wait_for_the_end(api: Api, broadcast_id: str) -> None:
    eventually(
        lambda: all(each["settled_at"] for each in api.deliveries(broadcast_id).values()), 20, "every word in"
    )


def _hear(
    town: Town,
    gateway_id: str,
    pressed_at: datetime,
    sound: NDArray[np.float32],
    figures: Figures,
) -> None:
    recording = town.recording(gateway_id)
    first_at = recording.first_sample_at(pressed_at)
    if first_at is None:
        figures.silent += 1
        return
    figures.first_ms.append((first_at - pressed_at) / timedelta(milliseconds=1))
    heard = recording.between(pressed_at, pressed_at + timedelta(seconds=5))
    # The end of it: by then a gateway is as far behind as it stays.
    piece = sound[-SAMPLE_RATE_HZ // 2 :]
    like, lag = normalised_cross_correlation(heard, piece)
    if like >= LIKE:
        spoken_ms = SPOKEN_MS - 500 - PRE_ROLL_FRAMES * FRAME_MS
        figures.lag_ms.append(lag / SAMPLE_RATE_HZ * 1_000 - spoken_ms)


def _print(gateways: int, rounds: int, results: dict[str, Figures]) -> None:
    table = Table(
        title=f"{gateways} gateways, {rounds} presses: milliseconds",
        caption=f"The line: {KBIT_S} kbit/s, {DELAY_MS} ms each way. First: press to first sample; "
        "of bare MQTT: publish to receipt.",
    )
    for heading in ("", "first p50", "p95", "most", "mouth to horn p50", "p95", "silent"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, result in results.items():
        lags = (_at(result.lag_ms, 50), _at(result.lag_ms, 95)) if result.lag_ms else ("", "")
        firsts = (_at(result.first_ms, 50), _at(result.first_ms, 95), _at(result.first_ms, 100))
        table.add_row(name, *firsts, *lags, str(result.silent))
    Console().print(table)
    armed, both = results["armed, loopback"], results["both behind it"]
    typer.echo(
        f"live gateways={gateways} rounds={rounds} bare_ms={_at(results['bare MQTT'].first_ms, 50)}"
        f" armed_p50_ms={_at(armed.first_ms, 50)} armed_p95_ms={_at(armed.first_ms, 95)}"
        f" line_p50_ms={_at(both.first_ms, 50)} line_p95_ms={_at(both.first_ms, 95)}"
        f" lag_p50_ms={_at(armed.lag_ms, 50)} lag_p95_ms={_at(armed.lag_ms, 95)}"
    )


def _at(values: list[float], percent: int) -> str:
    value = float(np.percentile(values, percent)) if values else float("nan")
    return f"{value:.1f}" if value < SMALL_MS else f"{value:.0f}"
