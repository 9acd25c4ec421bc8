"""A live voice: nothing before the order, nothing after the end, the first syllable for latecomers."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.errors import InvalidInput, SomeoneSpeaks
from controller.live.effects import Effects, Ended, Forget, Order, Publish, Reason
from controller.live.frames import BadFrame, Frame, check_opus, read_frame
from controller.live.messages import PressIn, ReleaseIn, read_message
from controller.live.on_air import OnAir
from controller.live.routes import is_our_own
from controller.live.voice import (
    AHEAD_MS,
    LOST_AFTER_MS,
    MOST_BAD_FRAMES,
    OPENING_MS,
    REPEATED_FRAMES,
    UNHEARD_AFTER_MS,
    Phase,
    Voice,
    packets,
)
from device_agent.jitter_buffer import Gap, JitterBuffer
from wire.live import FRAME_MS, MAX_FRAMES, LivePacket

LONGEST_MS = 20_000


@dataclass
class Air:
    """A voice, its clock, and all that went out, with its time."""

    voice: Voice = field(default_factory=lambda: Voice(LONGEST_MS))
    now: int = 0
    number: int = 0
    sent: list[tuple[int, LivePacket]] = field(default_factory=list)
    kept: list[tuple[int, LivePacket | None]] = field(default_factory=list)
    """What the broker gives to whoever subscribes, from when on."""
    ended: list[Ended] = field(default_factory=list)

    def took(self, effects: Effects) -> Effects:
        for effect in effects:
            match effect:
                case Publish(packet, stays):
                    self.sent.append((self.now, packet))
                    if stays:
                        self.kept.append((self.now, packet))
                case Forget():
                    self.kept.append((self.now, None))
                case Ended():
                    self.ended.append(effect)
        return effects

    def passes(self, ms: int) -> "Air":
        """Let time pass, and do what is due at each moment that the voice asked for."""
        until = self.now + ms
        while (wake := self.voice.next_wake()) is not None and wake <= until:
            self.now = max(self.now, wake)
            self.took(self.voice.on_time(self.now))
        self.now = until
        return self

    def says(self, frames: int = 1) -> "Air":
        for _ in range(frames):
            self.took(self.voice.frame(Frame(self.number, b"%d" % self.number), self.now))
            self.number += 1
            self.passes(FRAME_MS)
        return self

    def pressed(self, *, ordered_after_ms: int = 40) -> "Air":
        assert self.took(self.voice.press(self.now)) == (Order(),)
        self.passes(ordered_after_ms)
        self.took(self.voice.ordered(self.now))
        return self

    def ends(self, reason: Reason = Reason.RELEASED) -> "Air":
        self.took(self.voice.end(reason, self.now))
        return self

    def does(self, what: str, how: int | Reason) -> None:
        """Let one step of a story happen."""
        match what, how:
            case "ends", Reason():
                self.ends(how)
            case "says", int():
                self.says(how)
            case "skips", int():
                self.number += how
            case "passes", int():
                self.passes(how)
            case "pings", _:
                self.took(self.voice.ping(self.now))
            case "bad", int():
                for _ in range(how):
                    self.took(self.voice.bad_frame(self.now))
            case "ordered", _:
                self.took(self.voice.ordered(self.now))
            case "presses", _:
                self.took(self.voice.press(self.now))

    def heard_from(self, joined_at: int) -> list[int | Gap]:
        """What a gateway plays that subscribes at a moment."""
        buffer = JitterBuffer()
        taken: list[int | Gap] = []
        kept = [packet for at, packet in self.kept if at < joined_at]
        if kept and kept[-1] is not None:
            buffer.put(kept[-1])
        for at, packet in self.sent:
            if at >= joined_at:
                buffer.put(packet)
        while (frame := buffer.take()) not in (Gap.NOT_YET, Gap.END):
            taken.append(frame if isinstance(frame, Gap) else int(frame))
        return taken


def test_a_voice_that_is_armed_sends_nothing_and_a_press_orders_once() -> None:
    air = Air()
    air.took(air.voice.frame(Frame(0, b"0"), 0))
    air.passes(5_000)
    assert air.took(air.voice.press(air.now)) == (Order(),)
    assert air.took(air.voice.press(air.now)) == ()
    air.says(10)
    assert air.sent == [], "nothing goes out before the order is committed"


def test_what_was_said_while_the_order_was_made_goes_out_with_it() -> None:
    air = Air()
    air.took(air.voice.press(0))
    air.says(5)
    air.took(air.voice.ordered(air.now))
    assert [packet.first for _, packet in air.sent] == [0]
    assert len(air.sent[0][1].frames) == 5


def test_without_an_order_nothing_ever_goes_out() -> None:
    air = Air()
    air.took(air.voice.press(0))
    air.says(10)
    air.took(air.voice.refused())
    air.says(10).ends().passes(5_000)
    assert (air.sent, air.ended, air.voice.frames) == ([], [], [])


def test_after_the_opening_each_frame_goes_out_once_as_it_comes() -> None:
    air = Air().pressed().says(100)
    late = [(at, packet) for at, packet in air.sent if at > OPENING_MS + 100]
    assert len(late) > 30
    assert all(packet.frames == (b"%d" % packet.first,) for _, packet in late)
    assert air.kept[-1][1] is None, "the broker keeps nothing of the beginning after it"
    assert len({packet.first for _, packet in late}) == len(late)


@given(joined_at=st.integers(0, OPENING_MS), said=st.integers(3, 90))
def test_a_gateway_that_joins_late_still_begins_at_the_first_syllable(joined_at: int, said: int) -> None:
    air = Air().pressed().says(min(said, REPEATED_FRAMES - 3)).ends().passes(5_000)
    if joined_at >= air.sent[-1][0]:
        return
    assert air.heard_from(joined_at) == list(range(air.number))


def test_a_gateway_that_joins_just_after_the_end_hears_all_of_a_short_cry() -> None:
    air = Air().pressed().says(8).ends()
    ended_at = air.now
    air.passes(5_000)
    assert air.heard_from(ended_at + 250) == list(range(8))
    assert air.kept[-1][1] is None


def test_a_gateway_that_joins_after_the_opening_begins_where_the_speaker_is() -> None:
    air = Air().pressed().says(150)
    heard = air.heard_from(2_000)
    assert isinstance(heard[0], int)
    assert heard == list(range(heard[0], 150))
    assert heard[0] >= 2_000 // FRAME_MS - 5


@pytest.mark.parametrize("reason", [Reason.RELEASED, Reason.HIDDEN, Reason.STOPPED])
def test_after_the_end_only_what_was_said_is_repeated_and_the_end_itself(reason: Reason) -> None:
    air = Air().pressed().says(10).ends(reason)
    assert air.ended == [Ended(reason, 200)]
    air.says(20).passes(5_000)
    assert {int(frame) for _, packet in air.sent for frame in packet.frames} == set(range(10))
    assert air.sent[-1][1].is_last
    assert sum(packet.is_last for _, packet in air.sent) > 3, "said so often that a gateway hears it"
    assert air.voice.next_wake() is None
    assert air.took(air.voice.end(Reason.LOST, air.now)) == ()


def test_a_tap_before_the_order_is_there_is_thrown_away() -> None:
    air = Air()
    air.took(air.voice.press(0))
    air.says(2).ends(Reason.TOO_SHORT)
    assert air.voice.is_ending
    air.took(air.voice.ordered(air.now))
    air.passes(5_000)
    assert air.ended == [Ended(Reason.TOO_SHORT, 0)]
    assert all(packet.frames == () for _, packet in air.sent)


def test_a_tap_of_which_something_has_gone_out_was_said() -> None:
    air = Air().pressed().says(5).ends(Reason.TOO_SHORT)
    assert air.ended == [Ended(Reason.RELEASED, 100)]


def test_a_phone_that_says_nothing_is_lost_and_one_that_pings_is_not() -> None:
    air = Air().pressed().says(20)
    for _ in range(10):
        air.passes(LOST_AFTER_MS - 100)
        air.took(air.voice.ping(air.now))
    assert air.ended == []
    began_at = air.now
    air.passes(LOST_AFTER_MS)
    assert [each.reason for each in air.ended] == [Reason.LOST]
    assert air.sent[-1][0] - began_at <= 2_000


def test_a_voice_that_gets_no_further_than_the_server_is_ended_and_a_moment_is_forgiven() -> None:
    air = Air().pressed().says(60)
    air.took(air.voice.did_not_go_out(air.now))
    air.says(UNHEARD_AFTER_MS // FRAME_MS - 1)
    air.took(air.voice.did_not_go_out(air.now))
    assert air.ended == []
    air.voice.went_out()
    for _ in range(2):
        air.took(air.voice.did_not_go_out(air.now))
        air.says(UNHEARD_AFTER_MS // FRAME_MS)
    assert [each.reason for each in air.ended] == [Reason.UNHEARD]
    assert air.took(air.voice.did_not_go_out(air.now)) == (), "its last word is not lost twice"


def test_whoever_speaks_on_is_cut_off_at_the_limit() -> None:
    air = Air().pressed().says(LONGEST_MS // FRAME_MS + 100)
    assert [each.reason for each in air.ended] == [Reason.LIMIT]
    assert air.voice.said_ms <= LONGEST_MS


def test_a_frame_from_the_future_or_the_past_is_left_out_and_too_many_end_it() -> None:
    air = Air().pressed().says(3)
    before = list(air.voice.frames)
    far = (air.now + AHEAD_MS) // FRAME_MS + 1
    for number in (far, 2**32 - 1, 2, 0):
        air.took(air.voice.frame(Frame(number, b"x"), air.now))
    assert air.voice.frames == before
    assert air.voice.bad_frames == 4
    for _ in range(MOST_BAD_FRAMES):
        air.took(air.voice.bad_frame(air.now))
    assert [each.reason for each in air.ended] == [Reason.BAD_FRAMES]


def test_what_is_said_before_a_drills_announcement_is_over_is_left_out() -> None:
    air = Air()
    air.took(air.voice.press(0))
    air.says(3)
    air.took(air.voice.ordered(air.now, opens_in_ms=2_000))
    opens_at = air.now + 2_000
    air.says(200)
    first = air.voice.frames[0].number
    assert first * FRAME_MS >= opens_at - FRAME_MS
    assert air.sent[0][0] >= opens_at
    assert air.voice.said_ms == (200 + 3 - first) * FRAME_MS


def test_a_gap_begins_a_new_packet_and_none_is_larger_than_the_wire_allows() -> None:
    said = [Frame(number, b"x") for number in (*range(3), *range(10, 80))]
    cut = packets(said)
    assert [packet.first for packet in cut] == [0, 10, 60]
    assert max(len(packet.frames) for packet in cut) == MAX_FRAMES


STEPS = st.one_of(
    st.tuples(st.just("says"), st.integers(1, 30)),
    st.tuples(st.just("skips"), st.integers(1, 5)),
    st.tuples(st.just("passes"), st.integers(0, 900)),
    st.tuples(st.just("pings"), st.just(0)),
    st.tuples(st.just("bad"), st.integers(0, 5)),
    st.tuples(st.just("ordered"), st.just(0)),
    st.tuples(st.just("presses"), st.just(0)),
    st.tuples(st.just("ends"), st.sampled_from(list(Reason))),
)


@given(st.lists(STEPS, max_size=25))
def test_whatever_happens_only_what_was_accepted_goes_out_and_nothing_new_after_the_end(
    steps: list[tuple[str, int | Reason]],
) -> None:
    air = Air()
    accepted: set[Frame] = set()
    for what, how in steps:
        over, known = bool(air.ended), len(air.voice.frames)
        air.does(what, how)
        assert not over or len(air.voice.frames) == known
        accepted |= set(air.voice.frames)
        assert air.voice.on_time(air.now) == (), "what is due was done"
        assert len(air.ended) <= 1
        assert not air.sent or air.voice.phase in (Phase.TALKING, Phase.ENDED)
    out = {
        Frame(packet.first + index, data)
        for _, packet in air.sent
        for index, data in enumerate(packet.frames)
    }
    assert out <= accepted
    air.passes(LONGEST_MS + 5_000)
    if air.voice.phase is Phase.ENDED:
        assert air.sent[-1][1].is_last
        assert len(air.ended) == 1
        assert air.voice.next_wake() is None


def test_the_numbers_of_a_frame_are_read_and_rubbish_is_not() -> None:
    assert read_frame(b"\x00\x00\x01\x00abc") == Frame(256, b"abc")
    for rubbish in (b"", b"\x00\x00", b"\x00\x00\x00\x01"):
        with pytest.raises(BadFrame):
            read_frame(rubbish)


# RFC 6716, table 2: frame sizes by configuration, in ms.
SIZES_MS = [10, 20, 40, 60] * 3 + [10, 20] * 2 + [2.5, 5, 10, 20] * 4


@pytest.mark.parametrize("first_byte", range(256))
def test_only_single_mono_frames_of_20_ms_are_passed_on(first_byte: int) -> None:
    data = bytes([first_byte]) + b"rest"
    if SIZES_MS[first_byte >> 3] == FRAME_MS and not first_byte & 0b111:
        check_opus(data)
    else:
        with pytest.raises(BadFrame):
            check_opus(data)


def test_a_frame_that_is_too_long_is_refused() -> None:
    check_opus(b"\x08" + bytes(1274))
    with pytest.raises(BadFrame):
        check_opus(b"\x08" + bytes(1275))


def test_one_voice_at_a_time_at_a_gateway() -> None:
    air = OnAir()
    air.enter("one", "Lê Thị Hoa", ["g1", "g2"], phone="a")
    with pytest.raises(SomeoneSpeaks) as refused:
        air.enter("two", "Trần Văn Nam", ["g2", "g3"], phone="b")
    assert refused.value.params == {"name": "Lê Thị Hoa"}
    air.enter("three", "Trần Văn Nam", ["g3"], phone="b")
    air.enter("four", "Lê Thị Hoa", ["g1"], phone="a")
    air.leave("one")
    air.leave("one")
    with pytest.raises(SomeoneSpeaks):
        air.enter("two", "Trần Văn Nam", ["g1"], phone="b")
    air.leave("four")
    air.enter("two", "Trần Văn Nam", ["g1", "g2"], phone="b")


@pytest.mark.parametrize(
    ("origin", "host", "ours"),
    [
        ("https://loa.example:8443", "loa.example:8443", True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("https://evil.example", "loa.example", False),
        ("https://loa.example.evil.example", "loa.example", False),
        ("https://loa.example:444", "loa.example", False),
        ("null", "loa.example", False),
        ("", "", False),
        (None, "loa.example", False),
        ("https://loa.example", None, False),
    ],
)
def test_only_pages_of_our_own_host_open_a_socket(
    origin: str | None, host: str | None, *, ours: bool
) -> None:
    assert is_our_own(origin, host) is ours


def test_messages_are_read_and_rubbish_is_refused() -> None:
    assert read_message('{"type":"press"}') == PressIn(type="press")
    assert read_message('{"type":"release","reason":"hidden"}') == ReleaseIn(type="release", reason="hidden")
    for rubbish in (
        "",
        "[]",
        "{}",
        '{"type":"sing"}',
        '{"type":"release","reason":"lost"}',
        '{"type":"arm"}',
    ):
        with pytest.raises(InvalidInput):
            read_message(rubbish)
