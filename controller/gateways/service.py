"""The registry: enrolling gateways and finding them."""

import hashlib
import secrets
from datetime import datetime

from sqlmodel import Session, col, select

from controller import broker
from controller.areas.models import Area
from controller.areas.owning import owned
from controller.audit.service import record
from controller.errors import GatewayExists
from controller.gateways.config import configure
from controller.gateways.models import Gateway, GatewayKind, GatewayState
from controller.gateways.rules import HouseRules, OwnRules, own_rules_of
from controller.keyring import Keyring
from controller.outbox.models import OrderKind
from controller.outbox.service import ORDER_VALID, put_order
from controller.people.access import Actor, Permission
from controller.settings import Settings
from wire.credential import GatewayCredential


def enrol(
    session: Session,
    *,
    gateway_id: str,
    area: Area,
    name: str,
    kind: GatewayKind,
    keyring: Keyring,
    settings: Settings,
    now: datetime,
    person_id: int | None = None,
) -> tuple[Gateway, GatewayCredential]:
    """Add a gateway and make its credential, which exists nowhere else: hand it over, do not store it.

    The broker must be told with `admit` after the commit.

    Raises:
        GatewayExists: The id is taken.
    """
    if session.get(Gateway, gateway_id) is not None or gateway_id == broker.CONTROLLER_USER:
        raise GatewayExists(field="gateway_id", gateway_id=gateway_id)
    secret = secrets.token_urlsafe(32)
    gateway = Gateway(
        id=gateway_id,
        area_id=area.id,
        name=name,
        kind=kind,
        secret_sha256=hashlib.sha256(secret.encode()).hexdigest(),
        enrolled_at=now,
    )
    session.add(gateway)
    session.flush()
    session.add(GatewayState(gateway_id=gateway_id, plan_wanted=1))
    record(session, now, "enrol", person_id=person_id, subject=gateway_id, area_id=area.id)
    credential = GatewayCredential(
        gateway_id=gateway_id,
        secret=secret,
        broker_host=settings.broker_host,
        broker_port=settings.broker_port,
        controller_url=settings.gateway_url,
        keys=keyring.public,
        broker_tls_ca=str(settings.broker_tls_ca) if settings.broker_tls_ca else None,
        controller_tls_ca=str(settings.controller_tls_ca) if settings.controller_tls_ca else None,
    )
    return gateway, credential


def admit(settings: Settings, credential: GatewayCredential) -> None:
    """Let an enrolled gateway through at the broker."""
    broker.set_password(settings.passwords_dir, credential.gateway_id, credential.secret)


def knows_secret(session: Session, gateway_id: str, secret: str) -> bool:
    """Whether this is the secret of an enabled gateway."""
    gateway = session.get(Gateway, gateway_id)
    given = hashlib.sha256(secret.encode()).hexdigest()
    return gateway is not None and gateway.enabled and secrets.compare_digest(gateway.secret_sha256, given)


def gateways_in(session: Session, path: str) -> list[Gateway]:
    """Return the gateways of an area and all below it, by id."""
    return list(
        session.exec(
            select(Gateway)
            .join(Area, col(Area.id) == col(Gateway.area_id))
            .where(col(Area.path).startswith(path))
            .order_by(col(Gateway.id))
        )
    )


def get_gateway(
    session: Session, actor: Actor, gateway_id: str, permission: Permission = Permission.READ
) -> Gateway:
    """Return a gateway of the actor's area.

    Raises:
        NotFound: There is none, or it is someone else's.
        NotAllowed: The role does not do this.
    """
    actor.require(permission)
    return owned(session, actor, Gateway, gateway_id)


def set_rules(
    session: Session, actor: Actor, gateway_id: str, own: OwnRules, *, rules: HouseRules, now: datetime
) -> Gateway:
    """Set what one gateway keeps to beside the house rules, and order it.

    Raises:
        NotFound: As `get_gateway`.
    """
    gateway = get_gateway(session, actor, gateway_id, Permission.MANAGE)
    before = own_rules_of(gateway)
    gateway.start_offset_ms, gateway.ceiling_db = own.start_offset_ms, own.ceiling_db
    gateway.volume_caps = [dict(cap) for cap in own.volume_caps]
    session.flush()
    configure(session, rules, now=now)
    record(
        session,
        now,
        "gateway_rules",
        person_id=actor.person_id,
        subject=gateway_id,
        area_id=gateway.area_id,
        address=actor.address,
        detail={"before": before.stored(), "after": own.stored()},
    )
    return gateway


def set_volume(session: Session, actor: Actor, gateway_id: str, percent: int, *, now: datetime) -> Gateway:
    """Order another volume; what the gateway says it has comes back with its state.

    Raises:
        NotFound: As `get_gateway`.
    """
    gateway = get_gateway(session, actor, gateway_id, Permission.OPERATE_GATEWAYS)
    before, gateway.volume_percent = gateway.volume_percent, percent
    put_order(
        session, OrderKind.VOLUME, {"percent": percent}, [gateway_id], now=now, expires_at=now + ORDER_VALID
    )
    record(
        session,
        now,
        "volume",
        person_id=actor.person_id,
        subject=gateway_id,
        area_id=gateway.area_id,
        address=actor.address,
        detail={"before": before, "after": percent},
    )
    return gateway
