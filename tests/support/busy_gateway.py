"""A gateway that has much to do at once: plans, orders, downloads and sound, and witnesses of it all."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from pathlib import Path

from support.broker import Broker
from support.far_end import FarEnd, now
from support.media import MediaServer, opus, warble
from support.pole import Pole
from support.recording_disk import RecordingDisk, recording_disk
from support.signing import EMERGENCY, GATEWAY, an_id, an_item

from wire.messages import Cancel, ClipRef, Item, Play, Report, Volume
from wire.mqtt import BrokerAddress, Incoming

SEED = 20261124
BUSY = timedelta(seconds=14)
LATE_MS = 600_000


class SlowMedia(MediaServer):
    """Lets every clip trickle, so that there is always one on its way."""

    BYTES_A_PIECE, PIECE_S = 4096, 0.1

    def __init__(self) -> None:
        super().__init__()
        self.stopping = threading.Event()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        request.wfile = _Trickle(request.wfile, self)  # type: ignore[assignment]
        with suppress(BrokenPipeError, ConnectionResetError):  # its power was cut
            super().answer(request)

    def stop(self) -> None:
        self.stopping.set()
        super().stop()


@dataclass
class _Trickle:
    inner: BufferedIOBase
    media: SlowMedia
    closed: bool = False

    def write(self, content: bytes) -> int:
        for start in range(0, len(content), self.media.BYTES_A_PIECE):
            self.inner.write(content[start : start + self.media.BYTES_A_PIECE])
            self.media.stopping.wait(self.media.PIECE_S)
        return len(content)

    def flush(self) -> None:
        self.inner.flush()

    def close(self) -> None:
        self.inner.close()


class Witness(FarEnd):
    """A controller that also remembers when it was told what."""

    def __init__(self, address: BrokerAddress) -> None:
        self.told_at: dict[tuple[str, int], datetime] = {}
        super().__init__(address)

    def _heard(self, incoming: Incoming) -> None:
        super()._heard(incoming)
        for journal, n in self.reports.get(GATEWAY, {}):
            self.told_at.setdefault((journal, n), now())

    def told_before(self, at: datetime) -> list[Report]:
        held = self.reports.get(GATEWAY, {})
        return [held[key] for key in sorted(held) if self.told_at[key] <= at]


@dataclass
class Story:
    """What was ordered, and what everyone but the gateway's disk remembers of it."""

    items: dict[str, Item] = field(default_factory=dict)
    seqs: dict[str, int] = field(default_factory=dict)
    began_at: datetime = field(default_factory=now)
    first_entry: int = 0

    def item(self, start_at: datetime, *clips: ClipRef, priority: str = "normal") -> Item:
        item = an_item(start_at, clips=clips, late_limit_ms=LATE_MS, priority=priority)
        self.items[item.broadcast_id] = item
        return item


@dataclass
class Run:
    """A busy time on a disk, and its witnesses."""

    disk: RecordingDisk
    witness: Witness
    story: Story
    pole: Pole
    media: SlowMedia


@contextmanager
def busy_run(directory: Path) -> Iterator[Run]:
    """Let a gateway be busy for `BUSY`; yield what is left of it, the agent killed."""
    broker, media = Broker(directory / "broker").start(), SlowMedia()
    pole = Pole(directory / "pole", GATEWAY, broker, media.url)
    media.passwords[GATEWAY] = pole.secret
    witness = Witness(broker.controller_address())
    try:
        with recording_disk(directory / "disk") as (disk, mounted):
            (mounted / "state").mkdir()
            (pole.directory / "state").symlink_to(mounted / "state")
            story = Story(first_entry=len(disk.log))
            pole.start()
            witness.wait_online(GATEWAY)
            live_through(story, witness, media)
            pole.kill()
        (pole.directory / "state").unlink()
        yield Run(disk, witness, story, pole, media)
    finally:
        pole.stop()
        witness.stop()
        media.stop()
        broker.stop()


def live_through(story: Story, witness: Witness, media: MediaServer) -> None:
    """Plans, orders, downloads and sound, all at once, for a quarter of a minute."""
    dice, pen = random.Random(SEED), witness.pen(GATEWAY)
    short = [media.add(opus(warble(ms, seed=ms)), ms) for ms in (900, 1_400, 1_900)]
    long = [media.add(dice.randbytes(160_000), 60_000) for _ in range(6)]
    began = now()
    story.began_at = began
    soon = [story.item(began + timedelta(seconds=3 + 3 * k), short[k % 3]) for k in range(7)]
    later = [story.item(began + timedelta(minutes=3 + k), clip) for k, clip in enumerate(long)]
    boot = witness.states[GATEWAY][-1].boot
    for turn in range(int(BUSY / timedelta(seconds=0.25))):
        if turn % 12 == 0:
            witness.send(pen.plan(now(), *soon, *later[: 2 + turn // 12]), "plan")
        order: Play | Cancel | Volume = pen.volume(now(), 40 + turn % 50)
        match turn % 8:
            case 1:
                order = pen.play(now(), story.item(now(), short[turn % 3]))
            case 3:
                order = pen.cancel(now(), an_id())
            case 5:
                order = pen.play(now(), story.item(now(), short[0], priority="emergency"), boot=boot)
        emergency = turn % 8 == 5
        witness.send(order, "emergency" if emergency else "order", *([EMERGENCY] if emergency else []))
        story.seqs[order.order_id] = order.seq
        wait_until(witness, began + timedelta(seconds=0.25) * (turn + 1))


def wait_until(witness: Witness, at: datetime) -> None:
    witness.wait(lambda: now() >= at)
