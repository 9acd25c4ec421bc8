"""Alerts over HTTP: in for feeds with a token and for people, out for everyone."""

import hashlib
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from sqlmodel import Session, select

from controller.cap.alert import Key
from controller.cap.atom import CAP_TYPE
from controller.cap.intake import Bringer, find_feed
from controller.cap.models import CapAlert
from controller.cap.publishing import newest_told, publisher_of, told_of
from controller.cap.refusal import CapRefused, Refusal
from controller.cap.supervising import newest_alerts
from controller.cap.telling import feed, message
from controller.cap.xml import MAX_BYTES, to_bytes
from controller.db import writing
from controller.deps import ActorDep, ClockDep, ServicesDep, SessionDep, logged_in
from controller.errors import NotLoggedIn
from controller.events import announced
from controller.people.access import Permission
from controller.services import Services

router = APIRouter(prefix="/api/v1/cap", tags=["alerts"])

_LISTED = 100
_BEARER = "bearer "


class CapAlertOut(BaseModel):
    """An alert that came, and how it stands."""

    sender: str
    identifier: str
    sent_at: datetime
    msg_type: str
    status: str
    title: str
    level: int | None
    proven: bool
    state: str
    reason: str | None
    obstacle: str | None
    unspoken: list[str]
    recordings: dict[str, str]
    emergency_ids: list[str]
    received_at: datetime
    expires_at: datetime


class TakenOut(BaseModel):
    """What was done with an alert. A heartbeat has no alert: only its time is kept."""

    is_new: bool
    alert: CapAlertOut | None


async def small_body(request: Request) -> bytes:
    """Return the body of a request, of which no more is read than an alert may have.

    Raises:
        CapRefused: It is larger.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise CapRefused(Refusal.TOO_LARGE, f"over {MAX_BYTES} bytes")
    return bytes(body)


@router.post(
    "",
    status_code=202,
    operation_id="take_alert",
    openapi_extra={"requestBody": {"content": {CAP_TYPE: {"schema": {"type": "string"}}}, "required": True}},
)
def take_alert(
    request: Request, svc: ServicesDep, clock: ClockDep, raw: Annotated[bytes, Depends(small_body)]
) -> TakenOut:
    """Take an alert in CAP 1.2, as the body of the request.

    A feed shows its token (``Authorization: Bearer …``). What a person brings becomes a draft,
    whatever it is, and does not sound before someone approves it. 202: taken, or known already.
    """
    token = request.headers.get("authorization", "")
    if token:
        is_new, key = _by_feed(svc, token, raw)
    else:
        is_new, key = _by_person(request, svc, clock, raw)
    svc.cap.wake()
    with Session(svc.engine) as session:
        found = _find(session, key)
        return TakenOut(is_new=is_new, alert=None if found is None else _out(found))


@router.get("/alerts", operation_id="list_alerts")
def list_alerts(actor: ActorDep, session: SessionDep) -> list[CapAlertOut]:
    """The newest hundred alerts that came for the person's area, or for one that it is part of."""
    actor.require(Permission.READ)
    return [_out(row) for row in newest_alerts(session, actor.area_path, _LISTED)]


def public(request: Request, svc: ServicesDep, session: SessionDep, clock: ClockDep) -> None:
    """Pass whoever may read what was told: everyone, unless the settings say otherwise.

    Raises:
        NotLoggedIn: They do, and no one is logged in.
    """
    if not svc.settings.cap_public:
        logged_in(request, session, clock)


_Public = [Depends(public, scope="function")]
_XML = {"content": {CAP_TYPE: {}}, "description": "An alert in CAP 1.2."}


@router.get(
    "/alerts/{emergency_id}/{number}.xml",
    operation_id="get_alert",
    dependencies=_Public,
    response_class=Response,
    responses={200: _XML},
)
def get_alert(emergency_id: str, number: int, svc: ServicesDep, session: SessionDep) -> Response:
    """An emergency as others take it, signed: message 1 tells of it, message 2 takes it back."""
    told = told_of(session, emergency_id, number)
    document = to_bytes(message(told, number, publisher_of(svc.settings)))
    signed = document if svc.alert_key is None else svc.alert_key.sign(document)
    return Response(signed, media_type=CAP_TYPE)


@router.get(
    "/feed.atom",
    operation_id="feed_of_alerts",
    dependencies=_Public,
    response_class=Response,
    responses={200: {"content": {"application/atom+xml": {}}, "description": "The newest alerts."}},
)
def get_feed(svc: ServicesDep, session: SessionDep, clock: ClockDep) -> Response:
    """The newest emergencies that are real, as a feed of alerts (Atom, RFC 4287)."""
    found = feed(newest_told(session), publisher_of(svc.settings), clock.now())
    return Response(to_bytes(found), media_type="application/atom+xml")


def _by_feed(svc: Services, authorization: str, raw: bytes) -> tuple[bool, Key | None]:
    if not authorization.lower().startswith(_BEARER):
        raise NotLoggedIn
    digest = hashlib.sha256(authorization[len(_BEARER) :].strip().encode()).hexdigest()
    with Session(svc.engine) as session:
        found = find_feed(session, digest)
        if found is None:
            raise NotLoggedIn
        feed_id = found.id
    outcome = svc.cap.take(feed_id, raw)
    if outcome.refused is not None:
        raise outcome.refused
    return outcome.is_new, outcome.key


def _by_person(request: Request, svc: Services, clock: ClockDep, raw: bytes) -> tuple[bool, Key | None]:
    with Session(svc.engine) as session, session.begin():
        writing(session)
        actor, _ = logged_in(request, session, clock)
        actor.require(Permission.WARN)
        bringer = Bringer(actor.area_id, None, actor.person_id, actor.address)
        taken = svc.cap.take_in(session, bringer, raw)
        done = taken.is_new, taken.key
    svc.events.publish(*announced(session))
    svc.wake()
    return done


def _find(session: Session, key: Key | None) -> CapAlert | None:
    if key is None:
        return None
    return session.exec(
        select(CapAlert).where(
            CapAlert.sender == key.sender,
            CapAlert.identifier == key.identifier,
            CapAlert.sent_at == key.sent_at,
        )
    ).first()


def _out(row: CapAlert) -> CapAlertOut:
    return CapAlertOut(**{name: getattr(row, name) for name in CapAlertOut.model_fields})
