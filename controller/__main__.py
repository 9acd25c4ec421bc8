"""Command line of the controller: ``python -m controller``."""

import secrets
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import orjson
import structlog
import typer
import uvicorn
from sqlmodel import Session, select

from controller import broker
from controller.app import create_app
from controller.areas.models import AreaKind
from controller.areas.service import add_area, find_by_code
from controller.audit.command import app as audit
from controller.cap.command import app as cap
from controller.cap.signing import ensure_alert_key
from controller.clock import SystemClock
from controller.db import current_revision, make_engine, migrate, writing
from controller.errors import Problem
from controller.gateways.models import GatewayKind
from controller.gateways.service import admit, enrol
from controller.keyring import open_keyring, raise_epoch
from controller.logs import set_up_logs
from controller.people.models import Person, Role
from controller.people.service import add_person
from controller.people.step_up import give_totp, take_totp
from controller.settings import Settings
from controller.warnings.command import app as warnings
from controller.web.i18n import sentence
from wire.credential import credential_json, write_credential

app = typer.Typer(
    help="The controller of LoaCast. Settings come from the environment (LOACAST_…); see docs/operations.md.",
    no_args_is_help=True,
)
gateway = typer.Typer(help="Gateways.", no_args_is_help=True)
person = typer.Typer(help="People who log in.", no_args_is_help=True)
area = typer.Typer(help="The tree of areas.", no_args_is_help=True)
app.add_typer(gateway, name="gateway")
app.add_typer(person, name="person")
app.add_typer(area, name="area")
app.add_typer(warnings, name="warning")
app.add_typer(audit, name="audit")
app.add_typer(cap, name="cap")

_FIRST_DAY = datetime(2025, 7, 1, tzinfo=UTC)

LARGEST_MESSAGE_BYTES = 64 * 1024
"""Through a WebSocket; a frame of speech has 2 kB at the most, the first message names an audience."""


def _end_with_a_thread(hook: threading.ExceptHookArgs) -> None:
    """End the process when one of its threads did: pages would go on, and nothing would ever be sent.

    Whoever started us starts us again, and what was committed goes out then.
    """
    name = hook.thread.name if hook.thread is not None else "a thread"
    structlog.get_logger(__name__).critical("thread_died", thread=name, exc_info=hook.exc_value)
    signal.raise_signal(signal.SIGTERM)


@app.command()
def serve() -> None:
    """Migrate the database, then serve pages, API and gateways until stopped."""
    settings = Settings()
    set_up_logs()
    threading.excepthook = _end_with_a_thread
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
        # Opus does not shrink, and a compressor in the way only makes a voice late.
        ws_per_message_deflate=False,
        ws_max_size=LARGEST_MESSAGE_BYTES,
    )


@app.command()
def init(
    listen: Annotated[str, typer.Option(help="Address that the broker listens on.")] = "127.0.0.1",
    broker_dir_seen: Annotated[
        Path | None, typer.Option(help="The broker's directory as the broker itself sees it.")
    ] = None,
    run_as: Annotated[str | None, typer.Option(help="User that a broker started by root becomes.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain of the broker.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Private key of the broker.")] = None,
) -> None:
    """Make keys, database and the broker's configuration; what is there already stays as it is."""
    settings = Settings()
    keyring = open_keyring(settings.data_dir)
    ensure_alert_key(settings.data_dir, settings.cap_name, SystemClock().now())
    migrate(make_engine(settings.url))
    broker.write_configuration(
        settings.passwords_dir,
        seen_as=broker_dir_seen,
        host=listen,
        port=settings.broker_port,
        run_as=run_as,
        tls=(tls_cert, tls_key) if tls_cert and tls_key else None,
    )
    broker.set_password(settings.passwords_dir, broker.CONTROLLER_USER, keyring.broker_password)
    typer.echo(f"Ready: {settings.data_dir}")


@app.command("migrate")
def migrate_command() -> None:
    """Bring the database's schema to this version's."""
    engine = make_engine(Settings().url)
    migrate(engine)
    typer.echo(current_revision(engine))


@app.command("new-epoch")
def new_epoch() -> None:
    """Start a new epoch. Do this once after restoring the database from a backup, before serving."""
    typer.echo(raise_epoch(Settings().data_dir))


@app.command()
def openapi() -> None:
    """Print the OpenAPI document of the REST interface."""
    typer.echo(orjson.dumps(create_app(Settings()).openapi(), option=orjson.OPT_INDENT_2).decode())


