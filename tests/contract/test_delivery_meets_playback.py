"""Delivery and playback over a broker that loses, doubles and reorders: thousands of scripts.

`test_conversation` has the whole office with its database at one end; here stand the deciding parts alone
(`controller.broadcasts.delivery`, `controller.outbox.resend`, `device_agent.core`), so that a script costs a
few milliseconds and there can be many.
"""

from dataclasses import dataclass, field
from datetime import datetime

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.signing import EMERGENCY, NOON, ROUTINE, Pen, a_clip, again, an_item
from support.simulated import SimulatedGateway

from controller.broadcasts.delivery import (
    OPEN,
    TERMINAL,
    DeliveryState,
    News,
    Progress,
    deadline,
    on_news,
    on_time,
)
from controller.outbox.resend import next_attempt_at
from wire.messages import Cancel, Item, Order, Report, Stop
from wire.types import AfterPreemption, Priority

LENGTHS_MS = (700, 6_000, 30_000)
LIMIT_MS = 20_000


@dataclass(slots=True)
class Waiting:
    """An order in the outbox."""

    order: Order
    emergency: bool
    attempts: int = 0
    at: datetime = NOON


@dataclass(slots=True)
class World:
    """A controller's decisions, one gateway, and what is on its way between them."""

    pole: SimulatedGateway = field(default_factory=SimulatedGateway)
    pen: Pen = field(default_factory=Pen)
    outbox: dict[str, Waiting] = field(default_factory=dict)
    deliveries: dict[str, Progress] = field(default_factory=dict)
    ends: dict[str, list[DeliveryState]] = field(default_factory=dict)
    down: list[tuple[bytes | Order, bool]] = field(default_factory=list)
    up: list[Report] = field(default_factory=list)
    restarting: set[str] = field(default_factory=set)
    said: int = 0
    heard_up_to: int = 0

    @property
    def now(self) -> datetime:
        return self.pole.now

    def order(self, priority: Priority, length: int, after: AfterPreemption) -> None:
        clip = a_clip("abc"[length], LENGTHS_MS[length])
        item = an_item(
            self.now, priority=priority, clips=(clip,), late_limit_ms=LIMIT_MS, after_preemption=after
        )
        if after is AfterPreemption.RESTART:
            self.restarting.add(item.broadcast_id)
        self.deliveries[item.broadcast_id] = Progress(
            DeliveryState.PLANNED, deadline(item.start_at, LIMIT_MS, item.duration_ms)
        )
        self._put(self._play(item), emergency=priority is Priority.EMERGENCY)

    def end(self, which: int, how: str) -> None:
        if not self.deliveries:
            return
        broadcast_id = list(self.deliveries)[which % len(self.deliveries)]
        order: Stop | Cancel
        if how == "stop":
            order = self.pen.stop(self.now, broadcast_id)
        else:
            order = self.pen.cancel(self.now, broadcast_id, sounding=True)
        self._put(order, emergency=False)

    def dispatch(self) -> None:
        """Send what is due, each transmission under an id of its own, and give up on what is overdue."""
        for waiting in self.outbox.values():
            if waiting.at <= self.now:
                waiting.attempts += 1
                waiting.at = next_attempt_at(waiting.attempts, self.now)
                self.down.append((again(waiting.order, self.pen, self.now), waiting.emergency))
        for broadcast_id, progress in self.deliveries.items():
            if progress.state is DeliveryState.PLANNED and any(w.attempts for w in self.outbox.values()):
                self._set(broadcast_id, Progress(DeliveryState.SENT, progress.deadline_at))
            self._set(broadcast_id, on_time(self.deliveries[broadcast_id], self.now))

    def deliver(self, position: int, *, keep: bool = False) -> None:
        both = len(self.down) + len(self.up)
        if not both:
            return
        position %= both
        if position < len(self.down):
            message, emergency = self.down[position] if keep else self.down.pop(position)
            channel, key = ("emergency", EMERGENCY) if emergency else ("order", ROUTINE)
            self.pole.hear(message, channel, key=key, redelivered=keep)
            self.pole.get_clips()
        else:
            index = position - len(self.down)
            self._hear(self.up[index] if keep else self.up.pop(index))

    def deliver_all(self) -> None:
        while self.down or self.up:
            self.deliver(0)

    def lose(self, position: int) -> None:
        both = len(self.down) + len(self.up)
        if both:
            position %= both
            (self.down if position < len(self.down) else self.up).pop(
                position if position < len(self.down) else position - len(self.down)
            )

    def pass_time(self, duration_s: float) -> None:
        self.pole.wait(duration_s)
        self.dispatch()
        self._collect()

    def power_cut(self) -> None:
        self.pole.boot()
        self.pole.connect()
        self.pole.get_clips()
        self._collect()

    def calm(self) -> None:
        """Nothing is lost any more: what the journal still holds comes again until it is receipted."""
        for _ in range(40):
            self.deliver_all()
            self.up += [each for each in self.pole.reports() if each.n > self.heard_up_to]
            self.pass_time(4)

    def _play(self, item: Item) -> Order:
        return self.pen.play(self.now, item, boot=self.pole.boots[-1])

    def _put(self, order: Order, *, emergency: bool) -> None:
        self.outbox[order.order_id] = Waiting(order, emergency, at=self.now)
        self.dispatch()

    def _collect(self) -> None:
        """Put on the way what the gateway has said since."""
        fresh = [each for each in self.pole.reports() if each.n > self.said]
        self.up += fresh
        self.said = max([self.said, *(each.n for each in fresh)])

    def _hear(self, report: Report) -> None:
        """Apply reports in the order of their numbers, each once, as the intake does."""
        if report.n != self.heard_up_to + 1:
            return
        self.heard_up_to = report.n
        for order_id in report.orders:
            self.outbox.pop(order_id, None)
        for broadcast_id in report.broadcast_ids:
            news = News(
                event=report.event,
                at=report.at,
                reason=report.reason,
                started_at=report.started_at,
                played_ms=report.played_ms,
                expected_ms=report.expected_ms,
                by=report.by,
            )
            self._set(broadcast_id, on_news(self.deliveries[broadcast_id], news))

    def _set(self, broadcast_id: str, after: Progress) -> None:
        before, self.deliveries[broadcast_id] = self.deliveries[broadcast_id], after
        if after.state is not before.state and after.state not in OPEN:
            self.ends.setdefault(broadcast_id, []).append(after.state)


