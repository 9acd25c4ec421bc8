"""The way out: a thread that reads what was committed, signs it, hands it over and notes that it did.

It publishes between transactions, never inside one. Killed at any point it loses nothing: what was not noted
as sent is sent again after the restart, under a new envelope, and a gateway knows an order that it has.
"""

import random
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from controller.broadcasts import plans
from controller.broadcasts.service import touch_plans
from controller.broadcasts.sweep import settle_overdue
from controller.clock import Clock
from controller.db import writing
from controller.drills.running import DrillClock
from controller.emergencies.campaigns import go_on
from controller.events import Change, EventHub
from controller.gateways.config import configure, has_unconfigured, order_again
from controller.gateways.liveness import note_silent_gateways
from controller.gateways.rules import HouseRules
from controller.outbox import due
from controller.outbox.beats import Beats
from controller.outbox.sealing import Sealer, read_body
from controller.programme.service import plan_all_ahead
from wire import topics
from wire.messages import LiveSource
from wire.mqtt import NotConnected

log = structlog.get_logger(__name__)

PLAN_PASS = timedelta(hours=1)
SWEEP = timedelta(seconds=5)
RECEIPT_DELAY = timedelta(milliseconds=800)
"""Receipts are not urgent: waiting a little makes one of many."""


class Publisher(Protocol):
    """What the dispatcher needs of the ways to the gateways."""

    def reachable(self) -> frozenset[str] | None:
        """Return the gateways that can be sent something now; None is everyone."""
        ...

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, expiry_s: int | None = None
    ) -> None:
        """Hand a message over; raises `NotConnected`."""
        ...


