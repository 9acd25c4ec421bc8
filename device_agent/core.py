"""One gateway without its wires: messages, sound, clips and time in, effects out. Sans-I/O.

The agent at a pole, the light fleet of the demo and the simulated gateways of a bench run this same code;
their shells only carry out effects. Every step writes its changes and reports into the journal in one
transaction and returns its effects after that, so nothing is done that a power cut could make unknown.
A disk that refuses to be written ends nothing: the gateway goes on from memory and says so (ADR 7).
"""

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from device_agent import playback as machine
from device_agent.admission import Admitted, Gate, Letter, Refused, admit
from device_agent.changes import changes_between
from device_agent.clock_trust import BoxClock, ClockTrust, Moment
from device_agent.effects import (
    ClockStepped,
    Effect,
    PlayerEffect,
    PublishHealth,
    PublishState,
    Tell,
)
from device_agent.freshness import Freshness
from device_agent.guards import guards_of
from device_agent.instants import milliseconds, seconds
from device_agent.journal import PatientJournal
from device_agent.journal.contract import Journal, StoredPlan
from device_agent.orders import AnOrder, carried_out, needs_no_clock
from device_agent.outbox import ReportOutbox
from device_agent.playback import Playback, Step
from device_agent.player_events import Failed, Finished, PlayerEvent
from device_agent.rejections import RejectionLog
from device_agent.turn import REMEMBERED_FOR
from device_agent.views import (
    Kept,
    Seen,
    health_of,
    same_state,
    state_of,
)
from device_agent.wishes import Wishes
from wire.certificates import KnownTime
from wire.credential import GatewayCredential
from wire.envelope import Verifier
from wire.messages import (
    Beat,
    Plan,
    Receipt,
    Report,
    Resync,
    State,
    Volume,
)
from wire.types import ClockVoucher, DiskState, Event, Fault

HEALTH_EVERY_S = 60
FIRST_HEALTH_AFTER_S = 2
FLOOR_EVERY_S = 60
JOURNAL_LOST = "was damaged and is begun anew"

Effects = tuple[Effect, ...]


