"""A voice that speaks now: in order, a little late, never ever later, over when nobody speaks."""

from collections.abc import Iterator
from datetime import datetime

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.media import warble
from support.signing import EMERGENCY, NOON, an_item, signed
from support.simulated import SimulatedGateway
from support.sound import normalised_cross_correlation
from support.speaking import Speaker, opus_frames

from device_agent.effects import ListenTo
from device_agent.instants import seconds
from device_agent.jitter_buffer import DEEPEST_FRAMES, START_FRAMES, Gap, JitterBuffer
from device_agent.live_feed import LiveFeed, LiveFeeds, LiveLost
from device_agent.player_events import Failed, Finished, Started
from device_agent.views import live_sources
from wire.live import LivePacket
from wire.messages import Play
from wire.types import Event

SOUND = warble(2_000)
FRAMES = opus_frames(SOUND)


def numbered(buffer: JitterBuffer) -> Iterator[int | Gap]:
    while (frame := buffer.take()) not in (Gap.NOT_YET, Gap.END):
        yield frame if isinstance(frame, Gap) else int.from_bytes(frame, "big")


def packet(number: int, *, is_last: bool = False) -> LivePacket:
    return LivePacket(number, (number.to_bytes(2, "big"),), is_last=is_last)


def test_frames_that_change_places_come_out_in_order() -> None:
    buffer = JitterBuffer()
    for number in (0, 2, 1, 3, 5, 4):
        buffer.put(packet(number, is_last=number == 5))
    assert list(numbered(buffer)) == [0, 1, 2, 3, 4, 5]
    assert buffer.take() is Gap.END


def test_nothing_sounds_before_a_few_frames_are_gathered() -> None:
    buffer = JitterBuffer()
    for number in range(START_FRAMES - 1):
        buffer.put(packet(number))
        assert buffer.take() is Gap.NOT_YET
    buffer.put(packet(START_FRAMES - 1))
    assert list(numbered(buffer)) == list(range(START_FRAMES))


def test_a_lost_frame_is_concealed_when_later_ones_are_there() -> None:
    buffer = JitterBuffer()
    for number in (0, 1, 2, 4, 5):
        buffer.put(packet(number))
    assert list(numbered(buffer)) == [0, 1, 2, Gap.LOST, 4, 5]
    assert buffer.lost == 1


@given(st.permutations(range(120)), st.sets(st.integers(0, 118), max_size=15), st.integers(1, 6))
def test_whatever_the_network_does_frames_come_once_in_order_and_never_far_behind(
    order: list[int], lost: set[int], window: int
) -> None:
    # Reordered within a window, as a network does, and not by half a minute.
    nearly = sorted(range(120), key=lambda number: number + (order[number] % window))
    buffer, heard, newest = JitterBuffer(), [], 0
    for number in nearly:
        if number not in lost:
            buffer.put(packet(number, is_last=number == 119))
            newest = max(newest, number)
        for taken in numbered(buffer):
            if not isinstance(taken, Gap):
                heard.append(taken)
                assert newest - taken <= DEEPEST_FRAMES
    assert heard == sorted(set(heard))
    assert buffer.take() is Gap.END


def test_one_that_comes_in_late_begins_where_the_speaker_is() -> None:
    buffer = JitterBuffer()
    for number in (100, 101, 102):
        buffer.put(packet(number))
    assert next(numbered(buffer)) == 100


def test_a_burst_after_a_gap_is_not_heard_ever_later() -> None:
    buffer = JitterBuffer()
    for number in range(150):
        buffer.put(packet(number))
    first = next(numbered(buffer))
    assert isinstance(first, int)
    assert first >= 150 - DEEPEST_FRAMES > 0
    assert buffer.skipped == first


def test_what_is_spoken_is_what_is_heard() -> None:
    speaker = Speaker()
    feed = LiveFeed(speaker.source)
    heard = []
    blocks = feed.blocks()
    for number, data in enumerate(speaker.packets(FRAMES)):
        feed.put(data)
        if number >= START_FRAMES - 1:
            heard.append(next(blocks))
    heard += list(blocks)
    likeness, _ = normalised_cross_correlation(np.concatenate(heard), SOUND[4_800:-4_800])
    assert likeness > 0.9


