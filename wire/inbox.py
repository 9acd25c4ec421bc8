"""What goes over HTTPS while MQTT is closed: the same envelopes, asked for instead of sent.

A gateway asks ``GET`` `INBOX_PATH` with the cursor of the last answer that it has dealt with. An answer comes
as soon as something waits, or empty after ``wait_s``. What it has to say it posts to `up_path`, byte
for byte as it would publish it. Both by HTTP Basic with its credential, as ``/media``. Signatures, freshness
and receipts do not know which way a message came.
"""

import msgspec
from msgspec import Struct

from wire.messages import WireError
from wire.topics import UP_CHANNELS

INBOX_PATH = "/api/v1/gateway/inbox"

LONGEST_WAIT_S = 25.0
"""How long the controller keeps a question open; proxies and address translation of mobile networks close
what is silent for a minute."""

MAX_ANSWER_BYTES = 1024 * 1024


class InboxMessage(Struct, frozen=True, kw_only=True):
    """One message to a gateway."""

    channel: str
    """``plan``, ``order``, ``emergency`` or ``beat``, as the last level of the topic."""
    envelope: msgspec.Raw
    """The signed envelope, byte for byte."""


class InboxAnswer(Struct, frozen=True, kw_only=True):
    """What waited for a gateway."""

    cursor: str
    """To be given with the next question, once all these are dealt with; without it they come again."""
    messages: tuple[InboxMessage, ...] = ()


def up_path(channel: str) -> str:
    """Return the path that a gateway posts to what it would publish on ``up/<channel>``.

    Raises:
        WireError: There is no such channel.
    """
    if channel not in UP_CHANNELS:
        raise WireError(f"no channel {channel!r}")
    return f"/api/v1/gateway/up/{channel}"


def encode_answer(answer: InboxAnswer) -> bytes:
    """Return the JSON of an answer."""
    return msgspec.json.encode(answer)


def decode_answer(data: bytes) -> InboxAnswer:
    """Parse an answer; raises `WireError`, and nothing else."""
    try:
        return _answer.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"no answer of an inbox: {error}") from error


_answer = msgspec.json.Decoder(InboxAnswer)
