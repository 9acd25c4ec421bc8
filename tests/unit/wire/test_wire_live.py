"""Packets of a live session: what goes in comes out, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.speaking import Speaker

from wire.live import MAX_FRAMES, LivePacket, LiveVerifier, seal_live
from wire.messages import Item, LiveSource, WireError, decode_to_gateway, encode
from wire.topics import live, live_session

SPEAKER = Speaker()
packets = st.builds(
    LivePacket,
    st.integers(0, 2**31),
    st.lists(st.binary(min_size=1, max_size=200), max_size=MAX_FRAMES).map(tuple),
    st.booleans(),
)


@given(packets)
def test_what_was_sealed_is_opened(packet: LivePacket) -> None:
    assert LiveVerifier(SPEAKER.source).open(SPEAKER.sealed(packet)) == packet


@given(packets, st.integers(0, 10_000), st.integers(1, 255))
def test_a_packet_with_any_byte_changed_is_refused(packet: LivePacket, place: int, change: int) -> None:
    data = bytearray(SPEAKER.sealed(packet))
    data[place % len(data)] ^= change
    with pytest.raises(WireError):
        LiveVerifier(SPEAKER.source).open(bytes(data))


@given(st.binary(max_size=400))
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        LiveVerifier(SPEAKER.source).open(data)


def test_a_packet_signed_for_another_session_is_refused() -> None:
    other = Speaker()
    data = seal_live(other.source.session, LivePacket(0, (b"x",)), SPEAKER.key)
    with pytest.raises(WireError):
        LiveVerifier(SPEAKER.source).open(data)


@pytest.mark.parametrize(
    "packet",
    [
        LivePacket(0, (b"",)),
        LivePacket(-1, ()),
        LivePacket(0, (b"x",) * (MAX_FRAMES + 1)),
        LivePacket(0, (b"x" * 1276,)),
    ],
)
def test_what_is_no_packet_is_not_sealed(packet: LivePacket) -> None:
    with pytest.raises(WireError):
        SPEAKER.sealed(packet)


def test_a_key_that_is_none_is_refused() -> None:
    source = LiveSource(session=SPEAKER.source.session, public=b"\xff" * 32, longest_ms=1)
    with pytest.raises(WireError):
        LiveVerifier(source).open(SPEAKER.sealed(LivePacket(0, ())))


def test_only_a_sessions_own_topic_is_one() -> None:
    session = SPEAKER.source.session
    assert live_session(live(session)) == session
    for topic in ("loa/v1/live/x", f"loa/v1/live/{session}/more", f"other/{session}", session):
        assert live_session(topic) is None
    with pytest.raises(WireError):
        live("+")


def test_an_item_has_clips_or_a_voice_and_never_both_or_none() -> None:
    with pytest.raises(ValueError, match="either"):
        Item(broadcast_id=SPEAKER.source.session, start_at=None)  # type: ignore[arg-type]


def test_an_order_without_any_sound_is_malformed() -> None:
    from support.signing import NOON, Pen, an_item  # noqa: PLC0415 - the one test that needs an order

    order = encode(Pen().play(NOON, an_item(clips=(), live=SPEAKER.source)))
    assert decode_to_gateway(order).item.live == SPEAKER.source  # type: ignore[union-attr]
    with pytest.raises(WireError):
        decode_to_gateway(order.replace(b'"live":{', b'"dead":{'))