def test_packets_of_anyone_else_are_not_heard() -> None:
    speaker, stranger = Speaker(), Speaker()
    feed = LiveFeed(speaker.source)
    for data in stranger.packets(FRAMES[:10]):
        feed.put(data)
    feed.put(b"noise")
    assert feed.refused == 11
    feed.close()
    assert list(feed.blocks()) == []


def test_the_orders_limit_ends_it_whoever_speaks_on() -> None:
    speaker = Speaker(longest_ms=200)
    feed = LiveFeed(speaker.source)
    for data in speaker.packets(FRAMES[:15]):
        feed.put(data)
    assert len(list(feed.blocks())) == 10


def test_two_seconds_of_nothing_end_it_and_that_is_said() -> None:
    speaker = Speaker()
    feed = LiveFeed(speaker.source)
    for number in range(5):
        feed.put(speaker.sealed(LivePacket(number, (FRAMES[number],))))
    heard = []
    with pytest.raises(LiveLost):
        heard.extend(feed.blocks())
    assert LiveLost.reason == "live_lost"


def test_only_sessions_that_were_ordered_are_listened_to() -> None:
    feeds, speaker = LiveFeeds(), Speaker()
    feeds.listen((speaker.source,))
    feed = feeds.feed(speaker.source)
    feeds.put("01930000-0000-7000-8000-000000000000", b"noise")
    feeds.put(speaker.source.session, b"noise")
    assert feed.refused == 1
    feeds.listen(())
    assert list(feed.blocks()) == []
    assert list(feeds.feed(speaker.source).blocks()) == []


def test_what_comes_before_its_order_is_heard_from_the_first_syllable_on_once_that_is_there() -> None:
    feeds, speaker = LiveFeeds(), Speaker()
    feeds.listen((speaker.source,))
    for data in speaker.packets(FRAMES[:20]):
        feeds.put(speaker.source.session, data)
    feeds.listen((speaker.source,))
    assert len(list(feeds.feed(speaker.source).blocks())) == 20


def test_a_key_that_no_order_names_is_never_heard_though_it_came_first() -> None:
    """Whoever has stolen the key of beats may name a session, but not speak in it."""
    feeds, speaker, thief = LiveFeeds(), Speaker(), Speaker()
    false = msgspec.structs.replace(thief.source, session=speaker.source.session)
    feeds.listen((false,))
    thief.source = false
    for data in thief.packets(FRAMES[:20]):
        feeds.put(speaker.source.session, data)
    feeds.listen((speaker.source,))
    feed = feeds.feed(speaker.source)
    for data in speaker.packets(FRAMES[20:30]):
        feeds.put(speaker.source.session, data)
    assert len(list(feed.blocks())) == 10
    assert list(feeds.feed(false).blocks()) == []


