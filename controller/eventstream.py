"""Server-sent events: what changed in the reader's area, at most three times a second."""

import asyncio
from collections.abc import AsyncIterator

import orjson
from fastapi import APIRouter, Request
from sqlmodel import Session, col, select
from sse_starlette import EventSourceResponse, ServerSentEvent

from controller.areas.models import Area
from controller.areas.service import paths_above
from controller.broadcasts.models import Broadcast
from controller.cap.supervising import concerns
from controller.deps import COOKIE, ServicesDep
from controller.drills.models import Drill
from controller.emergencies.models import Emergency
from controller.events import Change
from controller.gateways.models import Gateway
from controller.people.service import who_is
from controller.services import Services

router = APIRouter(tags=["events"])

_TABLES: dict[str, type[Broadcast | Drill | Emergency | Gateway]] = {
    "broadcast": Broadcast,
    "drill": Drill,
    "emergency": Emergency,
}
"""Whose ids the kinds of changes are; those that are not here are about gateways."""

GATHER_S = 0.3
QUIET_S = 15.0


@router.get("/events", operation_id="events", response_class=EventSourceResponse)
async def events(request: Request, svc: ServicesDep) -> EventSourceResponse:
    """Changes as ``{"gateway": [ids], "broadcast": [ids], …}``; a page then reads anew."""
    actor_path = await asyncio.to_thread(_path_of, svc, request)
    return EventSourceResponse(
        _changes(request, svc, actor_path),
        ping=int(QUIET_S),
        # An event and not a comment: a page must notice when a cut network falls silent without closing.
        ping_message_factory=lambda: ServerSentEvent(event="beat", data=svc.started),
    )


async def _changes(request: Request, svc: Services, path: str) -> AsyncIterator[ServerSentEvent]:
    subscriber = svc.events.subscribe()
    try:
        # The page compares this with its own: after a restart of the server it reads everything anew.
        yield ServerSentEvent(event="hello", data=svc.started)
        while not await request.is_disconnected():
            changes = await subscriber.next(QUIET_S)
            if not changes:
                continue
            await asyncio.sleep(GATHER_S)
            changes += await subscriber.next(0.001)
            visible = await asyncio.to_thread(_visible, svc, path, set(changes))
            if visible:
                yield ServerSentEvent(event="change", data=orjson.dumps(visible).decode())
    finally:
        svc.events.unsubscribe(subscriber)


def _path_of(svc: Services, request: Request) -> str:
    with Session(svc.engine) as session:
        actor, _ = who_is(session, request.cookies.get(COOKIE), now=svc.clock.now(), address="")
    return actor.area_path


def _visible(svc: Services, path: str, changes: set[Change]) -> dict[str, list[str]]:
    """Keep what lies in the reader's area: a neighbour's ids are none of their business."""
    by_kind: dict[str, list[str]] = {}
    for change in sorted(changes):
        by_kind.setdefault(change.kind, []).append(change.id)
    visible: dict[str, list[str]] = {}
    with Session(svc.engine) as session:
        for kind, ids in by_kind.items():
            if kind == "cap":
                if near := [each for each in ids if concerns(each, path)]:
                    visible[kind] = near
                continue
            table = _TABLES.get(kind, Gateway)
            # What was ordered for a larger area may sound in the reader's.
            theirs = col(Area.path).startswith(path) | col(Area.path).in_(paths_above(path))
            seen = session.exec(
                select(table.id)
                .join(Area, col(Area.id) == col(table.area_id))
                .where(col(table.id).in_(ids[:2000]), theirs)
            ).all()
            if seen:
                visible[kind] = sorted(seen)
    return visible
