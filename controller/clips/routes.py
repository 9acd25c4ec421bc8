"""Clips over HTTP: preparing them, listening to them, and handing them to gateways."""

import shutil
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Depends, File, Form, Header, Request, Response, UploadFile
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel, Field
from sqlmodel import Session, col, select

from audio.formats import CLIP_MEDIA_TYPE
from audio.store import ClipStore
from audio.timeline import PrepareSpec
from controller.areas.models import Area
from controller.areas.service import paths_above
from controller.broadcasts.models import Broadcast, Delivery
from controller.bulletins.models import Bulletin
from controller.clips.byte_range import ByteRange, Unsatisfiable, parse_range
from controller.clips.models import Clip
from controller.clips.preparation import Preparation
from controller.deps import ActorDep, ServicesDep, SessionDep
from controller.emergencies.models import Emergency
from controller.errors import NotFound, NotLoggedIn, UploadTooLarge
from controller.gateways.config import keeps
from controller.gateways.service import knows_secret
from controller.people.access import Actor, Permission
from controller.problems import ProblemOut, problem_out
from controller.web.i18n import DEFAULT_LANGUAGE, language_of

router = APIRouter(prefix="/api/v1", tags=["clips"])
media = APIRouter(tags=["clips"])

_basic = HTTPBasic(auto_error=False)


class ClipOut(BaseModel):
    """A clip's facts."""

    sha256: str
    size_bytes: int
    duration_ms: int
    loudness_lufs: float
    true_peak_dbtp: float


class PreparationOut(BaseModel):
    """How far a preparation is."""

    id: str
    state: Literal["waiting", "preparing", "ready", "refused"]
    progress: float = Field(description="Share done, 0 to 1.")
    clip: ClipOut | None = None
    problem: ProblemOut | None = None


class SpeechIn(BaseModel):
    """A text to be spoken."""

    text: str = Field(max_length=20_000)
    voice: str = "vi-south"
    rate: float = Field(default=1.0, ge=0.5, le=2.0)
    opening_chime: bool = True
    closing_chime: bool = False


