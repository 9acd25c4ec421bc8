"""Phones that are armed: whose voice may go out to which gateways in a moment."""

import threading
from collections.abc import Sequence

from wire.messages import MAX_LIVE_AHEAD, LiveSource

MOST_GATEWAYS = 1_000
"""A phone armed for more does not tell them ahead: each takes a signature at every press."""


class Armed:
    """The armed phones of this server. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, tuple[LiveSource, frozenset[str]]] = {}

    def enter(self, source: LiveSource, gateway_ids: Sequence[str]) -> bool:
        """Take note of a session that may begin; False if it is for too many to tell them ahead."""
        if len(gateway_ids) > MOST_GATEWAYS:
            return False
        with self._lock:
            self._sessions[source.session] = (source, frozenset(gateway_ids))
        return True

    def leave(self, session: str) -> None:
        """Forget a session; one that is gone already is no error."""
        with self._lock:
            self._sessions.pop(session, None)

    def at(self, gateway_id: str) -> tuple[LiveSource, ...]:
        """Return the newest sessions that may begin at a gateway, at most `MAX_LIVE_AHEAD`."""
        with self._lock:
            here = [source for source, gateway_ids in self._sessions.values() if gateway_id in gateway_ids]
        return tuple(here[-MAX_LIVE_AHEAD:])
