"""What waits for a gateway that asks over HTTPS: nothing lost, nothing doubled, emergencies first."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clocks import StoppedClock
from support.signing import NOON, an_id

from controller.outbox.inbox import ANSWER_BYTES, MOST_WAITING, Inbox
from controller.outbox.inboxes import BothWays, Inboxes
from wire import topics
from wire.inbox import InboxAnswer, decode_answer, encode_answer
from wire.messages import State, WireError, encode
from wire.mqtt import Incoming, NotConnected


def an_envelope(number: int, size: int = 20) -> bytes:
    return b'{"n":%d,"pad":"%b"}' % (number, b"x" * size)


def envelopes(answer: InboxAnswer) -> list[bytes]:
    return [bytes(message.envelope) for message in answer.messages]


@given(
    st.lists(st.tuples(st.sampled_from(("order", "emergency")), st.booleans(), st.booleans()), max_size=40)
)
def test_a_gateway_gets_everything_once_though_questions_and_answers_are_lost(
    script: list[tuple[str, bool, bool]],
) -> None:
    inbox = Inbox("box")
    cursor, got = "", []
    for number, (channel, is_put, answer_arrives) in enumerate([*script, ("order", False, True)]):
        if is_put:
            inbox.put(channel, an_envelope(number), None)
        answer = decode_answer(encode_answer(inbox.take(cursor, NOON)))
        if answer_arrives:
            got += envelopes(answer)
            cursor = answer.cursor
    assert sorted(got) == sorted(an_envelope(number) for number, step in enumerate(script) if step[1])


def test_an_emergency_is_handed_over_before_what_came_earlier() -> None:
    inbox = Inbox("box")
    for number in range(300):
        inbox.put("order", an_envelope(number, 1_000), None)
    inbox.put("emergency", an_envelope(1_000), None)
    assert envelopes(inbox.take("", NOON))[0] == an_envelope(1_000)


def test_a_flood_pushes_out_the_oldest_order_and_no_emergency() -> None:
    inbox = Inbox("box")
    inbox.put("emergency", an_envelope(0), None)
    for number in range(1, MOST_WAITING + 200):
        inbox.put("order", an_envelope(number), None)
    got = []
    cursor = ""
    while (answer := inbox.take(cursor, NOON)).messages:
        got += envelopes(answer)
        cursor = answer.cursor
    assert got[0] == an_envelope(0)
    assert got[1:] == [an_envelope(number) for number in range(200, MOST_WAITING + 200)][1:]


def test_one_answer_is_small_enough_for_a_slow_link() -> None:
    inbox = Inbox("box")
    for number in range(10):
        inbox.put("order", an_envelope(number, 20_000), None)
    assert len(inbox.take("", NOON).messages) == -(-ANSWER_BYTES // 20_019)


def test_only_the_newest_plan_and_beat_wait_and_nothing_that_has_expired() -> None:
    inbox = Inbox("box")
    for number, channel in enumerate(("plan", "beat", "order", "plan", "beat")):
        inbox.put(channel, an_envelope(number), NOON + timedelta(seconds=number))
    assert envelopes(inbox.take("", NOON + timedelta(seconds=1))) == [an_envelope(n) for n in (2, 3, 4)]
    assert envelopes(inbox.take("", NOON + timedelta(seconds=3))) == [an_envelope(4)]


def test_a_cursor_of_before_a_restart_acknowledges_nothing() -> None:
    old, new = Inbox("old"), Inbox("new")
    for inbox in (old, new):
        inbox.put("order", an_envelope(1), None)
    cursor = old.take("", NOON).cursor
    new.take("", NOON)
    assert envelopes(new.take(cursor, NOON)) == [an_envelope(1)]


@pytest.mark.parametrize("data", [b"", b"{}", b'{"cursor":1}', b"[" * 100_000, b"\xff"])
def test_what_is_no_answer_is_refused_by_one_error_only(data: bytes) -> None:
    with pytest.raises(WireError):
        decode_answer(data)


class Desk:
    """Inboxes beside a broker that can be cut."""

    def __init__(self, silent_s: float = 15.0) -> None:
        self.said: list[Incoming] = []
        self.published: list[str] = []
        self.connected = True
        self.inboxes = Inboxes(StoppedClock(NOON), self.said.append, silent_s)
        self.ways = BothWays(self, self.inboxes)

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, expiry_s: int | None = None
    ) -> None:
        del payload, qos, retain, expiry_s
        if not self.connected:
            raise NotConnected(topic)
        self.published.append(topic)

    def order(self, gateway_id: str) -> None:
        self.ways.publish(topics.down(gateway_id, "order"), an_envelope(1), expiry_s=60)


def at_broker(gateway_id: str, boot: str, *, online: bool, retained: bool = False) -> Incoming:
    state = encode(State(online=online, boot=boot))
    return Incoming(topics.up(gateway_id, "state"), state, qos=1, retained=retained, redelivered=False)


def test_a_message_goes_both_ways_and_without_a_broker_to_those_who_ask() -> None:
    desk = Desk()
    desk.inboxes.open("g1")
    desk.order("g1")
    desk.order("g2")
    assert len(desk.published) == 2
    assert desk.ways.reachable() is None
    desk.connected = False
    assert desk.ways.reachable() == {"g1"}
    desk.order("g1")
    with pytest.raises(NotConnected):
        desk.order("g2")


def test_a_question_is_answered_when_something_comes() -> None:
    async def conversation() -> InboxAnswer:
        desk = Desk()
        question = asyncio.create_task(desk.inboxes.wait("g1", "", 20))
        await asyncio.sleep(0)  # the question is asked
        await asyncio.to_thread(desk.order, "g1")
        return await asyncio.wait_for(question, 5)

    assert envelopes(asyncio.run(conversation())) == [an_envelope(1)]


def test_a_second_question_ends_the_first_which_nobody_hears_any_more() -> None:
    async def conversation() -> tuple[InboxAnswer, InboxAnswer]:
        desk = Desk()
        first = asyncio.create_task(desk.inboxes.wait("g1", "", 20))
        await asyncio.sleep(0)  # the question is asked
        second = asyncio.create_task(desk.inboxes.wait("g1", "", 20))
        ended = await asyncio.wait_for(first, 5)
        desk.order("g1")
        return ended, await asyncio.wait_for(second, 5)

    ended, answered = asyncio.run(conversation())
    assert ended.messages == ()
    assert len(answered.messages) == 1


def test_a_will_is_not_believed_of_one_who_asks_and_a_birth_at_the_broker_closes_its_inbox() -> None:
    desk, boot = Desk(), an_id()
    will = at_broker("g1", boot, online=False)
    assert desk.inboxes.believes(will)
    desk.inboxes.open("g1")
    assert not desk.inboxes.believes(will)
    assert desk.inboxes.believes(at_broker("g1", boot, online=True, retained=True))
    assert desk.inboxes.open_now() == {"g1"}, "what the broker had retained is no birth"
    assert desk.inboxes.believes(at_broker("g1", boot, online=True))
    assert desk.inboxes.open_now() == frozenset()
    assert desk.inboxes.believes(will)


def test_one_who_asks_no_more_gets_a_will_and_one_who_says_goodbye_gets_no_second() -> None:
    desk, boot = Desk(silent_s=0.01), an_id()
    birth, goodbye = (encode(State(online=online, boot=boot)) for online in (True, False))

    async def fall_silent(gateway_id: str, *said: bytes) -> None:
        await desk.inboxes.wait(gateway_id, "", 0)
        for payload in said:
            desk.inboxes.heard(gateway_id, "state", payload)
        await asyncio.sleep(0.05)

    asyncio.run(fall_silent("g1", birth))
    asyncio.run(fall_silent("g2", birth, goodbye))
    assert desk.inboxes.open_now() == frozenset()
    assert [(topics.parse(each.topic).gateway_id, each.payload) for each in desk.said] == [
        ("g1", birth),
        ("g1", goodbye),
        ("g2", birth),
        ("g2", goodbye),
    ]
