"""Who speaks where: one voice at a time at each gateway."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from controller.errors import SomeoneSpeaks


@dataclass(frozen=True, slots=True)
class _Speaker:
    name: str
    phone: str
    gateway_ids: frozenset[str]


class OnAir:
    """The voices of this server. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._speakers: dict[str, _Speaker] = {}

    def enter(self, session: str, name: str, gateway_ids: Sequence[str], *, phone: str) -> None:
        """Take gateways for a session.

        Args:
            session: Of the voice.
            name: Whose it is.
            gateway_ids: Where it is to be heard.
            phone: Names the phone: a second press of the same button does not have to wait for the first.

        Raises:
            SomeoneSpeaks: Another voice is at one of them; `params` say whose.
        """
        wanted = frozenset(gateway_ids)
        with self._lock:
            for speaker in self._speakers.values():
                if speaker.phone != phone and speaker.gateway_ids & wanted:
                    raise SomeoneSpeaks(name=speaker.name)
            self._speakers[session] = _Speaker(name, phone, wanted)

    def leave(self, session: str) -> None:
        """Free a session's gateways; one that is gone already is no error."""
        with self._lock:
            self._speakers.pop(session, None)
