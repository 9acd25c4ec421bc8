"""The socket of a phone that speaks live."""

from functools import partial
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket

from controller.live.conversation import Conversation
from controller.services import Services
from wire.mqtt import Connection

router = APIRouter(prefix="/api/v1", tags=["live"])


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    """Hold to talk: see docs/live.md.

    A page of another site may open a socket here, and the browser sends our cookie along: the origin is
    checked before anything else, and the token of our own pages with the first message.
    """
    if not is_our_own(socket.headers.get("origin"), socket.headers.get("host")):
        await socket.close()
        return
    svc: Services = socket.app.state.services
    connection: Connection = socket.app.state.connection
    await socket.accept()
    await Conversation(socket, svc, partial(connection.publish, qos=0)).run()


def is_our_own(origin: str | None, host: str | None) -> bool:
    """Whether a socket is opened by a page of the host that it is opened to; without an origin it is none."""
    return bool(origin) and bool(host) and urlsplit(origin or "").netloc == host
