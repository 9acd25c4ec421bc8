"""What a phone and the controller say to each other around the frames; JSON, one object a message."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from controller.errors import InvalidInput
from controller.live.effects import Reason
from wire.types import Mode


class AudienceIn(BaseModel):
    """Who is to hear it."""

    areas: list[int] = Field(default_factory=list, max_length=200)
    gateways: list[str] = Field(default_factory=list, max_length=2000)


class ArmIn(BaseModel):
    """The first message: nothing sounds yet."""

    type: Literal["arm"]
    csrf_token: str = Field(max_length=64)
    audience: AudienceIn
    mode: Mode = Mode.ACTUAL
    codec: Literal["opus", "pcm"] = "opus"


class PressIn(BaseModel):
    """The button is held: order it now."""

    type: Literal["press"]
    audience: AudienceIn | None = None
    """Instead of what arming said."""
    mode: Mode | None = None
    title: str | None = Field(default=None, min_length=1, max_length=160)
    hazard: str | None = Field(default=None, max_length=40)
    level: int | None = Field(default=None, ge=1, le=5)
    supersedes: list[str] = Field(default_factory=list, max_length=20)
    alone_because: str = Field(default="", max_length=300)
    """As of every emergency: why one person alone warns more than one commune."""


class ReleaseIn(BaseModel):
    """The button is let go; every frame was sent before this."""

    type: Literal["release"]
    reason: Literal["released", "too_short", "hidden"] = "released"


class PingIn(BaseModel):
    """The phone is there."""

    type: Literal["ping"]


FromPhone = ArmIn | PressIn | ReleaseIn | PingIn
_FROM_PHONE: TypeAdapter[FromPhone] = TypeAdapter(Annotated[FromPhone, Field(discriminator="type")])


def read_message(text: str) -> FromPhone:
    """Read what a phone says.

    Raises:
        InvalidInput: It is nothing that we know.
    """
    try:
        return _FROM_PHONE.validate_json(text)
    except ValidationError as error:
        raise InvalidInput(faults=[each["msg"] for each in error.errors()[:5]]) from error


def armed(longest_ms: int, gateways: int, title: str) -> dict[str, Any]:
    """Ready: a press would be heard by so many gateways, under this title."""
    return {"type": "armed", "longest_ms": longest_ms, "gateways": gateways, "title": title}


def opened(emergency_id: str, broadcast_id: str, gateways: int, opens_in_ms: int) -> dict[str, Any]:
    """Ordered: what is said from `opens_in_ms` on goes out."""
    return {
        "type": "open",
        "emergency_id": emergency_id,
        "broadcast_id": broadcast_id,
        "gateways": gateways,
        "opens_in_ms": opens_in_ms,
    }


def ended(reason: Reason, said_ms: int, broadcast_id: str) -> dict[str, Any]:
    """Nothing goes out any more; `closed` follows once what was said is kept."""
    return {"type": "ended", "reason": reason.value, "said_ms": said_ms, "broadcast_id": broadcast_id}


def closed(reason: Reason, said_ms: int, broadcast_id: str, clip_sha256: str | None) -> dict[str, Any]:
    """All is written down; the next press may come."""
    return {**ended(reason, said_ms, broadcast_id), "type": "closed", "clip_sha256": clip_sha256}


def refused(problem: dict[str, Any]) -> dict[str, Any]:
    """No; as every problem of the interface."""
    return {"type": "refused", "problem": problem}
