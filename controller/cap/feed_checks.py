"""What a feed may be given on the command line; what is wrong ends it with the name of the option."""

from pathlib import Path

import typer
from cryptography import x509
from sqlmodel import Session, select

from controller import broker
from controller.cap.archive import check_template
from controller.cap.models import CapFeed, FeedKind
from controller.cap.outbound import FetchFailed, limits_of
from controller.cap.reading import read_name
from controller.cap.refusal import CapRefused
from controller.gateways.models import Gateway
from controller.web.i18n import sentence
from wire.topics import ALERTS


def check_way(
    kind: FeedKind, url: str | None, *, topic: str | None, username: str | None, tls_ca: Path | None
) -> None:
    """Refuse a way by which nothing could come.

    Raises:
        typer.BadParameter: An address, a topic or an authority is missing, or is none.
    """
    if kind is FeedKind.HTTP:
        try:
            limits_of(url or "")
        except FetchFailed as failed:
            raise typer.BadParameter(str(failed), param_hint="--url") from failed
    elif kind is FeedKind.MQTT:
        if topic is None or (url is None and not _is_ours(topic)):
            raise typer.BadParameter(f"on our broker it is {ALERTS}/PUBLISHER/…", param_hint="--topic")
        if url is not None and (not url.startswith(("mqtt://", "mqtts://")) or username is None):
            raise typer.BadParameter("give mqtt://HOST or mqtts://HOST, and --username", param_hint="--url")
        if url is not None and url.startswith("mqtts://") and tls_ca is None:
            raise typer.BadParameter("mqtts needs the authority of its certificate", param_hint="--tls-ca")


def check_archive(template: str | None) -> None:
    """Refuse an archive in which nothing could be looked up.

    Raises:
        typer.BadParameter: It is no address of the web, or its placeholders are not those that there are.
    """
    if template is None:
        return
    try:
        check_template(template)
        limits_of(template)
    except (FetchFailed, ValueError) as error:
        raise typer.BadParameter(str(error), param_hint="--archive") from error


def check_publisher(session: Session, publisher: str | None) -> None:
    """Refuse a name at our broker that is someone else's: each has one password.

    Raises:
        typer.BadParameter: It is a gateway's or another feed's.
    """
    if publisher is None:
        return
    if session.get(Gateway, publisher) is not None:
        raise typer.BadParameter("a gateway logs in by this name", param_hint="--topic")
    if publisher in {publisher_of(each) for each in session.exec(select(CapFeed))}:
        raise typer.BadParameter("another feed has this publisher", param_hint="--topic")


def publisher_of(feed: CapFeed) -> str | None:
    """Return who publishes a feed on our own broker; None: it does not come that way."""
    is_ours = feed.kind is FeedKind.MQTT and feed.url is None and feed.topic is not None
    return (feed.topic or "").split("/")[1] if is_ours else None


def _is_ours(topic: str) -> bool:
    """Whether it names one publisher of our own broker, so that nobody else can publish on it."""
    levels = topic.split("/")
    publisher = levels[1] if len(levels) > 2 and levels[0] == ALERTS else ""  # noqa: PLR2004
    return publisher.replace("-", "").isalnum() and publisher != broker.CONTROLLER_USER


def senders_of(given: list[str]) -> list[str]:
    """Return whose alerts are taken.

    Raises:
        typer.BadParameter: CAP allows no such name.
    """
    try:
        return [read_name(each) for each in given]
    except CapRefused as refused:
        raise typer.BadParameter(sentence(f"error.{refused.code}", "en"), param_hint="--sender") from refused


def certificate_in(path: Path | None) -> str | None:
    """Return the certificate in a file.

    Raises:
        typer.BadParameter: There is none in it.
    """
    if path is None:
        return None
    try:
        x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError as error:
        raise typer.BadParameter(f"no certificate: {error}", param_hint="--certificate") from error
    return path.read_text()
