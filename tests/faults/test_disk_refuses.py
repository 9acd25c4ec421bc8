"""F7, F8, F11: the disk is full, fails or is read-only. What is held still sounds, and nothing is claimed."""

import hashlib
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.broker import Broker
from support.far_end import FarEnd, now
from support.media import MediaServer, opus, warble
from support.pole import Pole
from support.recording_disk import empty_image, mounted_image
from support.refusing_disk import SmallDisk, failing, missing
from support.signing import GATEWAY, an_item

from device_agent.journal import JOURNAL_FILE, SqliteJournal
from wire.messages import ClipRef, Health, Item
from wire.types import DiskState, Event

MISSING = missing("strace", "mount", "mkfs.ext4")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(MISSING is not None, reason=f"refusing disks: {MISSING}"),
]

SOUND_MS = 1_500
ENDS = (Event.PLAYED, Event.PARTIAL, Event.FAILED, Event.MISSED)


class Street:
    """A gateway, what it fetches from, and who hears its reports."""

    def __init__(self, directory: Path) -> None:
        self.broker, self.media = Broker(directory / "broker").start(), MediaServer()
        self.pole = Pole(directory / "pole", GATEWAY, self.broker, self.media.url)
        self.media.passwords[GATEWAY] = self.pole.secret
        self.far_end = FarEnd(self.broker.controller_address())
        self.clip = self.media.add(opus(warble(SOUND_MS)), SOUND_MS)
        self.state = self.pole.directory / "state"

    def start(self) -> None:
        self.far_end.states.pop(GATEWAY, None)
        self.pole.start()
        self.far_end.wait_online(GATEWAY)

    def holds(self, *items: Item) -> None:
        self.far_end.send(self.far_end.pen(GATEWAY).plan(now(), *items), "plan")
        for item in items:
            self.far_end.wait_for_events(GATEWAY, item.broadcast_id, Event.READY)

    def item(self, in_s: float, *clips: ClipRef) -> Item:
        return an_item(now() + timedelta(seconds=in_s), clips=clips or (self.clip,), late_limit_ms=60_000)

    def wait_until_heard(self, item: Item) -> None:
        # Not to the sample: other tests may use the machine meanwhile.
        self.far_end.wait(lambda: self.heard_ms(item) >= SOUND_MS / 2, 20)

    def heard_ms(self, item: Item) -> float:
        sound = self.pole.recording.between(item.start_at, item.start_at + timedelta(seconds=2.5))
        return float((sound != 0).sum()) / 48

    def wait_for_disk(self, disk: DiskState) -> None:
        self.far_end.wait(lambda: [each.disk for each in self.health[-1:]] == [disk], 100)

    @property
    def health(self) -> list[Health]:
        return self.far_end.health.get(GATEWAY, [])

    def stop(self) -> None:
        self.pole.stop()
        self.far_end.stop()
        self.media.stop()
        self.broker.stop()


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    street = Street(tmp_path)
    yield street
    street.stop()


def test_on_a_full_disk_what_is_held_sounds_and_an_order_is_confirmed_only_when_there_is_room(
    street: Street, tmp_path: Path
) -> None:
    disk = SmallDisk(tmp_path / "small", "8m")
    street.state.symlink_to(disk.where)
    try:
        street.start()
        item = street.item(3)
        street.holds(item)
        disk.fill()
        goes_on_from_memory(street, item, DiskState.FULL)
        disk.empty()
        says_all_once_it_can(street, item)
    finally:
        street.pole.stop()
        disk.close()


def test_on_a_card_that_loses_what_it_is_to_sync_what_is_held_sounds_and_nothing_is_claimed(
    street: Street,
) -> None:
    street.start()
    item = street.item(4)
    street.holds(item)
    assert street.pole.process is not None
    with failing(street.pole.process.pid, "fsync,fdatasync", "EIO"):
        goes_on_from_memory(street, item, DiskState.FAILING)
    says_all_once_it_can(street, item)


def test_a_gateway_that_starts_on_a_read_only_disk_plays_what_it_holds_and_mends_when_it_may_write(
    street: Street, tmp_path: Path
) -> None:
    with mounted_image(empty_image(tmp_path / "card.img"), tmp_path / "card") as card:
        street.state.symlink_to(card)
        street.start()
        item = street.item(5)
        street.holds(item)
        street.pole.kill()
        remount(card, "ro")
        street.start()
        goes_on_from_memory(street, item, DiskState.READ_ONLY)
        beside = SqliteJournal.open_to_read(card / JOURNAL_FILE)
        assert item.broadcast_id in beside.load().entries
        beside.close()
        remount(card, "rw")
        says_all_once_it_can(street, item)
        street.pole.stop()


def test_when_the_kernel_gives_a_card_up_in_the_middle_of_it_all_the_gateway_goes_on(
    street: Street, tmp_path: Path
) -> None:
    with mounted_image(empty_image(tmp_path / "card.img"), tmp_path / "card", "errors=remount-ro") as card:
        street.state.symlink_to(card)
        street.start()
        item = street.item(3)
        street.holds(item)
        give_up(card)
        goes_on_from_memory(street, item, DiskState.FAILING)
        street.pole.kill()


def give_up(where: Path) -> None:
    """Let ext4 find itself damaged: from now on it refuses every write, for files that are open as well."""
    found = subprocess.run(
        ["findmnt", "-no", "SOURCE", str(where)], check=True, capture_output=True, text=True
    )
    device = Path(found.stdout.strip()).name
    Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("1")


def goes_on_from_memory(street: Street, item: Item, disk: DiskState) -> None:
    """While the disk refuses: an order is obeyed and not confirmed, the held item sounds, health says why."""
    began = now()
    far_end = street.far_end
    far_end.send(far_end.pen(GATEWAY).volume(now(), 35))
    far_end.wait(lambda: far_end.states[GATEWAY][-1].volume_percent == 35)
    street.wait_until_heard(item)
    street.wait_for_disk(disk)
    assert now() - began < timedelta(seconds=100)
    last = street.health[-1]
    assert last.last_error is not None
    assert last.last_error.startswith("journal: ")
    assert far_end.said(GATEWAY, Event.RECEIVED, *ENDS) == []


def says_all_once_it_can(street: Street, item: Item) -> None:
    """When the disk takes writes again: everything is said, once, under numbers without a gap."""
    far_end = street.far_end
    far_end.wait_for_events(GATEWAY, item.broadcast_id, Event.PLAYED, timeout_s=30)
    far_end.wait(lambda: far_end.said(GATEWAY, Event.RECEIVED))
    street.wait_for_disk(DiskState.WRITABLE)
    assert len(far_end.said(GATEWAY, *ENDS)) == 1
    assert len(far_end.said(GATEWAY, Event.RECEIVED)) == 1
    numbers = [report.n for report in far_end.said(GATEWAY)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert street.pole.process is not None
    assert street.pole.process.poll() is None


def remount(where: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(where)], check=True)


def test_a_clip_that_rots_before_its_time_is_found_fetched_again_and_sounds_whole(street: Street) -> None:
    street.start()
    item = street.item(4)
    street.holds(item)
    clip = street.state / "clips" / street.clip.sha256
    content = bytearray(clip.read_bytes())
    content[len(content) // 2] ^= 0x10
    clip.write_bytes(content)
    street.far_end.wait_for_events(GATEWAY, item.broadcast_id, Event.PLAYED)
    (played,) = street.far_end.said(GATEWAY, *ENDS)
    assert played.played_ms == SOUND_MS
    assert len(street.media.requests) == 2
    assert hashlib.sha256(clip.read_bytes()).hexdigest() == clip.name
