"""Emergencies as the API takes and gives them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from controller.emergencies.models import Emergency, EmergencySource, Ending
from controller.emergencies.roll_call import RollCall
from controller.programme.forms import AudienceIn
from wire.types import UUID_PATTERN, Mode

SOURCES_BY_FORM = (EmergencySource.WARNING, EmergencySource.TEXT, EmergencySource.RECORDING)


class EmergencyIn(BaseModel):
    """What everyone is to be told now. A live voice comes by ``/live`` instead."""

    id: Annotated[
        str | None,
        Field(
            pattern=UUID_PATTERN.removesuffix(r"(?!\n)"),
            description="Chosen by whoever asks: the same one sent again, over a bad line, is ordered once.",
        ),
    ] = None
    source: Annotated[EmergencySource, Field(description="warning, text or recording")]
    audience: AudienceIn
    key: Annotated[str | None, Field(max_length=60, description="Of a prepared warning.")] = None
    clip_sha256: Annotated[
        str | None,
        Field(
            pattern=r"^[0-9a-f]{64}$", description="Of a text, a recording, or a warning with filled blanks."
        ),
    ] = None
    title: Annotated[str, Field(max_length=160)] = ""
    text: Annotated[str, Field(max_length=8000)] = ""
    mode: Mode = Mode.ACTUAL
    hazard: Annotated[str | None, Field(max_length=40)] = None
    level: Annotated[int | None, Field(ge=1, le=5, description="Level of risk.")] = None
    siren: Annotated[
        str | None, Field(max_length=60, description="Key of a prepared signal that sounds first.")
    ] = None
    every_minutes: Annotated[int | None, Field(ge=1, le=24 * 60)] = None
    lasts_minutes: Annotated[
        int | None,
        Field(
            ge=1,
            le=3 * 24 * 60,
            description="Nothing of it begins after so long; a phone's clock may be wrong.",
        ),
    ] = None
    supersedes: Annotated[list[str], Field(max_length=16)] = []
    draft: Annotated[
        bool, Field(description="Nothing sounds until a second person has approved it; /approve.")
    ] = False
    alone_because: Annotated[
        str,
        Field(
            max_length=300,
            description="Why one person alone warns more than one commune; else it has to be a draft.",
        ),
    ] = ""


class EmergencyOut(BaseModel):
    """An emergency as it stands."""

    id: str
    title: str
    text: str
    mode: str
    source: str
    state: str
    hazard: str | None
    level: int | None
    warning_key: str | None
    area_id: int
    every_minutes: int | None
    until_at: datetime
    created_at: datetime
    ordered_by: int | None
    proposed_by: int | None
    alone_because: str
    in_quiet_hours: bool
    ended_at: datetime | None
    ending: str | None
    superseded_by: str | None
    reviewed_at: datetime | None
    review: str


class EndIn(BaseModel):
    """How it ends."""

    ending: Annotated[Ending, Field(description="all_clear, false_alarm or stopped")]


class EndedOut(EmergencyOut):
    """An emergency that was ended."""

    announced: bool = Field(description="Whether people are told where it was heard.")


class ApproveIn(BaseModel):
    """What a draft takes the place of when it is let sound."""

    supersedes: Annotated[list[str], Field(max_length=16)] = []


class ReviewIn(BaseModel):
    """What was learnt."""

    note: Annotated[str, Field(min_length=1, max_length=2000)]


class HamletOut(BaseModel):
    """How far it is in one hamlet, as a number of gateways."""

    area_id: int
    name: str
    total: int
    waiting: int
    sent: int
    received: int
    sounding: int
    finished: int
    failed: int
    unknown: int


class SilentOut(BaseModel):
    """A gateway that is silent ten seconds after the start, and the nearest person to ring."""

    gateway_id: str
    name: str
    area: str
    state: str
    reason: str | None
    person: str
    phone: str


class RollCallOut(BaseModel):
    """Who has heard the newest sound of an emergency."""

    emergency_id: str
    broadcast_id: str | None
    start_at: datetime | None
    at: datetime
    total: int
    heard: int
    hamlets: list[HamletOut]
    silent: list[SilentOut]


def emergency_out(emergency: Emergency) -> EmergencyOut:
    """Return an emergency as the API gives it."""
    same = {name: getattr(emergency, name) for name in EmergencyOut.model_fields if name != "every_minutes"}
    every = emergency.every_ms // 60_000 if emergency.every_ms is not None else None
    return EmergencyOut(**same, every_minutes=every)


def roll_call_out(emergency_id: str, found: RollCall, at: datetime) -> RollCallOut:
    """Return a roll-call as the API gives it."""
    return RollCallOut(
        emergency_id=emergency_id,
        broadcast_id=found.broadcast_id,
        start_at=found.start_at,
        at=at,
        total=found.total,
        heard=found.heard,
        hamlets=[
            HamletOut(
                area_id=each.area_id,
                name=each.name,
                total=each.total,
                **{phase.value: count for phase, count in each.counts.items()},
            )
            for each in found.hamlets
        ],
        silent=[
            SilentOut(
                gateway_id=each.answer.gateway_id,
                name=each.answer.name,
                area=each.answer.area,
                state=each.answer.state.value,
                reason=each.answer.reason,
                person=each.person,
                phone=each.phone,
            )
            for each in found.silent
        ],
    )
