#!/usr/bin/env python3
"""What the containers need at their first start: one commune, three gateways, an administrator.

Run by the service ``setup`` of docker-compose.yml after ``python -m controller init``, at every start. What
cannot be taken back, the commit, comes last: interrupted anywhere before it, the next start makes everything
anew over the remains; after it there is nothing left to do.
"""

import os
import secrets
from datetime import date
from pathlib import Path

import typer
from sqlmodel import Session, select

from controller.areas.models import Area, AreaKind
from controller.areas.service import add_area
from controller.clock import SystemClock
from controller.db import make_engine, writing
from controller.gateways.models import GatewayKind
from controller.gateways.service import admit, enrol
from controller.keyring import open_keyring
from controller.people.models import Role
from controller.people.service import add_person
from controller.settings import Settings
from wire.credential import write_credential

FIRST_DAY = date(2025, 7, 1)
"""The communes of today exist since then (Resolution 202/2025/QH15)."""

HAMLETS = ("Ấp Chợ", "Ấp Ngan Rô 1", "Ấp Ngan Rô 2")
GATEWAYS = Path("/gateways")
"""One directory for each gateway, the volume that only it mounts."""

KEPT_IN = "admin-password"
"""File of the administrator's password in the data directory."""


def found(session: Session, settings: Settings) -> str:
    """Add areas, gateways and the administrator, and return the administrator's password.

    Args:
        session: In a transaction of an empty database.
        settings: Where gateways reach the broker and the controller goes into their credentials.
    """
    now = SystemClock().now()
    keyring = open_keyring(settings.data_dir)
    province = _area(session, "92", AreaKind.PROVINCE, "Thành phố Cần Thơ", None)
    commune = _area(session, "31673", AreaKind.COMMUNE, "Xã Trần Đề", province)
    for number, hamlet in enumerate(HAMLETS, start=1):
        _, credential = enrol(
            session,
            gateway_id=f"31673-{number:03}",
            area=_area(session, f"31673.{number:02}", AreaKind.HAMLET, hamlet, commune),
            name=f"Nhà văn hóa {hamlet}",
            kind=GatewayKind.IP_SPEAKER,
            keyring=keyring,
            settings=settings,
            now=now,
        )
        admit(settings, credential)
        write_credential(credential, GATEWAYS / str(number) / "credential.json")
    password = secrets.token_urlsafe(12)
    add_person(
        session,
        username="admin",
        name="Quản trị",
        role=Role.ADMIN,
        area_id=province.id,
        password=password,
        now=now,
    )
    _keep(settings.data_dir / KEPT_IN, password)
    return password


def _area(session: Session, code: str, kind: AreaKind, name: str, parent: Area | None) -> Area:
    return add_area(session, code=code, kind=kind, name=name, parent=parent, valid_from=FIRST_DAY)


def _keep(path: Path, password: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{password}\n")


def main() -> None:
    """Found what is not there yet, and say how to log in."""
    settings = Settings()
    with Session(make_engine(settings.url)) as session, session.begin():
        writing(session)
        password = None if session.exec(select(Area.id).limit(1)).first() else found(session, settings)
    if password is None:
        typer.echo("Founded before; nothing to do.")
    else:
        typer.echo(f"Log in as admin with the password {password} (kept in {settings.data_dir / KEPT_IN})")


if __name__ == "__main__":
    main()
