"""A commune to show on pages: its areas, its people, its gateways."""

from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Engine
from sqlmodel import Session

from controller.areas.models import Area, AreaKind
from controller.areas.service import add_area
from controller.db import make_engine, migrate, writing
from controller.gateways.models import GatewayKind
from controller.gateways.service import enrol
from controller.keyring import open_keyring
from controller.people.access import Actor
from controller.people.models import Role
from controller.people.service import add_person
from controller.settings import Settings

PASSWORD = "loa phat thanh"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
FIRST_DAY = date(2025, 7, 1)


@dataclass(slots=True)
class Commune:
    """What `found_commune` founded."""

    areas: dict[str, int]
    gateway_ids: list[str]
    officer: Actor
    usernames: dict[str, Role] = field(default_factory=dict)


_HAMLETS = (
    ("Ấp Chợ", ((9.5560, 106.1660, "UBND xã"), (9.5615, 106.1790, "Chợ Đại Ân 2"))),
    ("Ấp Ngan Rô 1", ((9.5635, 106.1560, "Ngan Rô 1"), (9.5680, 106.1705, "Ngan Rô 2"))),
    ("Ấp Lâm Dồ", ((9.5490, 106.1590, "Lâm Dồ"), (9.5455, 106.1725, "Nam Chánh"))),
    ("Ấp Bờ Sông", ((9.5405, 106.1500, "Cầu kênh Ba"), (9.5700, 106.1850, "Bờ sông Hậu"))),
)


def found_commune(engine: Engine, settings: Settings, now: datetime) -> Commune:
    """Add two communes, their people (all with `PASSWORD`), and eight and two gateways."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        writing(session)
        province = _area(session, "92", AreaKind.PROVINCE, "Thành phố Cần Thơ")
        commune = _area(session, "31673", AreaKind.COMMUNE, "Xã Trần Đề", province)
        station = _area(session, "D31672", AreaKind.STATION, "Địa bàn đài Đại Ân 2", commune)
        other = _area(session, "31679", AreaKind.COMMUNE, "Xã Lịch Hội Thượng", province)
        areas = {area.name: area.id for area in (province, commune, station, other)}
        gateway_ids: list[str] = []
        for number, (hamlet, poles) in enumerate(_HAMLETS, start=1):
            area = _area(session, f"31672-{number}", AreaKind.HAMLET, hamlet, station)
            areas[hamlet] = area.id
            for pole in poles:
                gateway_ids.append(f"31672-{len(gateway_ids) + 1:03}")
                _gateway(session, settings, gateway_ids[-1], area=area, pole=pole, now=now)
        for number, pole in enumerate(((9.4790, 106.1470, "Chợ Lịch Hội"), (9.4850, 106.1380, "Bến phà")), 1):
            _gateway(session, settings, f"31679-{number:03}", area=other, pole=pole, now=now)
        people = {"officer": Role.OFFICER, "leader": Role.LEADER, "monitor": Role.MONITOR}
        places = {"officer": station, "leader": commune, "monitor": province}
        names = {"officer": "Lê Thị Hoa", "leader": "Trần Văn Nam", "monitor": "Sơn Thị Mỹ"}
        for username, role in people.items():
            person = add_person(
                session,
                username=username,
                name=names[username],
                role=role,
                area_id=places[username].id,
                password=PASSWORD,
                now=now,
            )
            session.flush()
            if role is Role.OFFICER:
                officer = Actor(person.id, person.name, role, station.id, station.path)
    return Commune(areas, gateway_ids, officer, people)


def _area(session: Session, code: str, kind: AreaKind, name: str, parent: Area | None = None) -> Area:
    return add_area(session, code=code, kind=kind, name=name, parent=parent, valid_from=FIRST_DAY)


def _gateway(
    session: Session,
    settings: Settings,
    gateway_id: str,
    *,
    area: Area,
    pole: tuple[float, float, str],
    now: datetime,
) -> None:
    gateway, _ = enrol(
        session,
        gateway_id=gateway_id,
        area=area,
        name=pole[2],
        kind=GatewayKind.IP_SPEAKER,
        keyring=open_keyring(settings.data_dir),
        settings=settings,
        now=now,
    )
    gateway.latitude, gateway.longitude = pole[:2]
    gateway.speakers, gateway.keeper_name = "2×30 W", "Thạch Sa Rươne"
    gateway.keeper_phone = "0900 000 012"


def found_database(settings: Settings) -> Engine:
    """Make an empty database of the newest schema."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.url)
    migrate(engine)
    return engine
