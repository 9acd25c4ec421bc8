"""What a gateway is to keep to by itself: the body of its configuration, from its row. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from controller.gateways.models import Gateway
from schedules.quiet_hours import DailyWindow, QuietHours


@dataclass(frozen=True, slots=True)
class HouseRules:
    """What holds for every gateway of this controller."""

    quiet: QuietHours
    longest_ms: int

    def today(self, now: datetime) -> date:
        """Return the day on the wall."""
        return now.astimezone(ZoneInfo(self.quiet.zone)).date()


@dataclass(frozen=True, slots=True)
class OwnRules:
    """What holds for one gateway beside the house rules."""

    start_offset_ms: int = 0
    ceiling_db: float = 0.0
    volume_caps: Sequence[Mapping[str, int]] = ()

    def stored(self) -> dict[str, Any]:
        """Return it as the audit keeps it."""
        return asdict(self)


def own_rules_of(gateway: Gateway) -> OwnRules:
    """Return what is stored of a gateway."""
    return OwnRules(gateway.start_offset_ms, gateway.ceiling_db, gateway.volume_caps)


def wanted(gateway: Gateway, rules: HouseRules, pinned: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the fields of `wire.messages.Config` for one gateway, without its version.

    Args:
        gateway: Its offset, ceiling and hours of its own.
        rules: What holds for all.
        pinned: Clips of prepared warnings, as `wire.messages.ClipRef`.
    """
    return {
        "zone": rules.quiet.zone,
        "quiet": [_span(window) for window in rules.quiet.windows],
        "longest_ms": rules.longest_ms,
        "volume_caps": gateway.volume_caps,
        "ceiling_db": gateway.ceiling_db,
        "start_offset_ms": gateway.start_offset_ms,
        "pinned": list(pinned),
    }


def _span(window: DailyWindow) -> dict[str, int]:
    return {
        "from_minute": window.start.hour * 60 + window.start.minute,
        "to_minute": window.end.hour * 60 + window.end.minute,
    }