class TestTheMachine:
    @pytest.fixture
    def gateway(self) -> SimulatedGateway:
        gateway = SimulatedGateway()
        gateway.connect()
        return gateway

    def at(self, offset_s: float) -> datetime:
        return NOON + seconds(offset_s)

    def speak(self, gateway: SimulatedGateway, speaker: Speaker) -> str:
        """Order a live emergency and return its broadcast; the player has no ears, so we say its part."""
        item = an_item(gateway.now, clips=(), live=speaker.source, priority="emergency")
        order = gateway.pen.play(gateway.now, item, boot=gateway.boots[-1])
        effects = gateway.core.on_message("emergency", self.signed(order), gateway.now)
        assert ListenTo((speaker.source,)) in effects
        for effect in effects:
            if not type(effect).__name__.startswith("StartPlaying"):
                gateway._do((effect,))
        return item.broadcast_id

    def signed(self, order: Play) -> bytes:
        return signed(order, EMERGENCY)

    def say(self, gateway: SimulatedGateway, said: Started | Finished | Failed) -> None:
        gateway._do(gateway.core.on_player(said, gateway.now))

    def test_it_listens_to_whoever_may_speak_in_a_moment_until_a_beat_says_otherwise(
        self, gateway: SimulatedGateway
    ) -> None:
        first, second = Speaker().source, Speaker().source
        assert ListenTo((first,)) in gateway.hear(gateway.pen.beat(NOON, live_ahead=(first,)), "beat")
        again = gateway.hear(gateway.pen.beat(NOON, live_ahead=(first,)), "beat")
        assert not [effect for effect in again if isinstance(effect, ListenTo)], "said once is enough"
        assert ListenTo((second,)) in gateway.hear(gateway.pen.beat(NOON, live_ahead=(second,)), "beat")
        assert ListenTo(()) in gateway.hear(gateway.pen.beat(NOON), "beat")
        assert gateway.sounded == []

    def test_it_goes_on_listening_to_an_order_that_no_beat_names_any_more(
        self, gateway: SimulatedGateway
    ) -> None:
        speaker = Speaker()
        gateway.hear(gateway.pen.beat(NOON, live_ahead=(speaker.source,)), "beat")
        item = an_item(gateway.now, clips=(), live=speaker.source, priority="emergency")
        order = gateway.pen.play(gateway.now, item, boot=gateway.boots[-1])
        gateway.core.on_message("emergency", self.signed(order), gateway.now)
        assert not [
            effect
            for effect in gateway.core.on_message("beat", signed(gateway.pen.beat(NOON)), gateway.now)
            if isinstance(effect, ListenTo)
        ]

    def test_an_order_counts_more_than_a_beat_that_names_its_session_with_another_key(
        self, gateway: SimulatedGateway
    ) -> None:
        speaker = Speaker()
        false = msgspec.structs.replace(Speaker().source, session=speaker.source.session)
        gateway.hear(gateway.pen.beat(NOON, live_ahead=(false,)), "beat")
        self.speak(gateway, speaker)

    def test_it_is_whole_when_the_speaker_says_that_it_is_over(self, gateway: SimulatedGateway) -> None:
        speaker = Speaker()
        broadcast_id = self.speak(gateway, speaker)
        self.say(gateway, Started(broadcast_id, gateway.now))
        self.say(gateway, Finished(broadcast_id, 4_200, peak_db=-3.0))
        (played,) = gateway.reports(Event.PLAYED)
        assert (played.played_ms, played.expected_ms) == (4_200, 4_200)
        assert live_sources(gateway.core.playback) == ()

    def test_a_lost_speaker_leaves_it_partial_without_a_guess_at_its_length(
        self, gateway: SimulatedGateway
    ) -> None:
        broadcast_id = self.speak(gateway, Speaker())
        self.say(gateway, Started(broadcast_id, gateway.now))
        self.say(gateway, Failed(broadcast_id, "live_lost", played_ms=2_000))
        (partial,) = gateway.reports(Event.PARTIAL)
        assert (partial.reason, partial.played_ms, partial.expected_ms) == ("live_lost", 2_000, None)

    def test_a_button_that_was_let_go_before_a_word_is_no_fault_of_the_horn(
        self, gateway: SimulatedGateway
    ) -> None:
        broadcast_id = self.speak(gateway, Speaker())
        self.say(gateway, Finished(broadcast_id, 0))
        (cancelled,) = gateway.reports(Event.CANCELLED)
        assert (cancelled.reason, cancelled.played_ms) == ("nothing_said", 0)

    def test_a_gateway_without_ears_says_that_it_has_none(self, gateway: SimulatedGateway) -> None:
        item = an_item(gateway.now, clips=(), live=Speaker().source, priority="emergency")
        gateway.hear(gateway.pen.play(gateway.now, item), "emergency", key=EMERGENCY)
        gateway.wait(1)
        assert gateway.told(item.broadcast_id)[-1] == ("failed", "no_live")
