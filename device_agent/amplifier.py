"""The amplifier's relay: on a little ahead of the sound, off some time after it, off when we are not there.

A tube or a class D amplifier takes its time and swallows the first word; one that is left on hums all night,
and a horn that hums is complained about.
"""

from typing import Protocol

import structlog

log = structlog.get_logger(__name__)

LEAD_MS = 400
HOLD_MS = 5_000
"""Shorter than that, a relay would click between two items."""

MAX_LEAD_MS = 1_300
"""The player hears of an item 1.5 s before its start."""

MARGIN_MS = 100
"""It is looked at once a block of sound, and told when that begins: without some more time on either side an
item would begin a block late and lose its last one."""

_MILLISECOND_NS = 1_000_000


class RelayError(RuntimeError):
    """There is no such relay, or it cannot be switched."""


class Relay(Protocol):
    """One output that closes a contact. Open, that is off, before the first `switch` and after `close`."""

    def switch(self, *, on: bool) -> None:
        """Close or open the contact.

        Raises:
            RelayError: The pin refuses.
        """

    def close(self) -> None:
        """Switch off and let go of the pin."""


class Switching:
    """When the amplifier is on. Pure; instants are monotonic nanoseconds.

    Args:
        lead_ms: How long it takes until sound comes through.
        hold_ms: How long it stays on after the last sample.
    """

    def __init__(self, lead_ms: int = LEAD_MS, hold_ms: int = HOLD_MS) -> None:
        self._lead_ns = lead_ms * _MILLISECOND_NS
        self._early_ns = self._lead_ns + MARGIN_MS * _MILLISECOND_NS
        self._hold_ns = (hold_ms + MARGIN_MS) * _MILLISECOND_NS
        self._on_since_ns: int | None = None
        self._off_at_ns = 0

    @property
    def on(self) -> bool:
        """Whether it was last decided to be on."""
        return self._on_since_ns is not None

    def decide(self, now_ns: int, sounds_ns: int | None) -> bool:
        """Decide whether it is to be on now.

        Args:
            now_ns: This instant; it only grows from call to call.
            sounds_ns: When the next sample sounds that somebody is to hear, or the last one that was handed
                over; None if nothing is known to come.
        """
        if sounds_ns is not None and sounds_ns - self._early_ns <= now_ns:
            self._off_at_ns = max(sounds_ns, now_ns) + self._hold_ns
            if self._on_since_ns is None:
                self._on_since_ns = now_ns
        elif now_ns >= self._off_at_ns:
            self._on_since_ns = None
        return self.on

    def through_ns(self, now_ns: int) -> int:
        """Return from when on sound comes through, if it is switched on by now."""
        return (now_ns if self._on_since_ns is None else self._on_since_ns) + self._lead_ns


class Amplifier:
    """The relay and what decides about it. Used by the player's thread; `is_on` by any.

    Args:
        relay: None if none is wired: then nothing is switched and nothing waits for it.
        switching: When it is on.
    """

    def __init__(self, relay: Relay | None = None, switching: Switching | None = None) -> None:
        self._relay = relay
        self._switching = switching or Switching()
        self._told: bool | None = None if relay is None else False

    def is_on(self) -> bool | None:
        """Return what the relay was last told; None if there is none, or it refused."""
        return self._told

    def attend(self, now_ns: int, sounds_ns: int | None) -> int:
        """Switch as is right now; return the instant before which nothing should begin to sound."""
        if self._relay is None:
            return now_ns
        through_ns = self._switching.through_ns(now_ns)
        self._tell(self._relay, on=self._switching.decide(now_ns, sounds_ns))
        return through_ns

    def close(self) -> None:
        """Switch off, whatever was going on."""
        if self._relay is not None:
            self._tell(self._relay, on=False)
            self._relay.close()

    def _tell(self, relay: Relay, *, on: bool) -> None:
        if on is self._told:
            return
        try:
            relay.switch(on=on)
        except RelayError as error:
            # Sound matters more than the relay: it goes on, and health says that nothing is known of it.
            if self._told is not None:
                log.warning("amplifier_refuses", reason=str(error))
            self._told = None
        else:
            self._told = on
            log.info("amplifier_switched", on=on)
