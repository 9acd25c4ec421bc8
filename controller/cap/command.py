"""``python -m controller cap feed …``: whose alerts are taken, from the terminal."""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import update
from sqlmodel import Session, col, select

from controller import broker
from controller.areas.service import find_by_code
from controller.audit.service import record
from controller.cap.feed_checks import (
    certificate_in,
    check_archive,
    check_publisher,
    check_way,
    publisher_of,
    senders_of,
)
from controller.cap.geo import GEOCODE_SYSTEM
from controller.cap.intake import LANGUAGES, open_alert
from controller.cap.models import CapAlert, CapFeed, FeedKind
from controller.cap.outbound import FetchFailed, fetch, limits_of
from controller.cap.refusal import CapRefused
from controller.cap.signing import load_alert_key
from controller.cap.xml import parse, to_node
from controller.clock import SystemClock
from controller.db import make_engine, writing
from controller.settings import Settings
from controller.web.i18n import sentence

app = typer.Typer(help="Alerts by the Common Alerting Protocol; see docs/cap.md.", no_args_is_help=True)
feed_app = typer.Typer(help="Feeds: whose alerts are taken, and what they may do.", no_args_is_help=True)
app.add_typer(feed_app, name="feed")

Name = Annotated[str, typer.Argument(help="As `list` shows it.")]


@app.command("certificate")
def certificate(
    out: Annotated[Path | None, typer.Option(help="Where to write it; without, it is printed.")] = None,
) -> None:
    """Show the certificate of our own alerts, for others to pin; its fingerprint goes to standard error."""
    key = load_alert_key(Settings().data_dir)
    if key is None:
        typer.echo("Our alerts are not signed: `python -m controller init` makes the key.", err=True)
        raise typer.Exit(2)
    if out is None:
        typer.echo(key.pem, nl=False)
    else:
        out.write_text(key.pem)
    until = key.certificate.not_valid_after_utc
    typer.echo(f"SHA-256 {key.fingerprint}, valid until {until:%Y-%m-%d}", err=True)


@feed_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="As people call it.")],
    area_code: Annotated[str, typer.Argument(help="Code of the area beyond which nothing of it is said.")],
    kind: Annotated[
        FeedKind,
        typer.Option(help="http: we ask; mqtt: as WMO's CAP Composer publishes; push: POST /api/v1/cap."),
    ],
    sender: Annotated[list[str], typer.Option(help="A sender whose alerts are taken; may be given again.")],
    *,
    url: Annotated[
        str | None, typer.Option(help="Of the Atom feed; or of another broker: mqtts://HOST:PORT.")
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option(help="Another host that its entries may point to; may be given again.")
    ] = None,
    private: Annotated[bool, typer.Option(help="Its hosts may have addresses of a private network.")] = False,
    archive: Annotated[
        str | None,
        typer.Option(help="Where alerts that never came are, such as https://HOST/{identifier}.xml."),
    ] = None,
    topic: Annotated[
        str | None,
        typer.Option(help="MQTT topic; on our own broker cap/PUBLISHER/…, whose name it logs in by."),
    ] = None,
    username: Annotated[str | None, typer.Option(help="At another broker.")] = None,
    password: Annotated[
        str | None, typer.Option(help="At another broker.", envvar="LOACAST_CAP_PASSWORD")
    ] = None,
    tls_ca: Annotated[
        Path | None,
        typer.Option(exists=True, help="Authority of another broker's certificate.", resolve_path=True),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(exists=True, help="PEM; only alerts signed by it count as the sender's."),
    ] = None,
    auto_level: Annotated[
        int | None,
        typer.Option(
            min=1, max=5, help="Sounds by itself from this level of risk on; else someone approves."
        ),
    ] = None,
    drills: Annotated[bool, typer.Option(help="Take tests and drills; someone approves each.")] = False,
    before_onset: Annotated[bool, typer.Option(help="Sound by itself though it begins later.")] = False,
    tolerant: Annotated[bool, typer.Option(help="Take times that end in Z.")] = False,
    cap11: Annotated[bool, typer.Option("--cap-1.1", help="Take CAP 1.1 as well.")] = False,
    language: Annotated[
        list[str] | None, typer.Option(help="What is said, in this order; vi, then km, if not given.")
    ] = None,
    geocode: Annotated[
        list[str] | None, typer.Option(help="Name of the system of codes that are ours; may be given again.")
    ] = None,
    repeat_minutes: Annotated[int | None, typer.Option(min=1, max=1440, help="Say it this often.")] = None,
    interval: Annotated[
        int | None, typer.Option(min=5, max=86_400, help="Seconds; silent for three of them is a fault.")
    ] = None,
) -> None:
    """Take alerts of someone from now on. What is secret is printed once."""
    check_way(kind, url, topic=topic, username=username, tls_ca=tls_ca)
    check_archive(archive)
    settings, now = Settings(), SystemClock().now()
    token = secrets.token_urlsafe(32) if kind is FeedKind.PUSH else None
    feed = CapFeed(
        name=name,
        kind=kind,
        area_id=0,
        senders=senders_of(sender),
        certificate_pem=certificate_in(certificate),
        url=url,
        hosts=host or [],
        private_allowed=private,
        archive_url=archive,
        topic=topic,
        username=username,
        password=password,
        tls_ca=str(tls_ca) if tls_ca is not None else None,
        token_sha256=hashlib.sha256(token.encode()).hexdigest() if token is not None else None,
        auto_level=auto_level,
        drills=drills,
        waits_for_onset=not before_onset,
        tolerant_times=tolerant,
        allow_11=cap11,
        languages=language or list(LANGUAGES),
        geocodes=geocode or [GEOCODE_SYSTEM],
        repeat_minutes=repeat_minutes,
        interval_s=interval if interval is not None else (60 if kind is FeedKind.HTTP else None),
        created_at=now,
    )
    with _session(settings) as session:
        today = now.astimezone(ZoneInfo(settings.zone)).date()
        area = find_by_code(session, area_code, today)
        if area is None:
            raise typer.BadParameter(f"no area {area_code}")
        if session.exec(select(CapFeed).where(CapFeed.name == name)).first() is not None:
            raise typer.BadParameter(f"there is a feed {name} already")
        check_publisher(session, publisher_of(feed))
        feed.area_id = area.id
        session.add(feed)
        _audit(session, "add_cap_feed", feed, now, auto_level=auto_level, senders=sender)
    if token is not None:
        typer.echo(f"Token of {name}: {token}")
    publisher = publisher_of(feed)
    if publisher is not None:
        secret = secrets.token_urlsafe(32)
        broker.set_password(settings.passwords_dir, publisher, secret)
        typer.echo(f"Password of {publisher} at our broker: {secret}")


