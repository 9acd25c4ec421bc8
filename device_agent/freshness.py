"""What was accepted before, so that nothing is accepted twice. Immutable values, kept in the journal."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

WINDOW = 256
"""Accepted messages remembered per stream; below the lowest of them everything counts as a replay."""


@dataclass(frozen=True, slots=True)
class Window:
    """The accepted messages of one stream with the highest numbers."""

    accepted: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Sequence number by message id."""

    def knows(self, message_id: str, seq: int) -> bool:
        """Whether this message was accepted, or is so old that it might have been."""
        if message_id in self.accepted:
            return True
        return len(self.accepted) >= WINDOW and seq <= min(self.accepted.values())

    def with_accepted(self, message_id: str, seq: int) -> "Window":
        """Return the window after accepting a message."""
        accepted = {**self.accepted, message_id: seq}
        while len(accepted) > WINDOW:
            del accepted[min(accepted, key=accepted.__getitem__)]
        return Window(accepted)


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """Which plan is held; a higher epoch beats every version."""

    message_id: str
    epoch: int
    version: int


@dataclass(frozen=True, slots=True)
class Freshness:
    """The newest of everything that was accepted."""

    epoch: int = 0
    windows: Mapping[str, Window] = field(default_factory=lambda: MappingProxyType({}))
    """By stream, which is the channel: ``order`` and ``emergency``."""
    plan: HeldPlan | None = None
    done_orders: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    """Orders by their lasting id, until when each is remembered: sent again, it is already done."""
    beat_seq: int = -1
    """Of this run only: a beat does nothing that a restart should remember."""

    def window(self, stream: str) -> Window:
        """Return the window of a stream, empty if nothing came yet."""
        return self.windows.get(stream, Window())

    def in_epoch(self, epoch: int) -> "Freshness":
        """Return the state for a message of this epoch; a higher one begins all windows anew."""
        if epoch == self.epoch:
            return self
        return replace(self, epoch=epoch, windows=MappingProxyType({}), beat_seq=-1)

    def with_done(self, order_id: str, until: datetime) -> "Freshness":
        """Return the state after an order was done."""
        return replace(self, done_orders={**self.done_orders, order_id: until})

    def without_old(self, now: datetime) -> "Freshness":
        """Return the state without the orders whose time is long over, by a clock that can be trusted."""
        if all(until >= now for until in self.done_orders.values()):
            return self
        return replace(
            self, done_orders={key: until for key, until in self.done_orders.items() if until >= now}
        )

    def with_accepted(self, stream: str, message_id: str, seq: int) -> "Freshness":
        """Return the state after accepting an order."""
        window = self.window(stream).with_accepted(message_id, seq)
        return replace(self, windows={**self.windows, stream: window})
