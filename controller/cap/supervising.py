"""Watching the feeds themselves: one that is silent is a fault, for no news of it is not good news."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.audit.service import record
from controller.cap.deciding import State
from controller.cap.models import CapAlert, CapFeed
from controller.events import Change, announce

MISSES = 3
"""So many intervals without a success are a fault."""

WORRYING = ("no_voice", "nothing_prepared", "refused")
"""What keeps an alert that holds from people: someone has to do something."""


def overdue_since(feed: CapFeed, now: datetime) -> datetime | None:
    """Return since when a feed is overdue; None: it is not, or need not be heard of. Pure."""
    if feed.interval_s is None or not feed.enabled:
        return None
    last_at = max(feed.created_at, feed.succeeded_at or feed.created_at)
    due_at = last_at + MISSES * timedelta(seconds=feed.interval_s)
    return due_at if due_at < now else None


def supervise(session: Session, *, now: datetime) -> None:
    """Note which feeds have fallen silent, and which are back."""
    feeds = select(CapFeed, Area.path).join(Area, col(Area.id) == col(CapFeed.area_id))
    for feed, path in session.exec(feeds.order_by(col(CapFeed.id))).all():
        since = overdue_since(feed, now)
        if (since is None) == (feed.silent_since is None):
            continue
        feed.silent_since = since
        announce(session, Change("cap", path))
        record(
            session,
            now,
            "cap_feed_silent" if since is not None else "cap_feed_back",
            subject=feed.name,
            area_id=feed.area_id,
            detail={"problem": feed.problem},
        )


def concerns(path: str, area_path: str) -> bool:
    """Whether what is for one area is of interest in another: one is part of the other. Pure."""
    return area_path.startswith(path) or path.startswith(area_path)


def near(area_path: str) -> ColumnElement[bool]:
    """Return the same as a condition on `Area.path`."""
    ids = area_path.strip("/").split("/")
    above = ["/" + "".join(f"{each}/" for each in ids[:count]) for count in range(1, len(ids))]
    return col(Area.path).startswith(area_path) | col(Area.path).in_(above)


def silent_feeds(session: Session, area_path: str) -> list[CapFeed]:
    """Return the feeds that are silent and could tell something to an area, the longest silent first."""
    rows = session.exec(
        select(CapFeed)
        .join(Area, col(Area.id) == col(CapFeed.area_id))
        .where(col(CapFeed.silent_since).is_not(None), col(CapFeed.enabled), near(area_path))
        .order_by(col(CapFeed.silent_since))
    )
    return list(rows)


def troubled_alerts(session: Session, area_path: str) -> list[CapAlert]:
    """Return the alerts that hold and need someone: nothing could become of them, or they are contested."""
    rows = session.exec(
        select(CapAlert)
        .join(Area, col(Area.id) == col(CapAlert.area_id))
        .where(
            CapAlert.state == State.IN_FORCE,
            col(CapAlert.obstacle).in_(WORRYING) | col(CapAlert.contested_at).is_not(None),
            near(area_path),
        )
        .options(defer(CapAlert.raw))  # type: ignore[arg-type]
        .order_by(col(CapAlert.received_at).desc())
    )
    return list(rows)


def alerts_behind(session: Session, emergency_ids: Collection[str]) -> dict[str, CapAlert]:
    """Return the alerts that emergencies came of, by the emergencies' ids."""
    if not emergency_ids:
        return {}
    rows = session.exec(
        select(CapAlert).where(CapAlert.state == State.IN_FORCE).options(defer(CapAlert.raw))  # type: ignore[arg-type]
    )
    return {each: row for row in rows for each in row.emergency_ids if each in emergency_ids}


def newest_alerts(session: Session, area_path: str, limit: int) -> list[CapAlert]:
    """Return the newest alerts that came for an area, or for one that it is part of."""
    rows = session.exec(
        select(CapAlert)
        .join(Area, col(Area.id) == col(CapAlert.area_id))
        .where(near(area_path))
        .options(defer(CapAlert.raw))  # type: ignore[arg-type]
        .order_by(col(CapAlert.received_at).desc(), col(CapAlert.id).desc())
        .limit(limit)
    )
    return list(rows)
