"""Emergencies out of the database, as others may read them."""

from urllib.parse import urlsplit

from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.broadcasts.audience import Audience
from controller.cap.shapes import Place
from controller.cap.telling import Publisher, Told, ToldArea, numbers_of, was_told
from controller.emergencies.models import Emergency
from controller.errors import NotFound
from controller.gateways.models import Gateway
from controller.settings import Settings
from wire.types import Mode

MOST = 50


def publisher_of(settings: Settings) -> Publisher:
    """Return who we are to others."""
    base = settings.gateway_url
    host = urlsplit(base).hostname or "localhost"
    return Publisher(settings.cap_sender or f"loacast@{host}", settings.cap_name, base)


def newest_told(session: Session) -> list[Emergency]:
    """Return the newest emergencies that are real, the newest first."""
    found = session.exec(
        select(Emergency)
        .where(Emergency.mode == Mode.ACTUAL)
        .order_by(col(Emergency.created_at).desc(), col(Emergency.id).desc())
        .limit(MOST)
    )
    return [each for each in found if was_told(each)]


def told_of(session: Session, emergency_id: str, number: int) -> Told:
    """Return an emergency with all that its alert says.

    Raises:
        NotFound: There is none, it was never told, or it has no message of this number.
    """
    emergency = session.get(Emergency, emergency_id)
    if emergency is None or number not in numbers_of(emergency):
        raise NotFound
    older = session.exec(
        select(Emergency).where(Emergency.superseded_by == emergency.id).order_by(col(Emergency.id))
    )
    return Told(emergency, _areas(session, emergency), tuple(each for each in older if was_told(each)))


def _areas(session: Session, emergency: Emergency) -> tuple[ToldArea, ...]:
    audience = Audience.load(emergency.audience)
    areas = session.exec(
        select(Area).where(col(Area.id).in_(audience.area_ids)).order_by(col(Area.path))
    ).all()
    gateways = session.exec(
        select(Gateway, Area)
        .join(Area, col(Area.id) == col(Gateway.area_id))
        .where(col(Gateway.id).in_(audience.gateway_ids))
        .order_by(col(Gateway.id))
    ).all()
    return (
        *(ToldArea(area.name, code=area.code) for area in areas),
        *(
            ToldArea(gateway.name, place=Place(gateway.latitude, gateway.longitude))
            if gateway.latitude is not None and gateway.longitude is not None
            else ToldArea(area.name, code=area.code)
            for gateway, area in gateways
        ),
    )
