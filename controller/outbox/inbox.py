"""What waits for one gateway that asks for its messages over HTTPS. Sans-I/O.

An answer may be lost on its way. So what was handed over stays until the gateway comes back with the cursor
of that answer, and is handed over again when it comes back with any other.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from wire.inbox import InboxAnswer, InboxMessage

MOST_WAITING = 500
"""Beyond this the oldest goes that is no emergency: the outbox sends it again until it is confirmed."""

ANSWER_BYTES = 64 * 1024
"""An answer ends after the message that reaches this, so that a slow link can acknowledge in between."""

_NEWEST_COUNTS = frozenset({"plan", "beat"})


@dataclass(frozen=True, slots=True)
class _Waiting:
    channel: str
    envelope: bytes
    expires_at: datetime | None

    @property
    def urgent(self) -> bool:
        return self.channel == "emergency"


class Inbox:
    """Messages in the order of their coming, emergencies first.

    Args:
        name: Part of every cursor; a new inbox has a new name, so that a cursor of an old one says nothing.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._number = 0
        self._waiting: list[_Waiting] = []
        self._handed: list[_Waiting] = []

    @property
    def cursor(self) -> str:
        """What a gateway gives back that has dealt with the last answer."""
        return f"{self._name}.{self._number}"

    def put(self, channel: str, envelope: bytes, expires_at: datetime | None) -> None:
        """Add a message; a newer plan or beat takes the place of an older one."""
        if channel in _NEWEST_COUNTS:
            self._waiting = [each for each in self._waiting if each.channel != channel]
        self._waiting.append(_Waiting(channel, envelope, expires_at))
        if len(self._waiting) > MOST_WAITING:
            oldest = next((each for each in self._waiting if not each.urgent), self._waiting[0])
            self._waiting.remove(oldest)

    def take(self, after: str, now: datetime) -> InboxAnswer:
        """Return what waits, none of it expired.

        Args:
            after: The cursor of the last answer that the gateway has dealt with.
            now: The present.
        """
        if after != self.cursor:
            self._waiting = self._handed + self._waiting
        self._handed = []
        self._waiting = [each for each in self._waiting if each.expires_at is None or each.expires_at > now]
        self._waiting.sort(key=lambda each: not each.urgent)
        size = 0
        while self._waiting and size < ANSWER_BYTES:
            each = self._waiting.pop(0)
            size += len(each.envelope)
            self._handed.append(each)
        if self._handed:
            self._number += 1
        messages = (
            InboxMessage(channel=each.channel, envelope=msgspec.Raw(each.envelope)) for each in self._handed
        )
        return InboxAnswer(cursor=self.cursor, messages=tuple(messages))
