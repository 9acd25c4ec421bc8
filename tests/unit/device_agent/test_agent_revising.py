"""What waits for the sound device is taken back when something more urgent comes, and the record follows."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest
from support.signing import an_item

from device_agent.effects import StartPlaying, StopPlaying
from device_agent.player_events import Finished, PlayerEvent, Started
from device_agent.revising import Revisable
from device_agent.sequencer import Sequencer
from device_agent.sinks.contract import BLOCK_FRAMES, RATE, Block, Revision
from device_agent.voice import FADE_FRAMES, Voice
from wire.messages import Item

FRAME_NS = 1_000_000_000 / RATE
LONG_FRAMES = 20 * BLOCK_FRAMES
HELD_FRAMES = 8
"""What the stretching filter holds back."""


class Shelf:
    """A sink whose device takes blocks when the test says so."""

    underruns, fast_ppm = 0, 0.0

    def __init__(self) -> None:
        self.sounded = np.zeros(0, dtype=np.float32)
        self.waiting = np.zeros(0, dtype=np.float32)

    def next_ns(self) -> int:
        return round((len(self.sounded) + len(self.waiting)) * FRAME_NS)

    def write(self, block: Block) -> int:
        at_ns = self.next_ns()
        self.waiting = np.concatenate((self.waiting, block))
        return at_ns

    def wait(self, _most_s: float) -> bool:
        return True

    def nudge(self) -> None:
        pass

    def revise(self, most_frames: int, revision: Revision) -> int:
        first = max(0, len(self.waiting) - most_frames)
        before = len(self.waiting)
        self.waiting = np.concatenate((self.waiting[:first], revision(self.waiting[first:])))
        return before - len(self.waiting)

    def close(self) -> None:
        pass

    def take(self, frames: int) -> None:
        self.sounded = np.concatenate((self.sounded, self.waiting[:frames]))
        self.waiting = self.waiting[frames:]


def of(value: float) -> Iterator[Block]:
    for _ in range(LONG_FRAMES // BLOCK_FRAMES):
        yield np.full(BLOCK_FRAMES, value, dtype=np.float32)


class Desk:
    """A sequencer and its sink, moved on by hand; the old item is 0.5 all along, the new one 0.25."""

    def __init__(self) -> None:
        self.said: list[PlayerEvent] = []
        self.shelf = Shelf()
        self.old, self.new = an_item(), an_item(priority="emergency")
        self.sequencer = Sequencer(self._open, self.said.append)
        self.way = Revisable(self.shelf, self.sequencer)

    def _open(self, item: Item, offset_ms: int) -> Voice:
        voice = Voice(item, of(0.5 if item is self.old else 0.25), offset_ms)
        voice._thread.join(10)
        return voice

    def start(self, item: Item, *preempts: Item, at_frame: int = 0) -> None:
        at = datetime.fromtimestamp(at_frame / RATE, UTC)
        self.sequencer.do(StartPlaying(item, at, 0, tuple(each.broadcast_id for each in preempts)))

    def write(self, blocks: int) -> None:
        for _ in range(blocks):
            held_ns = round(self.way.stretcher.held_frames * FRAME_NS)
            composed = self.sequencer.compose(self.shelf.next_ns() + held_ns, 0)
            first_ns = self.shelf.write(self.way.stretcher.stretch(composed.block, 0.0)) + held_ns
            self.way.wrote(composed)
            self.sequencer.written(composed, first_ns, 0, dry=0)

    def finished(self) -> list[Finished]:
        return [said for said in self.said if isinstance(said, Finished)]


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.sequencer.close()


def test_what_waits_fades_from_its_first_sample_and_what_is_urgent_follows(desk: Desk) -> None:
    desk.start(desk.old)
    desk.write(8)
    desk.shelf.take(3 * BLOCK_FRAMES)
    desk.start(desk.new, desk.old)
    assert desk.way.revise(0)
    desk.write(3)
    ordered = len(desk.shelf.sounded)
    desk.shelf.take(6 * BLOCK_FRAMES)
    heard = desk.shelf.sounded[ordered:]
    np.testing.assert_allclose(
        heard[:FADE_FRAMES], np.linspace(0.5, 0, FADE_FRAMES, endpoint=False), atol=1e-6
    )
    assert int(np.flatnonzero(heard == 0.25)[0]) <= FADE_FRAMES + HELD_FRAMES
    began = [said for said in desk.said if isinstance(said, Started)][-1]
    began_frame = round(began.at.timestamp() * RATE)
    assert abs(began_frame - (ordered + FADE_FRAMES + HELD_FRAMES)) <= 1


def test_as_played_counts_what_sounded_and_not_what_was_taken_back(desk: Desk) -> None:
    desk.start(desk.old)
    desk.write(8)
    desk.shelf.take(3 * BLOCK_FRAMES)
    desk.start(desk.new, desk.old)
    assert desk.way.revise(0)
    (end,) = desk.finished()
    of_the_old = len(desk.shelf.sounded) + FADE_FRAMES - HELD_FRAMES
    assert end.played_ms == of_the_old * 1000 // RATE
    assert end.rms_db == pytest.approx(20 * np.log10(0.5), abs=0.1)


def test_a_stop_fades_what_waits(desk: Desk) -> None:
    desk.start(desk.old)
    desk.write(8)
    desk.shelf.take(2 * BLOCK_FRAMES)
    desk.sequencer.do(StopPlaying(desk.old.broadcast_id))
    assert desk.way.revise(0)
    assert len(desk.shelf.waiting) == FADE_FRAMES
    assert [end.broadcast_id for end in desk.finished()] == [desk.old.broadcast_id]


def test_with_too_little_waiting_the_fade_is_in_the_blocks_to_come(desk: Desk) -> None:
    desk.start(desk.old)
    desk.write(8)
    desk.shelf.take(6 * BLOCK_FRAMES)
    desk.start(desk.new, desk.old)
    before = desk.shelf.waiting.copy()
    assert not desk.way.revise(0)
    np.testing.assert_array_equal(desk.shelf.waiting, before)
    desk.write(4)
    assert [end.broadcast_id for end in desk.finished()] == [desk.old.broadcast_id]


def test_what_was_told_to_have_begun_is_not_taken_back(desk: Desk) -> None:
    desk.start(desk.old)
    desk.write(2)
    desk.start(desk.new, desk.old)
    assert not desk.way.revise(0)
    assert desk.finished() == []


def test_a_planned_beginning_is_exact_and_takes_nothing_back_for_it(desk: Desk) -> None:
    desk.start(desk.old)
    desk.write(8)
    desk.start(desk.new, desk.old, at_frame=16 * BLOCK_FRAMES)
    assert not desk.way.revise(0)


def test_silence_that_waits_makes_way_but_for_one_block_and_only_once(desk: Desk) -> None:
    desk.write(6)
    desk.start(desk.new)
    assert desk.way.revise(0)
    assert len(desk.shelf.waiting) <= 2 * BLOCK_FRAMES
    desk.shelf.write(np.zeros(BLOCK_FRAMES, dtype=np.float32))
    assert not desk.way.revise(0)
