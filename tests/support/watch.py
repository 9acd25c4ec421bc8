"""The desk of alerts over an office's database, with a voice that takes no time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select
from support.alerts import SENDER, alert_xml, at, reference
from support.clocks import NOON
from support.office import ALWAYS, CLIP, ZONE, Office

from controller.audit.models import AuditRow
from controller.broadcasts.models import Broadcast
from controller.bulletins.models import Bulletin, Source
from controller.cap.desk import CapDesk, Outcome
from controller.cap.models import CapAlert, CapFeed, FeedKind
from controller.cap.outbound import FetchFailed, Limits
from controller.cap.recordings import RecordingUnused, Unused
from controller.cap.studio import Studio
from controller.cap.words import Said
from controller.clips.models import Clip
from controller.columns import new_id
from controller.db import writing
from controller.emergencies import campaigns, service
from controller.emergencies.models import Emergency
from controller.events import EventHub
from controller.gateways.models import Gateway
from controller.gateways.rules import HouseRules
from wire.messages import ClipRef, Play

PLACES = {"g1": (9.556, 106.166), "g2": (9.5615, 106.179), "g3": (9.5635, 106.156)}
"""The fourth gateway stands where nobody has entered."""


@dataclass
class Watch:
    """An office that takes alerts."""

    office: Office
    spoken: list[Said] = field(default_factory=list)
    voices: Sequence[str] = ("vi", "en")
    rules: HouseRules = ALWAYS
    web: dict[str, bytes] = field(default_factory=dict)
    """What is to be fetched, by address."""
    fetched: list[tuple[str, Limits]] = field(default_factory=list)

    def __post_init__(self) -> None:
        with Session(self.office.engine) as session, session.begin():
            for gateway_id, (latitude, longitude) in PLACES.items():
                gateway = session.get_one(Gateway, gateway_id)
                gateway.latitude, gateway.longitude = latitude, longitude
        self.desk = self.restarted()

    def restarted(self) -> CapDesk:
        """Return a desk that remembers nothing but what is in the database."""
        self.desk = CapDesk(
            engine=self.office.engine,
            clock=self.office.clock,
            rules=self.rules,
            events=EventHub(),
            studio=Studio(self._speak, self._keep, self._get),
            wake_dispatcher=lambda: None,
        )
        return self.desk

    def _speak(self, said: Said) -> ClipRef | None:
        self.spoken.append(said)
        return self._clip(said.text.encode()) if said.language in self.voices else None

    def _keep(self, content: bytes) -> ClipRef:
        """Prepare whatever calls itself sound; it lasts as many seconds as it says."""
        kind, _, seconds = content.partition(b" ")
        if kind != b"sound":
            raise RecordingUnused(Unused.NO_SOUND)
        return self._clip(content, int(seconds) * 1000)

    def _get(self, url: str, limits: Limits) -> bytes:
        self.fetched.append((url, limits))
        if url not in self.web:
            raise FetchFailed("answered 404")
        return self.web[url]

    def _clip(self, content: bytes, duration_ms: int = 8_000) -> ClipRef:
        digest = sha256(content).hexdigest()
        with Session(self.office.engine) as session, session.begin():
            writing(session)
            if session.get(Clip, digest) is None:
                session.add(
                    Clip(
                        sha256=digest,
                        size_bytes=9_000,
                        duration_ms=duration_ms,
                        loudness_lufs=-16.0,
                        true_peak_dbtp=-2.0,
                        prepared_at=NOON,
                    )
                )
        return ClipRef(sha256=digest, size_bytes=9_000, duration_ms=duration_ms)

    def prepare(self, key: str) -> None:
        """Keep a clip as a prepared warning of the commune."""
        with Session(self.office.engine) as session, session.begin():
            session.add(
                Bulletin(
                    id=new_id(),
                    area_id=self.office.commune.id,
                    title=key,
                    source=Source.UPLOAD,
                    clip_sha256=CLIP,
                    prepared=True,
                    warning_key=key,
                    created_at=self.office.clock.now(),
                )
            )

    def feed(self, name: str = "kttv", **how: Any) -> int:
        """Add a feed that proves its sender by its token, and lets the strongest sound by themselves."""
        plain: dict[str, Any] = {
            "name": name,
            "kind": FeedKind.PUSH,
            "area_id": self.office.commune.id,
            "senders": [SENDER],
            "languages": ["vi", "km"],
            "geocodes": ["VN-GSO"],
            "auto_level": 4,
            "drills": True,
            "created_at": self.office.clock.now(),
        }
        with Session(self.office.engine) as session, session.begin():
            writing(session)
            feed = CapFeed(**(plain | how))
            session.add(feed)
            session.flush()
            return feed.id

    def take(self, feed_id: int, *alerts: bytes) -> list[Outcome]:
        """Let a feed bring alerts, and have done what takes time."""
        outcomes = [self.desk.take(feed_id, each) for each in alerts]
        self.desk.step()
        return outcomes

    def step(self, seconds: float = 0) -> None:
        """Let time pass and do what is due."""
        self.office.clock.pass_time(seconds)
        with Session(self.office.engine) as session, session.begin():
            writing(session)
            campaigns.go_on(session, now=self.office.clock.now(), zone=ZONE)
        self.desk.step()

    def standing(self) -> dict[str, tuple[str, str | None]]:
        """Return how each alert stands: its state, and why or what is in the way."""
        return {row.identifier: (row.state.value, row.obstacle or row.reason) for row in self.rows()}

    def rows(self) -> list[CapAlert]:
        with Session(self.office.engine) as session:
            return list(session.exec(select(CapAlert).order_by(sa.column("id"))))

    def row(self, identifier: str) -> CapAlert:
        return next(row for row in self.rows() if row.identifier == identifier)

    def feed_row(self, feed_id: int) -> CapFeed:
        with Session(self.office.engine) as session:
            return session.get_one(CapFeed, feed_id)

    def emergencies(self, identifier: str) -> list[Emergency]:
        with Session(self.office.engine) as session:
            return [session.get_one(Emergency, each) for each in self.row(identifier).emergency_ids]

    def states(self, identifier: str) -> list[tuple[str, str | None]]:
        """Return the state and the ending of what became of an alert."""
        return [
            (each.state.value, each.ending.value if each.ending is not None else None)
            for each in self.emergencies(identifier)
        ]

    def approve(self, identifier: str) -> None:
        """Let an officer approve all that became of an alert."""
        with Session(self.office.engine) as session, session.begin():
            writing(session)
            for each in self.row(identifier).emergency_ids:
                service.approve(
                    session, self.office.officer, each, now=self.office.clock.now(), rules=self.rules
                )

    def played(self) -> list[tuple[str, str]]:
        """Return which gateways were just told to play something, and its title."""
        sent = [each for each in self.office.step("emergency") if isinstance(each.message, Play)]
        with Session(self.office.engine) as session:
            titles = dict(session.exec(select(Broadcast.id, Broadcast.title)).all())
        return sorted(
            (each.gateway_id, titles[each.message.item.broadcast_id])
            for each in sent
            if isinstance(each.message, Play)
        )

    def audited(self, action: str) -> list[AuditRow]:
        with Session(self.office.engine) as session:
            return list(session.exec(select(AuditRow).where(AuditRow.action == action)))


def after(hours: float = 0, minutes: float = 0) -> datetime:
    return NOON + timedelta(hours=hours, minutes=minutes)


ALERT = alert_xml()
UPDATE = alert_xml(
    "KTTV-2",
    sent=at(after(minutes=1)),
    msg_type="Update",
    references=[reference("KTTV-1")],
    headline="Bão số 9 đổ bộ",
)
CANCEL = alert_xml(
    "KTTV-3",
    sent=at(after(minutes=2)),
    msg_type="Cancel",
    references=[reference("KTTV-1"), reference("KTTV-2", after(minutes=1))],
    infos="",
)
"""A storm, what came to be known of it, and its end, a minute after each other."""
