"""Many light gateways in one process: one inbox, one loop, one cache; a connection each.

Good for some fifty; beyond that the threads of their connections cost more than they do.
"""

import queue
import random
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from device_agent.cache import Cache
from device_agent.clock import Clock
from device_agent.fetcher import ClipNews, Fetcher
from device_agent.http_pool import pin_of
from device_agent.light import LightGateway
from device_agent.link import LinkEvent
from wire.credential import read_credential
from wire.messages import WireError

CACHE_BUDGET_BYTES = 2 * 1000**3
LONGEST_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class _For:
    """Something that happened, and to which gateway; None is to all of them."""

    gateway_id: str | None
    event: LinkEvent | ClipNews


class Fleet:
    """Light gateways, one for each credential in a directory.

    Args:
        credentials: Directory of credential files, ``*.json``.
        state_dir: Where the shared clips go.
        clock: The machine's clocks.
        rng: Source of identifiers and jitter.

    Raises:
        WireError: There is no credential, or one is not readable.
    """

    def __init__(self, credentials: Path, state_dir: Path, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._inbox: queue.SimpleQueue[_For | None] = queue.SimpleQueue()
        held = [read_credential(path) for path in sorted(credentials.glob("*.json"))]
        if not held:
            raise WireError(f"no credential (*.json) in {credentials}")
        self._fetcher = Fetcher(
            Cache(state_dir / "clips", CACHE_BUDGET_BYTES),
            clock,
            rng,
            partial(self._say, None),
            pin=pin_of(held[0]),  # all of one controller
        )
        self._gateways = {
            one.gateway_id: LightGateway(
                one, self._fetcher, partial(self._say, one.gateway_id), clock.now(), rng
            )
            for one in held
        }

    def run(self) -> None:
        """Run until `quit` is called."""
        try:
            for gateway in self._gateways.values():
                gateway.start(self._clock.now())
            self._fetcher.start()
            while self._step():
                pass
        finally:
            for gateway in self._gateways.values():
                gateway.stop()
            self._fetcher.stop()

    def quit(self) -> None:
        """Ask the loop to end; safe in a signal handler."""
        self._inbox.put(None)

    def _step(self) -> bool:
        try:
            got = self._inbox.get(timeout=self._wait_s())
        except queue.Empty:
            pass
        else:
            if got is None:
                return False
            concerned = (
                self._gateways.values() if got.gateway_id is None else (self._gateways[got.gateway_id],)
            )
            for gateway in concerned:
                gateway.handle(got.event, self._clock.now())
        now = self._clock.now()
        for gateway in self._gateways.values():
            gateway.on_time(now)
        return True

    def _wait_s(self) -> float:
        now = self._clock.now()
        wakes = [wake for gateway in self._gateways.values() if (wake := gateway.next_wake()) is not None]
        return min([LONGEST_WAIT_S, *(max(0.0, (wake - now).total_seconds()) for wake in wakes)])

    def _say(self, gateway_id: str | None, event: LinkEvent | ClipNews) -> None:
        self._inbox.put(_For(gateway_id, event))
