"""Prepared warnings over HTTP: which there are, and speaking one with its blanks filled."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from audio.timeline import PrepareSpec
from controller.areas.models import Area
from controller.areas.service import get_area
from controller.deps import ActorDep, ServicesDep, SessionDep
from controller.errors import NotFound
from controller.people.access import Permission
from controller.warnings.catalogue import PreparedSound, all_sounds, sounds_of
from controller.warnings.keeping import VOICE
from controller.warnings.pack import LONGEST_VALUE, find_packed, is_role, issuer_of

router = APIRouter(prefix="/api/v1", tags=["warnings"])


class BlankOut(BaseModel):
    """Something that may be filled in before a warning is spoken."""

    name: str
    label: str = Field(description="In Vietnamese, as the words around it are.")


class WarningOut(BaseModel):
    """A prepared warning, which every gateway of the area keeps."""

    key: str
    title: str
    hazard: str | None
    level: int | None = Field(description="Of risk, 1 to 5; none where the law knows no levels.")
    languages: list[str] = Field(description="In the order in which it is said.")
    duration_ms: int = Field(description="All languages together.")
    blanks: list[BlankOut] = Field(description="Filled, it is spoken anew and gateways have to fetch it.")
    siren: str | None = Field(
        description="Key of the siren that fits and is prepared; none: the attention signal."
    )
    text: str


class FilledIn(BaseModel):
    """A warning's blanks."""

    values: dict[str, Annotated[str, Field(max_length=LONGEST_VALUE)]]
    area_id: int | None = Field(default=None, description="Whose warning; none is the person's own area.")


class FilledOut(BaseModel):
    """A warning on its way to being spoken: order it with this text and, once it is there, this clip."""

    text: str
    preparation_id: str = Field(description="Follow ``/preparations/{id}``.")


AreaId = Annotated[int | None, Query(description="Whose warnings; none is the person's own area.")]


@router.get("/warnings", operation_id="list_warnings")
def list_warnings(
    svc: ServicesDep, actor: ActorDep, session: SessionDep, area_id: AreaId = None
) -> list[WarningOut]:
    """Return the warnings that an area's gateways keep: those of the area and of the areas above it.

    Words and signals that belong to every emergency (all clear, drill, sirens) are not among them.
    """
    area = _area(svc, actor, session, area_id)
    found = all_sounds(session, area.path)
    keys = {each.key for each in found}
    return [_out(each, keys) for each in found if not is_role(each.key)]


@router.post("/warnings/{key}/spoken", status_code=202, operation_id="speak_warning")
def speak_warning(
    key: str, filled: FilledIn, svc: ServicesDep, actor: ActorDep, session: SessionDep
) -> FilledOut:
    """Have a prepared warning spoken with its blanks filled. 202: follow the preparation.

    It lies on no gateway: all of them fetch it when it is ordered. The prepared clip starts sooner.
    """
    area = _area(svc, actor, session, filled.area_id, Permission.WARN)
    packed = find_packed(sounds_of(session, area.path, key).key)
    if packed is None:
        raise NotFound
    text = packed.spoken_with(issuer_of(area.kind, area.name), filled.values)
    begun = svc.preparations.from_text(text, VOICE, 1.0, PrepareSpec(repeats=packed.times), actor.person_id)
    return FilledOut(text=text, preparation_id=begun.id)


def _area(
    svc: ServicesDep,
    actor: ActorDep,
    session: SessionDep,
    area_id: int | None,
    permission: Permission = Permission.READ,
) -> Area:
    area = get_area(session, area_id or actor.area_id, svc.today(svc.clock.now()))
    actor.require(permission, area.path)
    return area


def _out(sound: PreparedSound, prepared: set[str]) -> WarningOut:
    packed = find_packed(sound.key)
    siren = packed.siren if packed else None
    return WarningOut(
        key=sound.key,
        title=sound.main.title,
        hazard=sound.main.hazard,
        level=sound.main.level,
        languages=list(sound.languages),
        duration_ms=sound.duration_ms,
        blanks=[BlankOut(name=each.name, label=each.label) for each in packed.blanks] if packed else [],
        siren=siren if siren in prepared else None,
        text=sound.main.text,
    )
