"""What one step has changed, found by comparing the values before and after it. Pure."""

from collections.abc import Mapping
from datetime import datetime

from device_agent.entries import Entry
from device_agent.freshness import Freshness
from device_agent.journal.contract import Changes, StoredPlan
from device_agent.turn import Playback
from wire.messages import Report


def changes_between(
    before: tuple[Playback, Freshness],
    after: tuple[Playback, Freshness],
    *,
    plan: StoredPlan | None,
    volume_percent: int | None,
    floor_at: datetime | None,
    clock_boot: str | None,
    reports: tuple[Report, ...],
    receipted_up_to: int | None,
) -> Changes:
    """Return what the journal has to write so that it holds `after`."""
    (was, was_fresh), (is_now, is_fresh) = before, after
    new_epoch = is_fresh.epoch != was_fresh.epoch
    seen_before = Freshness() if new_epoch else was_fresh
    return Changes(
        epoch=is_fresh.epoch if new_epoch else None,
        accepted=_accepted(seen_before, is_fresh),
        dropped=tuple((stream, key) for stream, key, _ in _accepted(is_fresh, seen_before)),
        done_orders=_new(was_fresh.done_orders, is_fresh.done_orders),
        forgotten_orders=_missing(was_fresh.done_orders, is_fresh.done_orders),
        plan=plan,
        entries=_changed(was.entries, is_now.entries),
        ended=_missing(was.entries, is_now.entries),
        config=is_now.guards.config if is_now.guards is not was.guards else None,
        settled=_new(was.settled, is_now.settled),
        forgotten=_missing(was.settled, is_now.settled),
        volume_percent=volume_percent,
        floor_at=floor_at,
        clock_boot=clock_boot,
        reports=reports,
        receipted_up_to=receipted_up_to,
    )


def _accepted(before: Freshness, after: Freshness) -> tuple[tuple[str, str, int], ...]:
    """Return what `after` holds and `before` does not."""
    if before.windows is after.windows:
        return ()
    return tuple(
        (stream, message_id, seq)
        for stream, window in after.windows.items()
        if window is not before.window(stream)
        for message_id, seq in window.accepted.items()
        if message_id not in before.window(stream).accepted
    )


def _new(before: Mapping[str, datetime], after: Mapping[str, datetime]) -> dict[str, datetime]:
    return {} if before is after else {key: until for key, until in after.items() if key not in before}


def _changed(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> tuple[Entry, ...]:
    if before is after:
        return ()
    return tuple(entry for key, entry in after.items() if before.get(key) is not entry)


def _missing(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[str, ...]:
    return () if before is after else tuple(key for key in before if key not in after)