@area.command("add")
def area_add(
    code: Annotated[str, typer.Argument(help="Official code.")],
    kind: Annotated[AreaKind, typer.Argument(help="Level of the tree.")],
    name: Annotated[str, typer.Argument(help="As people call it.")],
    parent: Annotated[str | None, typer.Option(help="Code of the area above; none for the top.")] = None,
    valid_from: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day.")] = _FIRST_DAY,
) -> None:
    """Add an area."""
    settings, now = Settings(), SystemClock().now()
    with Session(make_engine(settings.url)) as session, session.begin():
        writing(session)
        above = find_by_code(session, parent, now.date()) if parent else None
        if parent and above is None:
            raise typer.BadParameter(f"no area {parent}")
        add_area(session, code=code, kind=kind, name=name, parent=above, valid_from=valid_from.date())


@person.command("add")
def person_add(
    username: Annotated[str, typer.Argument(help="What they type to log in.")],
    name: Annotated[str, typer.Argument(help="Full name.")],
    role: Annotated[Role, typer.Argument(help="What they may do.")],
    area_code: Annotated[str, typer.Argument(help="Code of the area that is theirs.")],
    password: Annotated[
        str | None,
        typer.Option(help="Their password; none makes one and prints it.", envvar="LOACAST_PASSWORD"),
    ] = None,
) -> None:
    """Add someone who can log in."""
    settings, now = Settings(), SystemClock().now()
    chosen = password or secrets.token_urlsafe(9)
    with Session(make_engine(settings.url)) as session, session.begin():
        writing(session)
        found = find_by_code(session, area_code, now.astimezone(ZoneInfo(settings.zone)).date())
        if found is None or found.id is None:
            raise typer.BadParameter(f"no area {area_code}")
        add_person(
            session, username=username, name=name, role=role, area_id=found.id, password=chosen, now=now
        )
    if password is None:
        typer.echo(f"Password of {username}: {chosen}")


@person.command("totp")
def person_totp(
    username: Annotated[str, typer.Argument(help="Whose authenticator app it is for.")],
    off: Annotated[bool, typer.Option("--off", help="Take it away: the password confirms again.")] = False,
) -> None:
    """Print a new secret for an authenticator app, whose codes then confirm what is dangerous.

    Show it to its owner only, once: as it is, or as a QR code made of it.
    """
    with Session(make_engine(Settings().url)) as session, session.begin():
        writing(session)
        found = session.exec(select(Person).where(Person.username == username.strip().lower())).first()
        if found is None:
            raise typer.BadParameter(f"no person {username}")
        if off:
            take_totp(session, found, now=SystemClock().now())
            typer.echo(f"{username} confirms by password.")
        else:
            typer.echo(give_totp(session, found, now=SystemClock().now()))


@gateway.command("add")
def gateway_add(
    gateway_id: Annotated[str, typer.Argument(help="Device code, such as 31672-001.")],
    area_code: Annotated[str, typer.Argument(help="Code of the area it hangs in.")],
    name: Annotated[str, typer.Argument(help="As people call the place.")],
    out: Annotated[
        Path,
        typer.Option(help="Where to write the credential, for the gateway only; - is standard output."),
    ],
    kind: Annotated[GatewayKind, typer.Option(help="What hangs on it.")] = GatewayKind.IP_SPEAKER,
) -> None:
    """Enrol a gateway and write its credential."""
    settings, now = Settings(), SystemClock().now()
    try:
        with Session(make_engine(settings.url)) as session, session.begin():
            writing(session)
            found = find_by_code(session, area_code, now.astimezone(ZoneInfo(settings.zone)).date())
            if found is None:
                raise typer.BadParameter(f"no area {area_code}")
            _, credential = enrol(
                session,
                gateway_id=gateway_id,
                area=found,
                name=name,
                kind=kind,
                keyring=open_keyring(settings.data_dir),
                settings=settings,
                now=now,
            )
    except Problem as problem:
        typer.echo(sentence(f"error.{problem.code}", "en", **problem.params), err=True)
        raise typer.Exit(2) from problem
    admit(settings, credential)
    if str(out) == "-":
        typer.echo(credential_json(credential), nl=False)
    else:
        write_credential(credential, out)
        typer.echo(f"Credential of {gateway_id}: {out}")


if __name__ == "__main__":
    app()