@router.post("/preparations/upload", status_code=202, operation_id="prepare_upload")
def prepare_upload(
    svc: ServicesDep,
    actor: ActorDep,
    file: Annotated[UploadFile, File(description="WAV, MP3, AAC/M4A, Ogg/Opus, FLAC or WebM.")],
    *,
    opening_chime: Annotated[bool, Form()] = True,
    closing_chime: Annotated[bool, Form()] = False,
) -> PreparationOut:
    """Take a recording and begin to make a clip of it. 202: follow ``/preparations/{id}``."""
    actor.require_one_of(Permission.COMPOSE, Permission.WARN)
    with NamedTemporaryFile(dir=svc.uploads, delete=False) as kept:
        shutil.copyfileobj(file.file, kept)
        size = kept.tell()
    path = Path(kept.name)
    if size > svc.settings.upload_max_bytes:
        path.unlink()
        raise UploadTooLarge(field="sound", megabytes=svc.settings.upload_max_bytes // 2**20)
    spec = PrepareSpec(opening_chime=opening_chime, closing_chime=closing_chime)
    return _out(svc.preparations.from_upload(path, spec, actor.person_id), None)


@router.post("/preparations/speech", status_code=202, operation_id="prepare_speech")
def prepare_speech(wanted: SpeechIn, svc: ServicesDep, actor: ActorDep) -> PreparationOut:
    """Have a text spoken and begin to make a clip of it. 202: follow ``/preparations/{id}``."""
    actor.require_one_of(Permission.COMPOSE, Permission.WARN)
    spec = PrepareSpec(opening_chime=wanted.opening_chime, closing_chime=wanted.closing_chime)
    return _out(
        svc.preparations.from_text(wanted.text, wanted.voice, wanted.rate, spec, actor.person_id), None
    )


@router.get("/preparations/{preparation_id}", operation_id="get_preparation")
def get_preparation(
    preparation_id: str, request: Request, svc: ServicesDep, actor: ActorDep, session: SessionDep
) -> PreparationOut:
    """How far a preparation is; in the end its clip, or why there is none."""
    found = svc.preparations.get(preparation_id, actor.person_id)
    clip = session.get(Clip, found.clip_sha256) if found.clip_sha256 else None
    return _out(found, clip, language_of(request))


@router.get(
    "/clips/{sha256}/audio",
    operation_id="listen_to_clip",
    response_class=StreamingResponse,
    responses={200: {"content": {CLIP_MEDIA_TYPE: {}}}, 206: {"description": "Part of it"}},
)
def listen(
    sha256: str,
    svc: ServicesDep,
    actor: ActorDep,
    session: SessionDep,
    range_header: Annotated[str | None, Header(alias="Range")] = None,
) -> Response:
    """Listen to a clip before or after it was on air."""
    clip = session.get(Clip, sha256)
    if clip is None or not _may_hear(session, actor, clip):
        raise NotFound
    return _bytes(svc.store, clip, range_header, private=True)


@media.get(
    "/media/{sha256}",
    operation_id="fetch_clip",
    response_class=StreamingResponse,
    responses={200: {"content": {CLIP_MEDIA_TYPE: {}}}, 206: {"description": "Part of it"}},
)
def fetch(
    sha256: str,
    svc: ServicesDep,
    session: SessionDep,
    credentials: Annotated[HTTPBasicCredentials | None, Depends(_basic)],
    range_header: Annotated[str | None, Header(alias="Range")] = None,
) -> Response:
    """Hand a clip to a gateway that was ordered to play it or to keep it. For gateways only (HTTP Basic)."""
    if credentials is None or not knows_secret(session, credentials.username, credentials.password):
        raise NotLoggedIn
    clip = session.get(Clip, sha256)
    gateway_id = credentials.username
    if clip is None or not (keeps(session, gateway_id, sha256) or _was_ordered(session, gateway_id, sha256)):
        raise NotFound
    return _bytes(svc.store, clip, range_header, private=False)


def _was_ordered(session: Session, gateway_id: str, sha256: str) -> bool:
    """Whether a gateway was ever ordered to play a clip, alone or as one of several without a gap."""
    among_others = sa.cast(col(Broadcast.clips), sa.String).contains(sha256, autoescape=True)
    query = (
        select(Delivery.id)
        .join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
        .where(Delivery.gateway_id == gateway_id, (col(Broadcast.clip_sha256) == sha256) | among_others)
        .limit(1)
    )
    return session.exec(query).first() is not None


def _may_hear(session: Session, actor: Actor, clip: Clip) -> bool:
    if clip.prepared_by is not None and clip.prepared_by == actor.person_id:
        return True
    # What is prepared above is theirs to order, so it is theirs to hear first.
    within = col(Area.path).startswith(actor.area_path)
    above = col(Bulletin.prepared) & col(Area.path).in_(paths_above(actor.area_path))
    bulletins = (
        select(Bulletin.id)
        .join(Area, col(Area.id) == col(Bulletin.area_id))
        .where(Bulletin.clip_sha256 == clip.sha256, within | above)
        .limit(1)
    )
    # Whoever is asked to approve an emergency that came from elsewhere hears first what would sound.
    in_emergency = sa.cast(col(Emergency.clips), sa.String).contains(clip.sha256, autoescape=True)
    emergencies = (
        select(Emergency.id)
        .join(Area, col(Area.id) == col(Emergency.area_id))
        .where(in_emergency, within)
        .limit(1)
    )
    return any(session.exec(query).first() is not None for query in (bulletins, emergencies))


def _bytes(store: ClipStore, clip: Clip, range_header: str | None, *, private: bool) -> Response:
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": f"{'private' if private else 'public'}, max-age=31536000, immutable",
        "ETag": f'"{clip.sha256}"',
    }
    try:
        wanted = parse_range(range_header, clip.size_bytes)
    except Unsatisfiable:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{clip.size_bytes}"})
    part = wanted or ByteRange(0, clip.size_bytes - 1)
    headers["Content-Length"] = str(part.last - part.first + 1)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {part.first}-{part.last}/{clip.size_bytes}"
    return StreamingResponse(
        store.open_range(clip.sha256, part.first, part.last + 1),
        status_code=200 if wanted is None else 206,
        media_type=CLIP_MEDIA_TYPE,
        headers=headers,
    )


def _out(preparation: Preparation, clip: Clip | None, language: str = DEFAULT_LANGUAGE) -> PreparationOut:
    return PreparationOut(
        id=preparation.id,
        state=preparation.state.value,
        progress=round(preparation.progress, 3),
        clip=ClipOut.model_validate(clip, from_attributes=True) if clip else None,
        problem=problem_out(preparation.problem, language) if preparation.problem else None,
    )