@feed_app.command("list")
def show() -> None:
    """List the feeds, what they may do, and how they are."""
    with _session(Settings()) as session:
        for feed in session.exec(select(CapFeed).order_by(col(CapFeed.name))):
            policy = f"level {feed.auto_level} on sounds" if feed.auto_level is not None else "approval"
            heard = feed.succeeded_at.isoformat(timespec="seconds") if feed.succeeded_at else "never heard"
            silent = "  SILENT" if feed.silent_since is not None else ""
            where = feed.url or feed.topic or "-"
            typer.echo(f"{feed.name}  {feed.kind.value}  {where}  {policy}  {heard}{silent}  {feed.problem}")


@feed_app.command("remove")
def remove(name: Name) -> None:
    """Take no more alerts of a feed. Those that came stay on record and sound no more by themselves."""
    settings, now = Settings(), SystemClock().now()
    with _session(settings) as session:
        feed = _find(session, name)
        session.execute(update(CapAlert).where(col(CapAlert.feed_id) == feed.id).values(feed_id=None))
        _audit(session, "remove_cap_feed", feed, now)
        session.delete(feed)
        publisher = publisher_of(feed)
    if publisher is not None:
        broker.set_password(settings.passwords_dir, publisher, None)
    typer.echo(f"{name} is removed.")


@feed_app.command("check")
def check(
    name: Name,
    file: Annotated[
        Path | None, typer.Option(exists=True, help="An alert; without, the feed is asked for one document.")
    ] = None,
) -> None:
    """Say whether an alert would be taken, and why not; or whether the feed answers. Nothing is kept."""
    with _session(Settings()) as session:
        feed = _find(session, name)
        try:
            if file is not None:
                alert, proven = open_alert(feed, file.read_bytes(), SystemClock().now())
                by = "certainly by its sender" if proven else "not proven to be its sender's"
                typer.echo(f"{alert.key.identifier}: {alert.msg_type.value}, {alert.status.value}, {by}")
            elif feed.kind is FeedKind.HTTP and feed.url is not None:
                limits = limits_of(feed.url, feed.hosts, private_allowed=feed.private_allowed)
                root = to_node(parse(fetch(feed.url, limits).body))
                typer.echo(f"{feed.url}: {root.name}, {len(root.children)} parts")
            else:
                raise typer.BadParameter("only feeds that are asked can be asked; give --file")
        except CapRefused as refused:
            typer.echo(sentence(f"error.{refused.code}", "en", **refused.params), err=True)
            raise typer.Exit(2) from refused
        except FetchFailed as failed:
            typer.echo(str(failed), err=True)
            raise typer.Exit(2) from failed


def _find(session: Session, name: str) -> CapFeed:
    found = session.exec(select(CapFeed).where(CapFeed.name == name)).first()
    if found is None:
        raise typer.BadParameter(f"no feed {name}")
    return found


def _audit(session: Session, action: str, feed: CapFeed, now: datetime, **detail: object) -> None:
    session.flush()
    record(session, now, action, subject=feed.name, area_id=feed.area_id, detail=detail)


@contextmanager
def _session(settings: Settings) -> Iterator[Session]:
    engine = make_engine(settings.url)
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            writing(session)
            yield session
    finally:
        engine.dispose()
