"""The registry over HTTP."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.deps import ActorDep, ClockDep, ServicesDep, SessionDep
from controller.errors import NotFound
from controller.gateways import service
from controller.gateways.faults import faults_of
from controller.gateways.liveness import Contact, contact
from controller.gateways.models import (
    Connectivity,
    Gateway,
    GatewayConfig,
    GatewayKind,
    GatewayState,
    SecurityEvent,
)
from controller.gateways.rules import OwnRules
from controller.people.access import Permission

router = APIRouter(prefix="/api/v1", tags=["gateways"])


class GatewayOut(BaseModel):
    """A gateway and how it is."""

    id: str
    area_id: int
    name: str
    kind: GatewayKind
    latitude: float | None
    longitude: float | None
    contact: Contact
    changed_at: datetime | None
    heard_at: datetime | None
    agent_version: str | None
    clock_offset_ms: int | None
    volume_percent: int | None
    playing_id: str | None
    last_played_at: datetime | None
    last_played_id: str | None
    plan_version: int
    plan_confirmed: int


class ConnectivityOut(BaseModel):
    """It went, or came back."""

    at: datetime
    online: bool


class FaultOut(BaseModel):
    """Something was, or with no end is, wrong with the gateway itself."""

    reason: str
    detail: str
    began_at: datetime
    ended_at: datetime | None


class GatewayDetailOut(GatewayOut):
    """With its health and its last comings and goings."""

    speakers: str
    keeper_name: str
    keeper_phone: str
    wanted_volume_percent: int
    rules: "RulesIn"
    config_wanted: int
    """Version of the signed configuration that was ordered of it."""
    config_told: int
    """Version that it says it holds."""
    by_https: bool
    """Reached over HTTPS at present, because MQTT is closed to it."""
    health: dict[str, Any] | None
    health_at: datetime | None
    connectivity: list[ConnectivityOut]
    faults: list[FaultOut]
    """Those that are not over first; at most ten."""


class SecurityEventOut(BaseModel):
    """A gateway refused a message."""

    id: int
    gateway_id: str
    at: datetime
    arrived_at: datetime
    reason: str
    detail: str
    seen_at: datetime | None


class VolumeIn(BaseModel):
    """A wanted volume."""

    percent: Annotated[int, Field(ge=0, le=100)]


class VolumeCapIn(BaseModel):
    """Never louder than this in these minutes of the local day, emergencies excepted."""

    from_minute: Annotated[int, Field(ge=0, le=1439)]
    to_minute: Annotated[int, Field(ge=0, le=1439)]
    percent: Annotated[int, Field(ge=0, le=100)]


class RulesIn(BaseModel):
    """What one gateway keeps to, beside the quiet hours and the longest length that hold for all."""

    start_offset_ms: Annotated[
        int, Field(ge=0, le=60_000, description="Planned broadcasts start so much later here.")
    ] = 0
    ceiling_db: Annotated[
        float, Field(ge=-60, le=0, description="The horn's own limit, dBFS, for emergencies too.")
    ] = 0.0
    volume_caps: Annotated[list[VolumeCapIn], Field(max_length=48)] = []


@router.get("/gateways", operation_id="list_gateways")
def list_gateways(actor: ActorDep, session: SessionDep) -> list[GatewayOut]:
    """Every gateway of the person's area."""
    actor.require(Permission.READ)
    gateways = service.gateways_in(session, actor.area_path)
    states = states_of(session, [gateway.id for gateway in gateways])
    return [GatewayOut(**_facts(gateway, states[gateway.id])) for gateway in gateways]


@router.get("/gateways/{gateway_id}", operation_id="get_gateway")
def get_gateway(gateway_id: str, svc: ServicesDep, actor: ActorDep, session: SessionDep) -> GatewayDetailOut:
    """One gateway with its health and history."""
    gateway = service.get_gateway(session, actor, gateway_id)
    state = states_of(session, [gateway_id])[gateway_id]
    config = session.get(GatewayConfig, gateway_id)
    history = session.exec(
        select(Connectivity)
        .where(Connectivity.gateway_id == gateway_id)
        .order_by(col(Connectivity.id).desc())
        .limit(50)
    ).all()
    return GatewayDetailOut(
        **_facts(gateway, state),
        speakers=gateway.speakers,
        keeper_name=gateway.keeper_name,
        keeper_phone=gateway.keeper_phone,
        wanted_volume_percent=gateway.volume_percent,
        rules=RulesIn(
            start_offset_ms=gateway.start_offset_ms,
            ceiling_db=gateway.ceiling_db,
            volume_caps=[VolumeCapIn.model_validate(cap) for cap in gateway.volume_caps],
        ),
        config_wanted=config.version if config is not None else 0,
        config_told=state.config_version,
        by_https=gateway_id in svc.inboxes.open_now(),
        health=state.health,
        health_at=state.health_at,
        connectivity=[ConnectivityOut(at=each.at, online=each.online) for each in history],
        faults=[
            FaultOut.model_validate(each, from_attributes=True) for each in faults_of(session, gateway_id)
        ],
    )