class GatewayCore:
    """Everything that one gateway decides.

    Args:
        credential: Who we are and whose signatures count.
        journal: What survives; loaded here, written by every step.
        boot: A UUIDv7 new for this run; emergencies carry it back to us.
        rng: Source of jitter.
        agent_version: Said in the state.
        verifier: The credential's keys, parsed; a fleet of thousands parses them once.
        box: What the box says of its clock; None: its clock is not doubted without a reason.

    Raises:
        JournalError: The journal cannot even be read.
    """

    def __init__(
        self,
        credential: GatewayCredential,
        journal: Journal,
        boot: str,
        rng: random.Random,
        *,
        agent_version: str,
        verifier: Verifier | None = None,
        box: BoxClock | None = None,
    ) -> None:
        self._journal = PatientJournal(journal)
        held = self._journal.load()
        self._gate = Gate(credential.gateway_id, boot, verifier or Verifier(credential.keys))
        self._agent_version = agent_version
        self._freshness = held.freshness
        self._box_boot = None if box is None else box.boot_id
        self._clock_boot = held.clock_boot
        vouched_by = None if box is None else box.voucher_after(held.clock_boot)
        self._trust = ClockTrust(floor_at=held.floor_at, vouched_by=vouched_by)
        self._playback = Playback(entries=held.entries, settled=held.settled, guards=guards_of(held.config))
        self._volume_percent = held.volume_percent
        self._wishes = Wishes()
        self._outbox = ReportOutbox(self._journal, held.journal_id, boot, rng)
        self._journal_id = held.journal_id
        self._rejections = RejectionLog()
        self._connected_at: datetime | None = None
        self._told_state: State | None = None
        self._told_disk: DiskState | None = None
        self._forgetful = False
        self._playback_wake_at: datetime | None = None
        self._health_at: datetime | None = None
        self._floor_save_at: datetime | None = None
        self._underruns = 0
        self._last_peak_db: float | None = None

    @property
    def playback(self) -> Playback:
        """What is held, to look at."""
        return self._playback

    @property
    def volume_percent(self) -> int:
        """Loudness of everything but emergencies."""
        return self._volume_percent

    @property
    def is_unvouched(self) -> bool:
        """Whether `on_clock_vouched` would be worth knowing."""
        return self._trust.voucher is ClockVoucher.NOBODY

    def true_now(self, now: datetime) -> datetime:
        """Return the best estimate of the real time when our clock says `now`; for any thread."""
        moment = self._trust.at(now)
        return now if moment.unvouched else moment.true_now

    def known_time(self, now: datetime) -> KnownTime:
        """Return what is known of the time, by which certificates are judged; for any thread."""
        trust = self._trust
        moment = trust.at(now)
        if moment.trusted or trust.offset_ms is not None:
            return KnownTime(clock_is_right=moment.trusted, now=moment.true_now)
        return KnownTime(clock_is_right=False, floor_at=trust.floor_at)

    def start(self, now: datetime, *, forgetful: bool = False) -> Effects:
        """Settle what a former run left open. Called once, before anything else.

        Args:
            now: The wall clock.
            forgetful: The journal that the former run wrote is lost.
        """
        self._health_at = now + seconds(FIRST_HEALTH_AFTER_S)
        self._floor_save_at = now + seconds(FLOOR_EVERY_S)
        self._journal.settle(now)
        self._forgetful = forgetful
        blind = forgetful or self._journal.error is not None
        step = machine.restarted(self._playback, self._trust.at(now), blind=blind)
        return self._take(step, now)

    def on_connected(self, now: datetime) -> Effects:
        """Say who we are, then what is not receipted."""
        self._connected_at = now
        self._told_state = None
        if self._journal.error is not None and self._health_at is not None:
            self._health_at = now
        # What was said of health while nobody could hear it is lost; whoever hears us now wants to know.
        self._health_at = now + seconds(FIRST_HEALTH_AFTER_S)
        return (*self._state(now), *self._outbox.connected(now))

    def on_lost(self) -> Effects:
        """Keep what happens from now on until the next connection."""
        self._connected_at = None
        self._outbox.lost()
        return ()

    def on_message(
        self, channel: str, data: bytes, now: datetime, *, retained: bool = False, redelivered: bool = False
    ) -> Effects:
        """Check a message and do what it says.

        Args:
            channel: Last level of the topic it came on.
            data: The signed envelope.
            now: The wall clock.
            retained: It came because we subscribed.
            redelivered: The broker may have sent it before.
        """
        moment = self._trust.at(now)
        verdict = admit(
            self._gate,
            self._freshness,
            Letter(channel, data, retained=retained, redelivered=redelivered),
            moment,
            floor_at=self._trust.floor_at,
            connected_at=self._connected_at,
        )
        match verdict:
            case Admitted():
                self._trust = self._trust.passed(verdict.message.iat)
                return self._obey(verdict, channel, self._trust.at(now))
            case Refused(rejection, detail):
                reports = self._rejections.note(rejection, detail, now)
                return self._take((self._playback, tuple(map(Tell, reports))), now)
            case _:
                return ()

    def on_player(self, said: PlayerEvent, now: datetime) -> Effects:
        """Take in what the player says."""
        effects = self._take(machine.player_said(self._playback, said, self._trust.at(now)), now)
        if isinstance(said, Finished | Failed):
            self._underruns += said.underruns
            self._last_peak_db = said.peak_db
        return effects

    def on_fault(self, fault: Fault, now: datetime, *, is_over: bool, detail: str | None) -> Effects:
        """Report that something is wrong with the gateway itself, or that it is over."""
        event = Event.FAULT_OVER if is_over else Event.FAULT
        report = Report(n=0, at=now, event=event, reason=fault, detail=detail)
        return self._take((self._playback, (Tell(report),)), now)

    def on_clips_ready(self, clips: Iterable[str], now: datetime) -> Effects:
        """Learn that these clips are on disk, their hashes checked."""
        return self._clips(self._playback.clips.union(clips), now)

    def on_clips_lost(self, clips: Iterable[str], now: datetime) -> Effects:
        """Learn that these clips are not there any more: evicted, or found corrupt."""
        return self._clips(self._playback.clips.difference(clips), now)

    def on_clock_stepped(self, step_ms: int, now: datetime) -> Effects:
        """Learn that somebody set the wall clock forward by so much (back if negative); `now` is after it."""
        step = milliseconds(step_ms)
        was_right = self._trust.at(now - step).confirmed
        self._trust = self._trust.stepped(step_ms)
        if self._health_at is not None:
            self._health_at += step
        if self._floor_save_at is not None:
            self._floor_save_at += step
        if self._outbox.resend_at is not None:
            self._outbox.resend_at += step
        if self._connected_at is not None:
            self._connected_at += step
        self._journal.clock_stepped(now)
        moved = machine.clock_stepped(self._playback, step_ms, self._trust.at(now), was_right=was_right)
        effects = self._take(moved, now)
        return (ClockStepped(step_ms), *effects)

    def on_clock_vouched(self, voucher: ClockVoucher, now: datetime) -> Effects:
        """Learn that something on the box vouches for its clock, which nobody did so far."""
        return self._know(replace(self._trust, vouched_by=voucher), now)

    def on_time(self, now: datetime) -> Effects:
        """Do what is due. Safe to call early or twice."""
        saved = self._outbox.appended(self._journal.settle(now), now)
        trust = self._trust
        if self._floor_save_at is not None and now >= self._floor_save_at:
            trust = trust.raised(now)
        told = tuple(map(Tell, self._rejections.on_time(now)))
        playback, asked = machine.on_time(self._playback, trust.at(now))
        effects = self._take((playback, (*told, *asked)), now, trust=trust)
        if self._floor_save_at is not None and now >= self._floor_save_at:
            self._floor_save_at = now + seconds(FLOOR_EVERY_S)
        return (*saved, *effects, *self._outbox.on_time(now), *self._health(now))

    def next_wake(self) -> datetime | None:
        """Return when to call `on_time` next, by the wall clock; None if only an event can tell."""
        wakes = (
            self._journal.wake_at,
            self._playback_wake_at,
            self._outbox.resend_at,
            self._rejections.summary_at,
            self._health_at,
            self._floor_save_at,
            self._wishes.loudness_at,
        )
        return min((at for at in wakes if at is not None), default=None)

    def _obey(self, admitted: Admitted, channel: str, moment: Moment) -> Effects:
        now, message, freshness = moment.now, admitted.message, admitted.freshness
        match message:
            case Plan():
                plan = StoredPlan(message.id, message.epoch, message.version, admitted.payload)
                step = machine.take_plan(self._playback, message, moment)
                return self._take(step, now, freshness=freshness, plan=plan)
            case Receipt():
                return self._receipted(message, freshness, now)
            case Resync():
                effects = self._take((self._playback, ()), now, freshness=freshness)
                return (*effects, *self._state(now), *self._outbox.again(now))
            case Beat():
                return self._beat(message, freshness, now)
            case _ if message.order_id in freshness.done_orders:
                return self._take((self._playback, ()), now, freshness=freshness)
            case _:
                return self._do(message, channel, freshness, moment)

    def _do(self, order: AnOrder, channel: str, freshness: Freshness, moment: Moment) -> Effects:
        """Do an order for the first time."""
        by_arrival = channel == "emergency" and needs_no_clock(order, self._gate.boot, moment)
        step = carried_out(order, self._playback, moment, by_arrival=by_arrival)
        if moment.confirmed:
            freshness = freshness.without_old(moment.now)
        return self._take(
            step,
            moment.now,
            freshness=freshness.with_done(order.order_id, max(order.exp, moment.now) + REMEMBERED_FOR),
            volume_percent=order.percent if isinstance(order, Volume) else None,
        )

    def _receipted(self, receipt: Receipt, freshness: Freshness, now: datetime) -> Effects:
        if receipt.journal != self._journal_id:
            return self._take((self._playback, ()), now, freshness=freshness)
        effects = self._take((self._playback, ()), now, freshness=freshness, receipted_up_to=receipt.up_to)
        return (*effects, *self._outbox.receipted(receipt.up_to, now))

    def _beat(self, beat: Beat, freshness: Freshness, now: datetime) -> Effects:
        trust = self._trust.heard(beat.iat, now)
        self._wishes.live_ahead = beat.live_ahead
        if self._trust.offset_ms is None:
            self._floor_save_at = now  # the first since the start: worth more than a minute's wait
        effects = self._know(trust, now, freshness=freshness)
        known = (self._playback.entries, self._playback.settled)
        missed_order = any(all(order not in held for held in known) for order in beat.open_orders)
        if missed_order or beat.plan_version > self._plan_version:
            return (*effects, *self._state(now))
        return effects

    def _know(self, trust: ClockTrust, now: datetime, *, freshness: Freshness | None = None) -> Effects:
        """Go on with what was learnt of the clock."""
        moment, playback = trust.at(now), self._playback
        missed: tuple[PlayerEffect | Tell, ...] = ()
        if self._trust.at(now).unvouched:
            # What had to wait for this, and is too late now, was missed for want of a clock.
            playback, missed = machine.on_time(playback, replace(moment, trusted=False))
        playback, asked = machine.on_time(playback, moment)
        return self._take((playback, (*missed, *asked)), now, freshness=freshness, trust=trust)

    def _take(
        self,
        step: Step,
        now: datetime,
        *,
        freshness: Freshness | None = None,
        plan: StoredPlan | None = None,
        volume_percent: int | None = None,
        receipted_up_to: int | None = None,
        trust: ClockTrust | None = None,
    ) -> Effects:
        """Write one step into the journal, then make it ours, then return what is to be done."""
        playback, asked = step
        freshness, trust = freshness or self._freshness, trust or self._trust
        save_floor = self._floor_save_at is not None and now >= self._floor_save_at
        # Only once it is believed: else a restart in this boot would believe what this run does not.
        news = self._box_boot != self._clock_boot and trust.at(now).trusted
        clock_boot = self._box_boot if news else None
        changes = changes_between(
            (self._playback, self._freshness),
            (playback, freshness),
            plan=plan,
            volume_percent=volume_percent,
            floor_at=trust.floor_at if save_floor else None,
            clock_boot=clock_boot,
            reports=tuple(effect.report for effect in asked if isinstance(effect, Tell)),
            receipted_up_to=receipted_up_to,
        )
        reports = self._journal.commit(changes, now)
        self._playback, self._freshness, self._trust = playback, freshness, trust
        self._clock_boot = clock_boot or self._clock_boot
        self._playback_wake_at = machine.next_wake(playback, trust.at(now))
        if volume_percent is not None:
            self._volume_percent = volume_percent
        effects: list[Effect] = [*self._wishes.before_playing(playback, self._volume_percent, now)]
        effects += [effect for effect in asked if not isinstance(effect, Tell)]
        effects += self._wishes.of_clips(playback)
        effects += self._outbox.appended(reports, now)
        effects += self._state_if_changed(now)
        if self._journal.disk is not self._told_disk and self._health_at is not None:
            self._health_at = now
        return tuple(effects)

    def _clips(self, here: frozenset[str], now: datetime) -> Effects:
        return self._take(machine.clips_changed(self._playback, here, self._trust.at(now)), now)

    @property
    def _plan_version(self) -> int:
        # One in memory only is not held: whoever asks has to send it again until it is.
        return self._journal.saved_plan

    def _state(self, now: datetime) -> tuple[PublishState, ...]:
        if self._connected_at is None:
            return ()
        self._told_state = state_of(self._seen(), now)
        return (PublishState(self._told_state),)

    def _state_if_changed(self, now: datetime) -> tuple[PublishState, ...]:
        if self._told_state is not None and same_state(self._told_state, self._seen()):
            return ()
        return self._state(now)

    def _health(self, now: datetime) -> tuple[PublishHealth, ...]:
        if self._health_at is None or now < self._health_at:
            return ()
        self._health_at = now + seconds(HEALTH_EVERY_S)
        self._told_disk = self._journal.disk
        kept = Kept(
            disk=self._journal.disk,
            error=self._journal.error or (JOURNAL_LOST if self._forgetful else None),
            reports_waiting=self._journal.waiting(),
            reports_unsaved=self._journal.owed_reports,
        )
        return (PublishHealth(health_of(self._seen(), kept, now)),)

    def _seen(self) -> Seen:
        return Seen(
            boot=self._gate.boot,
            agent_version=self._agent_version,
            plan_version=self._plan_version,
            clock_offset_ms=self._trust.offset_ms,
            clock_vouched_by=self._trust.voucher,
            volume_percent=self._volume_percent,
            playback=self._playback,
            underruns=self._underruns,
            last_peak_db=self._last_peak_db,
        )
