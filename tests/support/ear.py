"""What a person beside a horn would hear of a player that plays by the clock alone."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from device_agent.effects import StartPlaying
from device_agent.ending import FADE_MS
from device_agent.player_events import PlayerEvent, Started


@dataclass(slots=True)
class Stretch:
    """One unbroken piece of an item that was heard; `to_ms` is where it stopped."""

    broadcast_id: str
    at: datetime
    from_ms: int
    to_ms: int


@dataclass(slots=True)
class Ear:
    """Listens to what was asked of a player and to what it says."""

    stretches: list[Stretch] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def asked(self, wish: StartPlaying) -> None:
        self._places[wish.item.broadcast_id] = wish.offset_ms

    def told(self, said: PlayerEvent) -> None:
        place_ms = self._places.get(said.broadcast_id, 0)
        if isinstance(said, Started):
            self.stretches.append(Stretch(said.broadcast_id, said.at, place_ms, place_ms))
        elif self.stretches and self.stretches[-1].broadcast_id == said.broadcast_id:
            self.stretches[-1].to_ms = place_ms + said.played_ms

    @property
    def heard(self) -> set[str]:
        return {stretch.broadcast_id for stretch in self.stretches}

    def of(self, broadcast_id: str) -> list[Stretch]:
        return [stretch for stretch in self.stretches if stretch.broadcast_id == broadcast_id]

    def heard_twice(self) -> list[tuple[Stretch, Stretch]]:
        """Return pieces that repeat more of an item than the syllable that was faded out before."""
        return [
            (earlier, later)
            for broadcast_id in sorted(self.heard)
            for earlier, later in pairwise(self.of(broadcast_id))
            if not 0 <= earlier.to_ms - later.from_ms <= FADE_MS
        ]