class Dispatcher:
    """Steps whenever it is woken or the alarm rings. `step` can be called by hand in tests."""

    def __init__(
        self,
        *,
        engine: Engine,
        clock: Clock,
        sealer: Sealer,
        events: EventHub,
        zone: ZoneInfo,
        horizon: timedelta,
        rules: HouseRules,
        set_alarm: Callable[[datetime], None],
        jitter: random.Random,
        live_ahead: Callable[[str], tuple[LiveSource, ...]] = lambda _: (),
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._sealer = sealer
        self._events = events
        self._zone = zone
        self._horizon = horizon
        self._rules = rules
        self._set_alarm = set_alarm
        self._publisher: Publisher | None = None
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._beats = Beats(jitter)
        self._live_ahead = live_ahead
        self._called: set[str] = set()
        self._drills = DrillClock(engine, rules)
        self._receipts: dict[str, tuple[str, int, datetime]] = {}
        self._back: set[str] = set()
        self._lock = threading.Lock()
        self._next_plan_pass: datetime | None = None
        self._next_sweep: datetime | None = None
        self._verified_from = clock.now()

    def start(self, publisher: Publisher) -> None:
        """Begin to work with a connection."""
        self._publisher = publisher
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the step it is in."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(10.0)

    def wake(self) -> None:
        """Something was committed, or the alarm rang. Safe from any thread."""
        self._wake.set()

    def greet(self, gateway_ids: Iterable[str]) -> None:
        """Turn to gateways that have come back; called after the commit that noted it, from any thread."""
        with self._lock:
            self._back.update(gateway_ids)
        self._wake.set()

    def call(self, gateway_ids: Iterable[str]) -> None:
        """Send these their beat at once, from any thread."""
        with self._lock:
            self._called.update(gateway_ids)
        self._wake.set()

    def broker_is_back(self) -> None:
        """Ask every gateway how it is: what the broker had retained may be older than its last breath."""
        self._verified_from = self._clock.now()
        self._beats.ask_everyone()
        self._wake.set()

    def owe_receipt(self, gateway_id: str, journal: str, up_to: int) -> None:
        """Remember to tell a gateway up to which report everything is committed."""
        at = self._clock.now() + RECEIPT_DELAY
        with self._lock:
            known = self._receipts.get(gateway_id)
            self._receipts[gateway_id] = (journal, up_to, known[2] if known else at)
        self._set_alarm(at)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                self.step()
            except Exception:  # the thread must outlive a locked or absent database
                log.exception("dispatcher_step_failed")
                self._set_alarm(self._clock.now() + timedelta(seconds=1))

    def step(self) -> None:
        """Do all that is due now, and set the alarm for what comes next."""
        now = self._clock.now()
        self._plan_ahead(now)
        self._sweep(now)
        self._events.publish(*self._drills.step(now))
        reachable = frozenset() if self._publisher is None else self._publisher.reachable()
        if reachable is None or reachable:
            try:
                more = self._send_orders(now, reachable)
                more |= self._send_plans(now, reachable)
                self._send_receipts(now, reachable)
                self._send_beats(now, reachable)
            except NotConnected:
                return
            if more:
                self._wake.set()
        with Session(self._engine) as session:
            at = due.next_due(session, now, reachable)
        self._set_alarm(min(at, self._soonest(now, reachable)))

    def _send_orders(self, now: datetime, reachable: frozenset[str] | None = None) -> bool:
        with Session(self._engine) as session:
            orders, found = due.due_orders(session, now, reachable)
            wanted, kept = due.keep_back(session, found, orders)
        bodies = {order_id: read_body(order) for order_id, order in orders.items()}
        for each in wanted:
            order = orders[each.order_id]
            sealed = self._sealer.order(order, bodies[order.id], each.gateway_id, each.boot, now=now)
            channel = "emergency" if order.emergency else "order"
            self._publish(topics.down(each.gateway_id, channel), sealed, order.expires_at - now)
        if found:
            with Session(self._engine) as session, session.begin():
                writing(session)
                due.note_orders_sent(session, wanted, orders, now)
                due.note_orders_kept(session, kept, orders)
            self._changed({orders[each.order_id].broadcast_id for each in wanted})
        return len(found) == due.BATCH

    def _send_plans(self, now: datetime, reachable: frozenset[str] | None) -> bool:
        with Session(self._engine) as session:
            wanted = due.due_plans(session, now, reachable)
            items = plans.read_items(session, [each.gateway_id for each in wanted], now) if wanted else {}
        sent = []
        exp = now + self._horizon
        for each in wanted:
            content = plans.fit(items[each.gateway_id], now=now, horizon=self._horizon)
            version = each.version + 1
            sealed = self._sealer.plan(
                each.gateway_id, version, content.items, content.until_at, now=now, exp=exp
            )
            self._publish(topics.down(each.gateway_id, "plan"), sealed, exp - now, retain=True)
            sent.append((each, version, [item.broadcast_id for item in content.items]))
        if sent:
            with Session(self._engine) as session, session.begin():
                writing(session)
                for each, version, broadcast_ids in sent:
                    due.note_plan_sent(session, each, version, broadcast_ids, now)
            self._changed({broadcast_id for _, _, broadcast_ids in sent for broadcast_id in broadcast_ids})
        return len(wanted) == due.PLAN_BATCH

    def _send_receipts(self, now: datetime, reachable: frozenset[str] | None) -> None:
        with self._lock:
            ready = {
                gateway_id: owed
                for gateway_id, owed in self._receipts.items()
                if owed[2] <= now and (reachable is None or gateway_id in reachable)
            }
            for gateway_id in ready:
                del self._receipts[gateway_id]
        for gateway_id, (journal, up_to, _) in ready.items():
            sealed = self._sealer.receipt(gateway_id, journal, up_to, now=now)
            self._publish(topics.down(gateway_id, "order"), sealed, timedelta(hours=1))

    def _send_beats(self, now: datetime, reachable: frozenset[str] | None) -> None:
        with self._lock:
            back, self._back = self._back, set()
            called, self._called = self._called, set()
        self._beats.greet(back, now)
        if called:
            self._beats.call(called, now)
        for beat in self._beats.due(self._engine, now):
            if reachable is not None and beat.gateway_id not in reachable:
                continue
            if beat.resync:
                sealed = self._sealer.resync(beat.gateway_id, now=now)
                self._publish(topics.down(beat.gateway_id, "order"), sealed, timedelta(minutes=5))
            # Not the step's own time, which may be old by now: gateways set their trust in clocks by this.
            at = self._clock.now()
            ahead = self._live_ahead(beat.gateway_id)
            sealed = self._sealer.beat(beat.gateway_id, beat.plan_version, beat.open_orders, ahead, now=at)
            self._publish(topics.down(beat.gateway_id, "beat"), sealed, timedelta(seconds=60), qos=0)

    def _plan_ahead(self, now: datetime) -> None:
        if self._next_plan_pass is not None and now < self._next_plan_pass:
            return
        with Session(self._engine) as session, session.begin():
            writing(session)
            added = plan_all_ahead(session, now=now, zone=self._zone, horizon=self._horizon)
            configure(session, self._rules, now=now)
            touch_plans(session, due.gateways_left_out(session, now))
        if added:
            log.info("planned_ahead", broadcasts=added)
        self._next_plan_pass = now + PLAN_PASS

    def _sweep(self, now: datetime) -> None:
        if self._next_sweep is not None and now < self._next_sweep:
            return
        with Session(self._engine) as session, session.begin():
            writing(session)
            due.expire_orders(session, now)
            if has_unconfigured(session):
                configure(session, self._rules, now=now)
            order_again(session, now=now)
            settled = settle_overdue(session, now)
            went_on = go_on(session, now=now, zone=self._zone)
            silent = note_silent_gateways(session, now, verified_from=self._verified_from)
        self._changed(settled)
        self._events.publish(*(Change("emergency", each) for each in went_on))
        if silent:
            self._events.publish(*(Change("gateway", gateway_id) for gateway_id in silent))
        self._next_sweep = now + SWEEP

    def _soonest(self, now: datetime, reachable: frozenset[str] | None) -> datetime:
        """Return when to look again, but not for what has no way out: a way that opens wakes us."""
        with self._lock:
            owed = [
                at
                for gateway_id, (_, _, at) in self._receipts.items()
                if reachable is None or gateway_id in reachable
            ]
        beats = now + SWEEP if reachable == frozenset() else self._beats.next_at or now + SWEEP
        return min([self._next_sweep or now + SWEEP, beats, self._drills.next_at or now + SWEEP, *owed])

    def _publish(
        self, topic: str, payload: bytes, valid: timedelta, *, qos: int = 1, retain: bool = False
    ) -> None:
        if self._publisher is None:
            raise NotConnected(topic)
        self._publisher.publish(
            topic, payload, qos=qos, retain=retain, expiry_s=max(1, int(valid.total_seconds()))
        )

    def _changed(self, broadcast_ids: set[str] | set[str | None]) -> None:
        changes = [Change("broadcast", each) for each in broadcast_ids if each is not None]
        if changes:
            self._events.publish(*changes)
