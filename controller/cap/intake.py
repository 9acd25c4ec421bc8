"""Taking an alert: read, proved, and kept once. What becomes of it is decided in `controller.cap.acting`."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.audit.service import record
from controller.cap.alert import Alert, Key, Status
from controller.cap.deciding import Known, Policy, State, check_time, known
from controller.cap.models import CapAlert, CapFeed, FeedKind
from controller.cap.reading import read, read_time
from controller.cap.refusal import CapRefused, Refusal
from controller.cap.signature import signed_part
from controller.cap.words import title_of
from controller.cap.xml import has_signature, parse, read_alert
from controller.emergencies.ending import close
from controller.emergencies.models import Emergency, EmergencyState, Ending
from controller.events import Change, announce

LANGUAGES = ("vi", "km")
"""What is said of an alert that a person brought, in this order."""

BY_A_PERSON = Policy(drills=True)
"""What a person brings is always a draft, whatever it is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An alert that an archive was asked for, because another one refers to it."""

    key: Key
    url: str
    """Where it was asked for."""


@dataclass(frozen=True, slots=True)
class Bringer:
    """Where an alert came from."""

    area_id: int
    feed: CapFeed | None = None
    """None: a person brought it."""
    person_id: int | None = None
    address: str = ""
    asked: Asked | None = None
    """None: it came by itself."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What was done with an alert that came."""

    key: Key
    row: CapAlert | None
    """None for a heartbeat, of which only the time is kept."""
    is_new: bool


def receive(session: Session, bringer: Bringer, raw: bytes, *, now: datetime) -> Taken:
    """Keep an alert that came, unless it is known.

    The same bytes again are nothing new. The same name with other bytes is not taken, and whoever watches is
    told, unless it is proven and what came before was not: then it takes that one's place.

    Args:
        session: A writing transaction.
        bringer: Who or what brought it.
        raw: Its bytes.
        now: The present.

    Raises:
        CapRefused: It is not to be taken; nothing was kept.
    """
    feed = bringer.feed
    alert, proven = open_alert(feed, raw, now, bringer.asked)
    if feed is not None and bringer.asked is None:  # an archive that answers says nothing of the feed
        _note_life(feed, alert, proven=proven, now=now)
    if alert.status is Status.SYSTEM:
        return Taken(alert.key, None, is_new=False)
    digest = hashlib.sha256(raw).hexdigest()
    found = session.exec(
        select(CapAlert).where(
            CapAlert.sender == alert.key.sender,
            CapAlert.identifier == alert.key.identifier,
            CapAlert.sent_at == alert.key.sent_at,
        )
    ).first()
    if found is None:
        found = CapAlert(**_told(alert, raw, digest), **_brought(bringer, proven=proven), received_at=now)
        session.add(found)
        session.flush()
        _audit(session, "receive_cap", found, bringer, now)
        return Taken(alert.key, found, is_new=True)
    if found.sha256 == digest:
        if proven and not found.proven:
            if found.area_id != bringer.area_id:
                _begin_anew(session, found, now)
            _write(found, _brought(bringer, proven=True))
            _audit(session, "prove_cap", found, bringer, now)
        return Taken(alert.key, found, is_new=False)
    if proven and not found.proven:
        _begin_anew(session, found, now)
        _write(found, _told(alert, raw, digest) | _brought(bringer, proven=True))
        _audit(session, "replace_cap", found, bringer, now)
        return Taken(alert.key, found, is_new=True)
    if proven == found.proven:
        found.contested_at = now
        announce(session, Change("cap", session.get_one(Area, found.area_id).path))
    _audit(session, "contest_cap", found, bringer, now, other_sha256=digest)
    return Taken(alert.key, found, is_new=False)


def _begin_anew(session: Session, row: CapAlert, now: datetime) -> None:
    """End what became of an alert that is now better known: it says something else, or to more people."""
    for emergency_id in row.emergency_ids:
        emergency = session.get_one(Emergency, emergency_id)
        if emergency.state is not EmergencyState.ENDED:
            is_draft = emergency.state is EmergencyState.DRAFT
            close(
                session,
                emergency,
                Ending.FINISHED if is_draft else Ending.SUPERSEDED,
                person_id=None,
                now=now,
            )
            announce(session, Change("emergency", emergency_id))
    row.emergency_ids, row.unspoken, row.recordings, row.obstacle = [], [], {}, None


