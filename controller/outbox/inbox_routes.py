"""The way to gateways whose MQTT is closed: they ask for their messages and post their reports."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from sqlmodel import Session

from controller.db import writing
from controller.deps import ServicesDep
from controller.errors import NotLoggedIn, UploadTooLarge
from controller.gateways.service import knows_secret
from controller.outbox.due import send_again
from controller.services import Services
from wire.inbox import LONGEST_WAIT_S, encode_answer
from wire.messages import MAX_BYTES

router = APIRouter(prefix="/api/v1/gateway", tags=["gateways"])

CredentialsDep = Annotated[HTTPBasicCredentials | None, Depends(HTTPBasic(auto_error=False))]


@router.get(
    "/inbox",
    operation_id="ask_inbox",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}, "description": "Envelopes and a cursor."}},
)
async def ask(
    svc: ServicesDep,
    credentials: CredentialsDep,
    after: Annotated[str, Query(max_length=80, description="Cursor of the last answer dealt with.")] = "",
    wait_s: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S)] = LONGEST_WAIT_S,
) -> Response:
    """Wait for messages to a gateway. For gateways only (HTTP Basic)."""
    gateway_id = await asyncio.to_thread(_admitted, svc, credentials)
    if svc.inboxes.open(gateway_id):
        await asyncio.to_thread(_send_what_waits, svc, gateway_id)
    answer = await svc.inboxes.wait(gateway_id, after, wait_s)
    return Response(
        encode_answer(answer), media_type="application/json", headers={"Cache-Control": "no-store"}
    )


@router.post("/up/{channel}", status_code=202, operation_id="post_up")
async def post(
    channel: Literal["state", "health", "report"],
    request: Request,
    svc: ServicesDep,
    credentials: CredentialsDep,
) -> None:
    """Take what a gateway would publish. 202: it is kept when a receipt says so. For gateways only."""
    gateway_id = await asyncio.to_thread(_admitted, svc, credentials)
    payload = bytearray()
    async for piece in request.stream():
        payload += piece
        if len(payload) > MAX_BYTES:
            raise UploadTooLarge(field="body", megabytes=MAX_BYTES / 2**20)
    svc.inboxes.heard(gateway_id, channel, bytes(payload))


def _admitted(svc: Services, credentials: HTTPBasicCredentials | None) -> str:
    if credentials is not None:
        with Session(svc.engine) as session:
            if knows_secret(session, credentials.username, credentials.password):
                return credentials.username
    raise NotLoggedIn


def _send_what_waits(svc: Services, gateway_id: str) -> None:
    with Session(svc.engine) as session, session.begin():
        writing(session)
        send_again(session, gateway_id, svc.clock.now())
    svc.wake()
