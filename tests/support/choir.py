"""Several real agent processes that are to sound as one: one broker, one clip, one plan for all."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from support.broker import Broker
from support.far_end import FarEnd, now
from support.media import MediaServer
from support.pole import Pole
from support.signing import an_item

from wire.messages import Item
from wire.types import Event

Loudspeaker = tuple[str | None, Mapping[str, str]]
"""A sink as on the command line, None for a file; and the environment that it needs."""


def into_files(_gateway_id: str) -> Loudspeaker:
    return None, {}


class Choir:
    """Start gateways, let them sing, stop them.

    Args:
        directory: Everybody's disks.
        size: How many gateways.
        clip: The bytes that they play.
        duration_ms: Its length.
        loudspeaker: What each of them plays to, by its id.
    """

    def __init__(
        self,
        directory: Path,
        size: int,
        clip: bytes,
        duration_ms: int,
        loudspeaker: Callable[[str], Loudspeaker] = into_files,
    ) -> None:
        self._broker = Broker(directory / "broker").start()
        self._media = MediaServer()
        self._clip = self._media.add(clip, duration_ms)
        self._far_end: FarEnd | None = None
        self.poles: dict[str, Pole] = {}
        for gateway_id in voices(size):
            sink, environment = loudspeaker(gateway_id)
            pole = Pole(
                directory / gateway_id,
                gateway_id,
                self._broker,
                self._media.url,
                sink=sink,
                environment=environment,
            )
            self._media.passwords[gateway_id] = pole.secret
            self.poles[gateway_id] = pole

    def start(self, patience_s: float = 60.0, *, one_by_one: bool = False) -> FarEnd:
        """Start all and wait until they are online; one by one they do not take each other's processor."""
        far_end = self._far_end = FarEnd(self._broker.controller_address())
        for gateway_id, pole in self.poles.items():
            pole.start()
            if one_by_one:
                far_end.wait_online(gateway_id, timeout_s=patience_s)
        for gateway_id in self.poles:
            far_end.wait_online(gateway_id, timeout_s=patience_s)
        return far_end

    def plan(self, starts: list[datetime], patience_s: float = 60.0) -> None:
        """Give all the same plan and wait until every clip lies where it is needed."""
        assert self._far_end is not None
        for gateway_id in self.poles:
            items = [self._item(at) for at in starts]
            self._far_end.send(self._far_end.pen(gateway_id).plan(now(), *items), "plan")
            for item in items:
                self._far_end.wait_for_events(
                    gateway_id, item.broadcast_id, Event.READY, timeout_s=patience_s
                )

    def wait_played(self, times: int, patience_s: float) -> None:
        """Wait until everybody has reported so many items played."""
        far_end = self._far_end
        assert far_end is not None

        def played() -> bool:
            return all(len(far_end.said(gateway_id, Event.PLAYED)) >= times for gateway_id in self.poles)

        far_end.wait(played, patience_s)

    def stop(self) -> None:
        for pole in self.poles.values():
            pole.stop()
        if self._far_end is not None:
            self._far_end.stop()
        self._media.stop()
        self._broker.stop()

    def _item(self, at: datetime) -> Item:
        return an_item(at, clips=(self._clip,))


def voices(size: int) -> list[str]:
    return [f"31672-{number:03}" for number in range(1, size + 1)]


def starts_from(first: datetime, apart_ms: int, count: int) -> list[datetime]:
    return [first + timedelta(milliseconds=apart_ms * turn) for turn in range(count)]