def open_alert(
    feed: CapFeed | None, raw: bytes, now: datetime, asked: Asked | None = None
) -> tuple[Alert, bool]:
    """Return what an alert says, and whether it is certainly its sender's.

    With a certificate it is so when it is signed; without, when the way it came by proves who sent it: a
    token, or HTTPS to the feed's own host or its archive. A broker's word is no proof.

    Raises:
        CapRefused: It is not to be taken.
    """
    root = parse(raw)
    proven = False
    if feed is not None and feed.certificate_pem is not None:
        if has_signature(root):
            root, proven = signed_part(root, feed.certificate_pem, now), True
    elif asked is not None:
        proven = _is_secure(asked.url)
    elif feed is not None:
        proven = feed.kind is FeedKind.PUSH or (feed.kind is FeedKind.HTTP and _is_secure(feed.url or ""))
    node = read_alert(root, allow_11=feed is not None and feed.allow_11)
    alert = read(node, tolerant=feed is not None and feed.tolerant_times)
    if feed is not None and alert.key.sender not in feed.senders:
        raise CapRefused(Refusal.UNKNOWN_SENDER, alert.key.sender)
    if asked is not None and alert.key != asked.key:
        raise CapRefused(Refusal.ANOTHER_ALERT, alert.key.identifier)
    check_time(alert, now)
    return alert, proven


def _note_life(feed: CapFeed, alert: Alert, *, proven: bool, now: datetime) -> None:
    feed.succeeded_at = now
    if alert.status is Status.SYSTEM and proven:
        feed.mentioned = list(alert.references_as_written)


def _is_secure(url: str) -> bool:
    return url.lower().startswith("https://")


def note_refusal(session: Session, feed: CapFeed, refused: CapRefused, *, now: datetime) -> None:
    """Note that a feed brought what is not taken; the same again is on record already."""
    problem = f"{refused.code}: {refused.params['detail']}"[:200]
    if feed.problem == problem:
        return
    feed.problem = problem
    record(
        session,
        now,
        "refuse_cap",
        subject=feed.name,
        area_id=feed.area_id,
        detail={"reason": refused.code, "detail": refused.params["detail"]},
    )


def policy_of(feed: CapFeed | None) -> Policy:
    """Return what a feed's alerts may do by themselves."""
    if feed is None or not feed.enabled:
        return BY_A_PERSON
    return Policy(feed.auto_level, feed.drills, feed.waits_for_onset)


def known_of(row: CapAlert, feed: CapFeed | None, *, let_sound: bool) -> Known:
    """Return what deciding needs to know of a kept alert."""
    return Known(
        key=key_of(row),
        msg_type=row.msg_type,
        status=row.status,
        scope=row.scope,
        references=frozenset(
            Key(sender, identifier, read_time(sent, tolerant=True))
            for sender, identifier, sent in row.references
        ),
        expires_at=row.expires_at,
        starts_at=row.starts_at,
        effective_at=row.effective_at,
        level=row.level,
        proven=row.proven,
        contested=row.contested_at is not None,
        let_sound=let_sound,
        policy=policy_of(feed),
    )


def key_of(row: CapAlert) -> Key:
    """Return what names a kept alert."""
    return Key(row.sender, row.identifier, row.sent_at.astimezone(UTC))


def find_feed(session: Session, token_sha256: str) -> CapFeed | None:
    """Return the feed that a token is of; None: of none that is in use."""
    return session.exec(
        select(CapFeed).where(CapFeed.token_sha256 == token_sha256, col(CapFeed.enabled))
    ).first()


def _told(alert: Alert, raw: bytes, digest: str) -> dict[str, Any]:
    """Return what an alert says, as columns; how it stands is settled in the same transaction."""
    found = known(alert, policy=BY_A_PERSON, proven=False)
    return {
        "sender": alert.key.sender,
        "identifier": alert.key.identifier,
        "sent_at": alert.key.sent_at,
        "sha256": digest,
        "raw": raw,
        "msg_type": alert.msg_type,
        "status": alert.status,
        "scope": alert.scope,
        "references": [each.split(",") for each in sorted(alert.references_as_written)],
        "title": title_of(alert.infos, LANGUAGES) if alert.infos else alert.note[:160],
        "level": found.level,
        "state": State.IN_FORCE,
        "effective_at": found.effective_at,
        "starts_at": found.starts_at,
        "expires_at": found.expires_at,
        "version": alert.version,
        "contested_at": None,
    }


def _brought(bringer: Bringer, *, proven: bool) -> dict[str, Any]:
    return {
        "feed_id": bringer.feed.id if bringer.feed is not None else None,
        "brought_by": bringer.person_id,
        "area_id": bringer.area_id,
        "proven": proven,
    }


def _write(row: CapAlert, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def _audit(
    session: Session, action: str, row: CapAlert, bringer: Bringer, now: datetime, **detail: object
) -> None:
    record(
        session,
        now,
        action,
        person_id=bringer.person_id,
        subject=f"{row.sender},{row.identifier}",
        area_id=row.area_id,
        address=bringer.address,
        detail={
            "feed": bringer.feed.name if bringer.feed is not None else None,
            "type": row.msg_type.value,
            "status": row.status.value,
            "sha256": row.sha256,
            "proven": row.proven,
            "title": row.title,
            **({"archive": bringer.asked.url[:200]} if bringer.asked is not None else {}),
            **detail,
        },
    )