position = st.integers(0, 20)
orders = st.tuples(
    st.sampled_from(["order and deliver", "order and deliver", "order"]),
    st.tuples(st.sampled_from(Priority), st.sampled_from([2, 1, 0]), st.sampled_from(AfterPreemption)),
)
steps = st.one_of(
    orders,
    orders,
    st.tuples(st.just("deliver"), position),
    st.tuples(st.just("deliver"), position),
    st.tuples(st.just("deliver twice"), position),
    st.tuples(st.just("lose"), position),
    st.tuples(st.just("pass"), st.sampled_from([0.4, 1, 3, 9])),
    st.tuples(st.sampled_from(["stop", "cancel", "power cut", "deliver all", "deliver all"]), position),
)


def run(script: list[tuple[str, object]]) -> World:
    world = World()
    world.pole.connect()
    for step, argument in script:
        match step, argument:
            case "deliver" | "deliver twice", int(at):
                world.deliver(at, keep=step == "deliver twice")
            case "deliver all", _:
                world.deliver_all()
            case "lose", int(at):
                world.lose(at)
            case "pass", int(duration) | float(duration):
                world.pass_time(duration)
            case "order" | "order and deliver", tuple(what):
                world.order(*what)
                if step != "order":
                    world.deliver_all()
                    world.pass_time(2)
            case "stop" | "cancel", int(which):
                world.end(which, step)
            case _:
                world.power_cut()
    world.calm()
    return world


@settings(
    max_examples=2_000,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(steps, min_size=12, max_size=40))
def test_both_machines_agree_on_what_sounded_whatever_the_broker_does(
    script: list[tuple[str, object]],
) -> None:
    world = run(script)
    whole = {
        each: sum(stretch.to_ms - stretch.from_ms for stretch in world.pole.ear.of(each))
        for each in world.deliveries
    }
    for earlier, later in world.pole.ear.heard_twice():
        assert earlier.broadcast_id in world.restarting
        assert later.from_ms == 0
    for broadcast_id, delivery in world.deliveries.items():
        assert delivery.state in TERMINAL, (delivery.state, delivery.reason)
        ends = world.ends[broadcast_id]
        assert len(ends) == 1 or ends[0] in {DeliveryState.UNKNOWN, DeliveryState.EXPIRED}, ends
        if delivery.state is DeliveryState.PLAYED:
            assert whole[broadcast_id] >= 0.98 * (delivery.expected_ms or 0) > 0
        if delivery.state in {DeliveryState.MISSED, DeliveryState.EXPIRED, DeliveryState.REJECTED}:
            assert whole[broadcast_id] == 0