@router.put("/gateways/{gateway_id}/volume", status_code=202, operation_id="set_volume")
def set_volume(
    gateway_id: str, wanted: VolumeIn, actor: ActorDep, session: SessionDep, clock: ClockDep
) -> dict[str, int]:
    """Order another volume. 202: ordered; what it has comes back in ``volume_percent``."""
    gateway = service.set_volume(session, actor, gateway_id, wanted.percent, now=clock.now())
    return {"wanted_volume_percent": gateway.volume_percent}


@router.put("/gateways/{gateway_id}/rules", status_code=202, operation_id="set_gateway_rules")
def set_gateway_rules(  # noqa: PLR0917 - FastAPI hands over what a route names
    gateway_id: str, own: RulesIn, actor: ActorDep, session: SessionDep, clock: ClockDep, svc: ServicesDep
) -> RulesIn:
    """Set what a gateway keeps to by itself. 202: ordered; ``config_told`` says what it holds."""
    caps = [cap.model_dump() for cap in own.volume_caps]
    rules = OwnRules(own.start_offset_ms, own.ceiling_db, caps)
    service.set_rules(session, actor, gateway_id, rules, rules=svc.settings.rules, now=clock.now())
    return own


@router.get("/security-events", operation_id="list_security_events")
def list_security_events(actor: ActorDep, session: SessionDep) -> list[SecurityEventOut]:
    """The last 200 refusals in the person's area, newest first."""
    actor.require(Permission.READ)
    rows = session.exec(
        select(SecurityEvent)
        .join(Gateway, col(Gateway.id) == col(SecurityEvent.gateway_id))
        .join(Area, col(Area.id) == col(Gateway.area_id))
        .where(col(Area.path).startswith(actor.area_path))
        .order_by(col(SecurityEvent.id).desc())
        .limit(200)
    ).all()
    return [SecurityEventOut.model_validate(row, from_attributes=True) for row in rows]


@router.post("/security-events/{event_id}/seen", status_code=204, operation_id="mark_security_event_seen")
def mark_seen(event_id: int, actor: ActorDep, session: SessionDep, clock: ClockDep) -> None:
    """Note that someone has looked at a refusal."""
    event = session.get(SecurityEvent, event_id)
    if event is None:
        raise NotFound
    service.get_gateway(session, actor, event.gateway_id, Permission.OPERATE_GATEWAYS)
    if event.seen_at is None:
        event.seen_at, event.seen_by = clock.now(), actor.person_id


def states_of(session: Session, gateway_ids: list[str]) -> dict[str, GatewayState]:
    """Return the state rows of gateways by id; every enrolled gateway has one."""
    found: dict[str, GatewayState] = {}
    for first in range(0, len(gateway_ids), 500):
        chunk = gateway_ids[first : first + 500]
        rows = session.exec(select(GatewayState).where(col(GatewayState.gateway_id).in_(chunk)))
        found.update({row.gateway_id: row for row in rows})
    return found


def _facts(gateway: Gateway, state: GatewayState) -> dict[str, Any]:
    return {
        "id": gateway.id,
        "area_id": gateway.area_id,
        "name": gateway.name,
        "kind": gateway.kind,
        "latitude": gateway.latitude,
        "longitude": gateway.longitude,
        "contact": contact(state),
        **{
            name: getattr(state, name)
            for name in (
                "changed_at",
                "heard_at",
                "agent_version",
                "clock_offset_ms",
                "volume_percent",
                "playing_id",
                "last_played_at",
                "last_played_id",
                "plan_version",
                "plan_confirmed",
            )
        },
    }
