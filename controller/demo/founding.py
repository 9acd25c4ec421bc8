"""Founding the demo's communes: areas old and new, gateways with their credentials, people."""

import os
from datetime import datetime

import msgspec
from sqlmodel import Session

from controller import broker
from controller.areas.models import Area, AreaKind
from controller.areas.service import add_area, succeed
from controller.cap.signing import ensure_alert_key
from controller.clock import SystemClock
from controller.db import make_engine, migrate, writing
from controller.demo import places
from controller.demo.home import Home, Ports
from controller.demo.people import PASSWORD, PEOPLE, keeper
from controller.demo.places import COMMUNES, Cluster, Commune, Station
from controller.gateways.service import admit, enrol
from controller.keyring import Keyring, open_keyring
from controller.people.service import add_person
from controller.settings import Settings
from wire.credential import GatewayCredential, read_credential, write_credential


def found(home: Home, ports: Ports, *, now: datetime) -> None:
    """Make database, areas, gateways and people. All in one transaction, or nothing."""
    settings = home.settings(ports)
    keyring = open_keyring(settings.data_dir)
    engine = make_engine(settings.url)
    try:
        migrate(engine)
        with Session(engine) as session, session.begin():
            writing(session)
            founder = _Founder(session, settings, keyring, now)
            founder.areas_and_gateways()
            founder.people()
        sounding = set(places.sounding())
        for credential in founder.credentials:
            admit(settings, credential)
            sounds = credential.gateway_id in sounding
            if credential.gateway_id != places.DEAD:
                write_credential(credential, home.credential(credential.gateway_id, sounds=sounds))
    finally:
        engine.dispose()


def move_in(home: Home, ports: Ports) -> None:
    """Fit the database to this version, the broker's configuration and every credential to today's ports."""
    settings = home.settings(ports)
    engine = make_engine(settings.url)
    migrate(engine)
    engine.dispose()
    keyring = open_keyring(settings.data_dir)
    ensure_alert_key(settings.data_dir, settings.cap_name, SystemClock().now())
    directory = settings.passwords_dir
    # Started by root, Mosquitto becomes a user who may read nothing here.
    run_as = "root" if os.geteuid() == 0 else None
    broker.write_configuration(directory, host=settings.broker_host, port=ports.broker, run_as=run_as)
    broker.set_password(directory, broker.CONTROLLER_USER, keyring.broker_password)
    for path in home.credentials():
        write_credential(
            msgspec.structs.replace(
                read_credential(path), broker_port=ports.broker, controller_url=settings.gateway_url
            ),
            path,
        )


class _Founder:
    def __init__(self, session: Session, settings: Settings, keyring: Keyring, now: datetime) -> None:
        self._session = session
        self._settings = settings
        self._keyring = keyring
        self._now = now
        self._areas: dict[str, Area] = {}
        self.credentials: list[GatewayCredential] = []

    def areas_and_gateways(self) -> None:
        """Add the tree of before the merger, then that of today with what hangs in it."""
        old_province = self._ended(*places.OLD_PROVINCE, AreaKind.PROVINCE, None)
        old_district = self._ended(*places.OLD_DISTRICT, AreaKind.DISTRICT, old_province)
        province = self._today(*places.NEW_PROVINCE, AreaKind.PROVINCE, None)
        succeed(self._session, old_province, province)
        for commune in COMMUNES:
            self._commune(commune, province, old_district)

    def people(self) -> None:
        """Add everyone who logs in."""
        for person in PEOPLE:
            add_person(
                self._session,
                username=person.username,
                name=person.name,
                role=person.role,
                area_id=self._areas[person.place].id,
                password=PASSWORD,
                now=self._now,
            )

    def _commune(self, commune: Commune, province: Area, old_district: Area) -> None:
        today = self._today(commune.code, commune.name, AreaKind.COMMUNE, province)
        for station in commune.stations:
            before = self._ended(station.code, station.old_name, AreaKind.COMMUNE, old_district)
            succeed(self._session, before, today)
            self._station(station, today)

    def _station(self, station: Station, commune: Area) -> None:
        ground = self._today(f"D{station.code}", station.name, AreaKind.STATION, commune)
        hamlets: dict[str, Area] = {}
        for gateway_id, cluster in zip(places.gateway_ids(station), station.clusters, strict=True):
            if cluster.hamlet is not None and cluster.hamlet not in hamlets:
                code = f"{station.code}.{len(hamlets) + 1:02}"
                hamlets[cluster.hamlet] = self._today(code, cluster.hamlet, AreaKind.HAMLET, ground)
            self._gateway(gateway_id, cluster, hamlets[cluster.hamlet] if cluster.hamlet else ground)

    def _gateway(self, gateway_id: str, cluster: Cluster, area: Area) -> None:
        gateway, credential = enrol(
            self._session,
            gateway_id=gateway_id,
            area=area,
            name=cluster.place,
            kind=cluster.kind,
            keyring=self._keyring,
            settings=self._settings,
            now=self._now,
        )
        gateway.latitude, gateway.longitude = cluster.latitude, cluster.longitude
        gateway.speakers, gateway.note = cluster.speakers, cluster.note
        gateway.keeper_name, gateway.keeper_phone = keeper(len(self.credentials))
        self.credentials.append(credential)

    def _today(self, code: str, name: str, kind: AreaKind, parent: Area | None) -> Area:
        area = add_area(
            self._session, code=code, kind=kind, name=name, parent=parent, valid_from=places.FIRST_NEW_DAY
        )
        self._areas[name] = area
        return area

    def _ended(self, code: str, name: str, kind: AreaKind, parent: Area | None) -> Area:
        return add_area(
            self._session,
            code=code,
            kind=kind,
            name=name,
            parent=parent,
            valid_from=places.FIRST_OLD_DAY,
            valid_to=places.LAST_OLD_DAY,
        )
