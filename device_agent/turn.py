"""The playback machine's value, and the working copy on which one step is made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from msgspec.structs import replace

from device_agent.clock_trust import Moment
from device_agent.effects import PlayerEffect, StopPlaying, Tell
from device_agent.entries import BEGUN, Cut, Entry, Heard, Stage, Trigger
from device_agent.guards import Guards
from wire.messages import Item, Report
from wire.types import Event, Sound

REMEMBERED_FOR = timedelta(days=14)
"""How long an ended broadcast is known by its id, beyond its own time; a plan reaches 7 days or more."""

PLAYED_SHARE_PERCENT = 98
"""wire.md: played means that at least this much of the expected time was written to the device."""


@dataclass(frozen=True, slots=True)
class Playback:
    """Everything a gateway holds about what it plays. Replaced, never changed."""

    entries: Mapping[str, Entry] = field(default_factory=lambda: MappingProxyType({}))
    """By broadcast id, what has not ended."""
    settled: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    """Broadcasts that have ended or must never begin (a tombstone), until when each is remembered."""
    clips: frozenset[str] = frozenset()
    """Clips on disk, their hashes checked."""
    cued: frozenset[str] = frozenset()
    """Broadcasts that the player has opened ahead; not worth a line in the journal."""
    arrivals: int = 0
    guards: Guards = field(default_factory=Guards)
    """What this gateway keeps to whoever orders what."""
    blind_since: datetime | None = None
    """When this run began, if it cannot know what the one before it let sound: the disk did not keep it."""


class Turn:
    """One step on a working copy: read and write entries, collect effects, then `done`."""

    def __init__(self, before: Playback, moment: Moment) -> None:
        self.moment = moment
        self._before = before
        self._entries: dict[str, Entry] | None = None
        self._settled: dict[str, datetime] | None = None
        self._effects: list[PlayerEffect | Tell] = []
        self.clips = before.clips
        self.cued = before.cued
        self.arrivals = before.arrivals
        self.guards = before.guards
        self.blind_since = before.blind_since

    def done(self) -> tuple[Playback, tuple[PlayerEffect | Tell, ...]]:
        """Return the new value and what is to be done; the old value itself if nothing changed."""
        after = Playback(
            entries=self._before.entries if self._entries is None else self._entries,
            settled=self._before.settled if self._settled is None else self._settled,
            clips=self.clips,
            cued=self.cued,
            arrivals=self.arrivals,
            guards=self.guards,
            blind_since=self.blind_since,
        )
        return after, tuple(self._effects)

    def entries(self) -> Iterator[Entry]:
        """Go through the entries as they were when the iteration began."""
        return iter(tuple(self._held.values()))

    def entry(self, broadcast_id: str) -> Entry | None:
        """Return what is held of a broadcast that has not ended."""
        return self._held.get(broadcast_id)

    def is_settled(self, broadcast_id: str) -> bool:
        """Whether this broadcast has ended, or must never begin."""
        settled = self._before.settled if self._settled is None else self._settled
        return broadcast_id in settled

    def put(self, entry: Entry) -> Entry:
        """Hold this entry in place of what was held of its broadcast."""
        if self._held.get(entry.broadcast_id) is not entry:
            if self._entries is None:
                self._entries = dict(self._before.entries)
            self._entries[entry.broadcast_id] = entry
        return entry

    def add(self, item: Item) -> Entry:
        """Hold an item that is new to this gateway."""
        self.arrivals += 1
        return self.put(Entry(item=item, due_at=item.start_at, arrived=self.arrivals))

    def do(self, effect: PlayerEffect) -> None:
        """Ask the player for something."""
        self._effects.append(effect)

    def tell(self, event: Event, *broadcast_ids: str, **facts: object) -> None:
        """Report something that happened now, by the real time as far as it is known: it goes on record."""
        report = Report(n=0, at=self.moment.true_now, event=event, broadcast_ids=broadcast_ids)
        self._effects.append(Tell(replace(report, **facts) if facts else report))

    def settle(self, entry: Entry, trigger: Trigger, event: Event, **facts: object) -> None:
        """End an entry with its one terminal report."""
        entry.moved(trigger)
        if entry.is_unheard:
            self.spare_those_making_way_for(entry.broadcast_id)
        if self._entries is None:
            self._entries = dict(self._before.entries)
        del self._entries[entry.broadcast_id]
        if entry.broadcast_id in self.cued:
            self.cued -= {entry.broadcast_id}
            self.do(StopPlaying(entry.broadcast_id))
        self.entomb(entry.broadcast_id, entry.give_up_at)
        if entry.resumed_ms is not None:
            facts.setdefault("detail", f"went on at {entry.resumed_ms} ms")
        elif entry.offset_ms:
            facts.setdefault("detail", f"joined at {entry.offset_ms} ms")
        if entry.started_at is not None:
            facts.setdefault("expected_ms", entry.expected_ms)
            facts.setdefault("sound", Sound.NOT_VERIFIABLE)
        self.tell(event, entry.broadcast_id, started_at=entry.started_at, **facts)

    def leave_open(self, entry: Entry) -> None:
        """Never begin an entry, and say nothing of it: whether it was heard, nobody here knows."""
        if self._entries is None:
            self._entries = dict(self._before.entries)
        del self._entries[entry.broadcast_id]
        self.cued -= {entry.broadcast_id}
        self.entomb(entry.broadcast_id, entry.give_up_at)

    def entomb(self, broadcast_id: str, its_time: datetime | None = None) -> None:
        """Remember that this broadcast must never begin."""
        if self._settled is None:
            self._settled = dict(self._before.settled)
        now = max(self.moment.now, self.moment.true_now)
        self._settled[broadcast_id] = max(now, its_time or now) + REMEMBERED_FOR

    def forget_old(self) -> None:
        """Let go of ended broadcasts whose time is long over, by a clock that a beat has confirmed.

        A clock a year ahead would otherwise forget what was played a minute ago.
        """
        if not self.moment.confirmed:
            return
        settled = self._before.settled if self._settled is None else self._settled
        old = [broadcast_id for broadcast_id, until in settled.items() if until < self.moment.now]
        if old:
            self._settled = {key: until for key, until in settled.items() if until >= self.moment.now}

    def withdraw(self, entry: Entry, reason: str) -> None:
        """End an entry that has not begun."""
        self.settle(entry, Trigger.WITHDRAWN, Event.CANCELLED, reason=reason)

    def cut(self, entry: Entry, cut: Cut) -> Entry:
        """Mark an entry that has begun as ending; a pre-emption gives way to any newer reason."""
        kept = entry.cut if entry.cut is not None and not entry.cut.may_return else cut
        return self.put(replace(entry.moved(Trigger.CUT), cut=kept))

    def spare_those_making_way_for(self, broadcast_id: str) -> None:
        """Let go on what was to fade out for something of which nothing will be heard now."""
        for entry in self.entries():
            if entry.stage is Stage.ENDING and entry.cut is not None and entry.cut.by == broadcast_id:
                self.put(replace(entry.moved(Trigger.SPARED), cut=None))

    def pause(self, entry: Entry, cut: Cut, resumed_ms: int, heard: Heard) -> None:
        """Keep what was cut off until nothing higher sounds; why it was stays with it."""
        self.put(
            replace(
                entry.moved(Trigger.INTERRUPTED),
                offset_ms=min(entry.offset_ms, resumed_ms),
                resumed_ms=resumed_ms,
                segment_at=None,
                paused_at=self.moment.now,
                played_ms=0,
                heard_ms=heard.played_ms,
                underruns=heard.underruns,
                peak_db=heard.peak_db,
                cut=cut,
            )
        )
        self.tell(
            Event.PAUSED,
            entry.broadcast_id,
            by=cut.by,
            played_ms=heard.played_ms,
            expected_ms=entry.expected_ms,
        )

    @property
    def _held(self) -> Mapping[str, Entry]:
        return self._before.entries if self._entries is None else self._entries

    @property
    def active(self) -> tuple[Entry, ...]:
        """What has begun and was not told to end."""
        return tuple(entry for entry in self.begun if entry.stage is not Stage.ENDING)

    @property
    def begun(self) -> tuple[Entry, ...]:
        """What the player has in hand, also what it was told to end."""
        return tuple(entry for entry in self._held.values() if entry.stage in BEGUN)
