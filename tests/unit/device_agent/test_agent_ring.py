"""Samples between threads: from the decoder to the player, and from the player to the device."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.signing import an_item

from device_agent.decoding import UnreadableClip
from device_agent.sinks.contract import BLOCK_FRAMES
from device_agent.sinks.ring import Ring
from device_agent.voice import Voice


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), max_size=60))
def test_what_goes_in_comes_out_in_order_and_whole(steps: list[tuple[int, int]]) -> None:
    ring = Ring(100, 60)
    went_in = came_out = 0
    for put, take in steps:
        if ring.put(np.arange(went_in, went_in + put, dtype=np.float32), 0.0):
            went_in += put
        else:
            assert went_in - came_out + put > 100
        out = np.full(take, -1, dtype=np.float32)
        count = ring.take_into(out)
        assert count == min(take, went_in - came_out)
        np.testing.assert_array_equal(out[:count], np.arange(came_out, came_out + count))
        assert (out[count:] == -1).all()
        came_out += count


def test_whoever_waits_for_room_is_woken_when_there_is_enough() -> None:
    ring = Ring(4 * BLOCK_FRAMES, 2 * BLOCK_FRAMES)
    block = np.ones(BLOCK_FRAMES, dtype=np.float32)
    for _ in range(4):
        assert ring.put(block, 0.0)
    took: list[bool] = []
    writer = threading.Thread(target=lambda: took.append(ring.put(block, 10.0)))
    writer.start()
    ring.take_into(np.zeros(BLOCK_FRAMES, dtype=np.float32))
    ring.take_into(np.zeros(BLOCK_FRAMES, dtype=np.float32))
    writer.join(10)
    assert took == [True]


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 120), st.integers(0, 99))
def test_the_newest_can_be_revised_and_the_rest_stays(before: int, held: int, most: int, kept: int) -> None:
    ring = Ring(100, 60)
    ring.put(np.zeros(before, dtype=np.float32), 0.0)
    ring.take_into(np.zeros(before, dtype=np.float32))
    ring.put(np.arange(held, dtype=np.float32), 0.0)
    given_: list[int] = []

    def revision(waiting: np.ndarray) -> np.ndarray:
        given_.append(len(waiting))
        return -waiting[:kept]

    fewer = ring.revise(most, revision)
    revised = min(most, held)
    assert given_ == [revised]
    assert fewer == revised - min(kept, revised)
    out = np.zeros(200, dtype=np.float32)
    count = ring.take_into(out)
    expected = np.arange(held - fewer, dtype=np.float32)
    expected[held - revised :] *= -1
    np.testing.assert_array_equal(out[:count], expected)


def test_a_nudge_ends_a_wait_for_room() -> None:
    ring = Ring(100, 60)
    ring.put(np.zeros(90, dtype=np.float32), 0.0)
    found: list[bool] = []
    waiter = threading.Thread(target=lambda: found.append(ring.wait(20, 10.0)))
    waiter.start()
    ring.nudge()
    waiter.join(5)
    assert found == [False]
    assert ring.wait(5, 0.0)


def test_a_clip_that_breaks_off_sounds_up_to_there() -> None:
    sound = np.random.default_rng(3).standard_normal(13 * BLOCK_FRAMES).astype(np.float32)

    def blocks() -> Iterator[np.ndarray]:
        yield from sound.reshape(13, BLOCK_FRAMES)
        raise UnreadableClip(Path("clip"), "cut short")

    voice = Voice(an_item(), blocks())
    voice._thread.join(10)
    heard = voice.read(len(sound), 1.0)
    np.testing.assert_array_equal(heard, sound)
    assert not voice.has_samples()
    assert voice.failure is not None
    voice.close()
