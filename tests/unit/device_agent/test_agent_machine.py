"""Whatever comes in whatever order: at most one sound and exactly one end per broadcast."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.ear import Stretch
from support.signing import EMERGENCY, NOON, ROUTINE, a_clip, again, an_id, an_item
from support.simulated import SimulatedGateway

from device_agent.ending import FADE_MS
from device_agent.entries import BEGUN, TRANSITIONS, Stage, Trigger
from device_agent.instants import seconds
from wire.envelope import SigningKey
from wire.messages import Down
from wire.types import AfterPreemption, Event, LatenessPolicy, Priority

TERMINAL = {
    Event.PLAYED,
    Event.PARTIAL,
    Event.FAILED,
    Event.PREEMPTED,
    Event.CANCELLED,
    Event.MISSED,
}
BROADCASTS = tuple(an_id() for _ in range(5))
AFTER = dict(zip(BROADCASTS, [*AfterPreemption, *AfterPreemption], strict=False))
CLIPS = tuple(a_clip(name, duration_ms) for name, duration_ms in (("a", 700), ("b", 4_000), ("c", 20_000)))

items = st.builds(
    lambda broadcast_id, start_s, clips, priority, lateness, limit_ms: an_item(
        NOON + seconds(start_s),
        broadcast_id=broadcast_id,
        clips=tuple(clips),
        priority=priority,
        lateness=lateness,
        late_limit_ms=limit_ms,
        after_preemption=AFTER[broadcast_id],
        resume_limit_ms=20_000,
    ),
    st.sampled_from(BROADCASTS),
    st.floats(0, 40).map(lambda s: round(s, 1)),
    st.lists(st.sampled_from(CLIPS), min_size=1, max_size=2),
    st.sampled_from(["normal", "priority"]),
    st.sampled_from(LatenessPolicy),
    st.sampled_from([0, 5_000, 30_000]),
)
steps = st.one_of(
    st.tuples(st.just("plan"), st.lists(items, max_size=4, unique_by=lambda item: item.broadcast_id)),
    st.tuples(st.just("play"), items),
    st.tuples(st.just("emergency"), items),
    st.tuples(st.just("stop"), st.sampled_from([*BROADCASTS, None])),
    st.tuples(st.just("cancel"), st.sampled_from(BROADCASTS)),
    st.tuples(st.just("wait"), st.floats(0, 3)),
    st.tuples(st.just("wait"), st.floats(0, 20)),
    st.tuples(st.just("clips"), st.sampled_from([clip.sha256 for clip in CLIPS])),
    st.tuples(st.just("no clips"), st.sampled_from([clip.sha256 for clip in CLIPS])),
    st.tuples(st.just("boot"), st.none()),
    st.tuples(st.just("replay"), st.integers(0, 30)),
    st.tuples(st.just("resend"), st.integers(0, 30)),
    st.tuples(st.just("beat"), st.floats(-60, 60)),
    st.tuples(st.just("clock"), st.integers(-40_000, 40_000)),
)


class Script:
    """Plays a list of steps on one gateway and keeps what was sent, to send it again."""

    def __init__(self) -> None:
        self.gateway = SimulatedGateway()
        self.gateway.connect()
        self.sent: list[tuple[Down, str, SigningKey]] = []
        self.here = {clip.sha256 for clip in CLIPS}
        self.gateway.get_clips(*self.here)

    def do(self, what: str, value: object) -> None:
        gateway, pen = self.gateway, self.gateway.pen
        match what, value:
            case "plan", list():
                self._send(pen.plan(gateway.now, *value), "plan")
            case "play", item:
                self._send(pen.play(gateway.now, item), "order")
            case "stop", broadcast_id:
                self._send(pen.stop(gateway.now, broadcast_id), "order")
            case "cancel", broadcast_id:
                self._send(pen.cancel(gateway.now, broadcast_id), "order")
            case "replay", int(index) if self.sent:
                message, channel, key = self.sent[index % len(self.sent)]
                gateway.hear(message, channel, key=key)
            case "resend", int(index) if self.sent:
                message, channel, key = self.sent[index % len(self.sent)]
                if channel != "plan":
                    gateway.hear(again(message, pen, gateway.now), channel, key=key)
            case _:
                self._happen(what, value)

    def _happen(self, what: str, value: object) -> None:
        gateway, pen = self.gateway, self.gateway.pen
        match what, value:
            case "emergency", item:
                urgent = replace(item, priority=Priority.EMERGENCY, lateness=LatenessPolicy.PLAY_FROM_START)
                order = pen.play(gateway.now, urgent, boot=gateway.boots[-1])
                self._send(order, "emergency", EMERGENCY)
            case "wait", duration_s:
                gateway.wait(duration_s)
            case "clips", str(sha256):
                self.here.add(sha256)
                gateway.get_clips(sha256)
            case "no clips", str(sha256):
                self.here.discard(sha256)
                gateway.lose_clips(sha256)
            case "boot", _:
                gateway.boot()
                gateway.connect()
                gateway.get_clips(*self.here)
            case "beat", offset_s:
                gateway.hear(pen.beat(gateway.now + seconds(offset_s)), "beat")
            case "clock", step_ms:
                gateway.step_clock(step_ms)

    def _send(self, message: Down, channel: str, key: SigningKey = ROUTINE) -> None:
        self.sent.append((message, channel, key))
        self.gateway.hear(message, channel, key=key)

    def end(self) -> None:
        """Let everything come to its end: the clips, and time."""
        self.gateway.hear(self.gateway.pen.beat(self.gateway.now), "beat")
        self.gateway.get_clips(*(clip.sha256 for clip in CLIPS))
        self.gateway.wait_until(max(self.gateway.now, NOON) + timedelta(minutes=20))


def comes_back_as_ordered(earlier: Stretch, later: Stretch) -> bool:
    """Whether nothing but a faded syllable is heard twice, or all of it because the order says so."""
    match AFTER[earlier.broadcast_id]:
        case AfterPreemption.RESUME:
            return 0 <= earlier.to_ms - later.from_ms <= FADE_MS
        case AfterPreemption.RESTART:
            return later.from_ms == 0
        case AfterPreemption.DROP:
            return False


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, min_size=5, max_size=30))
def test_a_broadcast_sounds_at_most_once_and_ends_exactly_once(script: list[tuple[str, object]]) -> None:
    run = Script()
    for what, value in script:
        run.do(what, value)
    run.end()

    ended = Counter(
        broadcast_id
        for report in run.gateway.reports()
        if report.event in TERMINAL
        for broadcast_id in report.broadcast_ids
    )
    known = {
        broadcast_id
        for report in run.gateway.reports(Event.RECEIVED, Event.READY, Event.PLAYING)
        for broadcast_id in report.broadcast_ids
    }
    for broadcast_id in BROADCASTS:
        heard = [each for each in run.gateway.stretches if each.broadcast_id == broadcast_id]
        for earlier, later in pairwise(heard):
            assert comes_back_as_ordered(earlier, later)
    assert all(count == 1 for count in ended.values())
    assert known | {broadcast_id for broadcast_id, _ in run.gateway.sounded} <= ended.keys()
    assert not run.gateway.core.playback.entries


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, min_size=5, max_size=30))
def test_reports_are_numbered_without_a_gap_and_each_is_published(script: list[tuple[str, object]]) -> None:
    run = Script()
    for what, value in script:
        run.do(what, value)
    run.end()
    numbers = [report.n for report in run.gateway.reports()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert sorted(run.gateway.published) == numbers


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=20))
def test_a_played_report_means_that_the_time_was_really_played(script: list[tuple[str, object]]) -> None:
    run = Script()
    for what, value in script:
        run.do(what, value)
    run.end()
    for report in run.gateway.reports(Event.PLAYED):
        assert report.played_ms * 100 >= report.expected_ms * 98
        assert report.started_at is not None


def test_no_way_leads_to_a_second_beginning_but_before_the_first_sample_and_after_a_pre_emption() -> None:
    back = {
        (stage, trigger)
        for stage in (*BEGUN, Stage.PAUSED, Stage.DONE)
        for trigger, after in TRANSITIONS[stage].items()
        if after in (Stage.WAITING, Stage.READY, Stage.STARTING)
    }
    assert back == {(Stage.ENDING, Trigger.YIELDED), (Stage.PAUSED, Trigger.ITS_TIME)}
