"""Topics: the only place that builds or parses one."""

import re
from typing import NamedTuple

from wire.messages import WireError
from wire.types import GATEWAY_ID_PATTERN, UUID_PATTERN

PREFIX = "loa/v1"
CONTROLLER_STATE = f"{PREFIX}/controller/state"

LIVE = f"{PREFIX}/live"

ALERTS = "cap"
"""Alerts in the Common Alerting Protocol come below this, each publisher's below its own name."""

DOWN_CHANNELS = ("plan", "order", "emergency", "beat")
UP_CHANNELS = ("state", "health", "report")

ALL_UP = tuple(f"{PREFIX}/g/+/up/{channel}" for channel in UP_CHANNELS)
"""What the controller subscribes to."""

_GATEWAY_ID = re.compile(GATEWAY_ID_PATTERN)
_SESSION = re.compile(UUID_PATTERN)
_SHAPE = re.compile(rf"^{PREFIX}/g/([^/]+)/(down|up)/([a-z]+)$")


class GatewayTopic(NamedTuple):
    """The parts of a gateway's topic."""

    gateway_id: str
    direction: str
    channel: str


def down(gateway_id: str, channel: str) -> str:
    """Return the topic on which a gateway hears `channel`.

    Raises:
        WireError: The id could be read as more than one topic level, or there is no such channel.
    """
    return _build(gateway_id, "down", channel, DOWN_CHANNELS)


def up(gateway_id: str, channel: str) -> str:
    """Return the topic on which a gateway speaks; raises `WireError` as `down` does."""
    return _build(gateway_id, "up", channel, UP_CHANNELS)


def all_down(gateway_id: str) -> tuple[str, ...]:
    """Return what a gateway subscribes to: its own four topics, no wildcard."""
    return tuple(down(gateway_id, channel) for channel in DOWN_CHANNELS)


def live(session: str) -> str:
    """Return the topic of a live session's packets.

    Raises:
        WireError: The session is no UUID.
    """
    if not _SESSION.match(session):
        raise WireError(f"no session: {session!r}")
    return f"{LIVE}/{session}"


def live_session(topic: str) -> str | None:
    """Return the session whose packets come on a topic; None if it is not one of those."""
    prefix, _, session = topic.rpartition("/")
    return session if prefix == LIVE and _SESSION.match(session) else None


def parse(topic: str) -> GatewayTopic:
    """Take a gateway's topic apart.

    Raises:
        WireError: It is no topic of ours.
    """
    match = _SHAPE.match(topic)
    if match is None:
        raise WireError(f"not a topic of a gateway: {topic!r}")
    gateway_id, direction, channel = match.groups()
    known = DOWN_CHANNELS if direction == "down" else UP_CHANNELS
    if channel not in known or not _GATEWAY_ID.match(gateway_id):
        raise WireError(f"not a topic of a gateway: {topic!r}")
    return GatewayTopic(gateway_id, direction, channel)


def _build(gateway_id: str, direction: str, channel: str, channels: tuple[str, ...]) -> str:
    if channel not in channels:
        raise WireError(f"no channel {channel!r}")
    if not _GATEWAY_ID.match(gateway_id):
        raise WireError(f"no gateway id: {gateway_id!r}")
    return f"{PREFIX}/g/{gateway_id}/{direction}/{channel}"
