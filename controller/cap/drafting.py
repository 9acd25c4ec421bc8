"""From an alert that holds to emergencies: for whom, in which words, and, once it is spoken, as drafts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlmodel import Session

from controller.areas.models import Area
from controller.audit.service import record
from controller.broadcasts.audience import Audience
from controller.broadcasts.service import refuse_against_rules
from controller.cap.alert import Info
from controller.cap.deciding import LASTS, level_of, mode_of
from controller.cap.geo import GEOCODE_SYSTEM, Ground, Part, parts_of, unplaced
from controller.cap.ground import area_id_of, ground_for
from controller.cap.intake import LANGUAGES
from controller.cap.models import CapAlert, CapFeed
from controller.cap.outbound import Limits
from controller.cap.reach import reach_of
from controller.cap.reading import read
from controller.cap.speaking import Spoken
from controller.cap.words import Said, said_in_order, title_of
from controller.cap.xml import parse, read_alert
from controller.emergencies import service
from controller.emergencies.making import ATTENTION
from controller.emergencies.models import EmergencySource
from controller.emergencies.service import LONGEST, NewEmergency
from controller.emergencies.sounding import announced
from controller.errors import InQuietHours, NobodyToPlayIt, NothingPrepared, Problem
from controller.gateways.rules import HouseRules
from controller.people.access import Actor
from controller.people.models import Role
from controller.warnings.catalogue import sounds_of
from wire.messages import ClipRef
from wire.types import Mode

LONGEST_KEPT = 8000
"""Characters of text that an emergency keeps."""


class Obstacle(StrEnum):
    """Why nothing has become of an alert though it holds."""

    NOWHERE = "nowhere"
    """None of its areas is ours, or no gateway stands in them."""
    NO_VOICE = "no_voice"
    """No voice here speaks any of its languages: someone has to say it."""
    NOTHING_PREPARED = "nothing_prepared"
    """There is no clip to say that it is a test or a drill."""
    IN_QUIET_HOURS = "in_quiet_hours"
    """A test or a drill waits until they are over."""
    REFUSED = "refused"


_OBSTACLES: Mapping[type[Problem], Obstacle] = {
    NobodyToPlayIt: Obstacle.NOWHERE,
    NothingPrepared: Obstacle.NOTHING_PREPARED,
    InQuietHours: Obstacle.IN_QUIET_HOURS,
}


class Hindered(Exception):
    """Nothing can become of an alert now."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle.value)
        self.obstacle = obstacle


@dataclass(frozen=True, slots=True)
class Work:
    """A writing transaction, the present, and the quiet hours and lengths of the house."""

    session: Session
    now: datetime
    rules: HouseRules

    @property
    def today(self) -> date:
        """The day on the wall."""
        return self.rules.today(self.now)

    def path_of(self, row: CapAlert) -> str:
        """Return the path of the area beyond which an alert says nothing."""
        return self.session.get_one(Area, row.area_id).path


@dataclass(frozen=True, slots=True)
class ToSay:
    """What of an alert is to be spoken: for each group of people, a text in each language."""

    alert_id: int
    sha256: str
    texts: tuple[tuple[Said, ...], ...]
    reach: Limits | None
    """Where its recordings may be; None: nothing shows that it is its sender's, so none of them is played."""


def to_say(work: Work, row: CapAlert, feed: CapFeed | None) -> ToSay:
    """Return what is to be spoken of an alert that holds.

    Raises:
        Hindered: It is for nobody here, or may not sound now.
    """
    parts = parts_of(_still_told(work, row), _ground(work, row, feed))
    if not parts:
        raise Hindered(Obstacle.NOWHERE)
    mode = mode_of(row.status)
    try:
        announced(work.session, work.path_of(row), mode, ())
        if mode is not Mode.ACTUAL:
            refuse_against_rules(work.now, 0, work.rules)
    except Problem as problem:
        raise Hindered(obstacle_of(problem)) from problem
    languages = _languages(feed)
    reach = reach_of(feed) if feed is not None and row.proven else None
    return ToSay(row.id, row.sha256, tuple(said_in_order(part.infos, languages) for part in parts), reach)


def draft(work: Work, row: CapAlert, feed: CapFeed | None, spoken: Spoken) -> None:
    """Make drafts of an alert: one for each group of people that it tells something of their own.

    The audience is fixed here, and recorded: whoever approves it sees what will be addressed.

    Raises:
        Hindered: Nobody hears it, or none of it could be spoken.
        Problem: As `controller.emergencies.service.order` does.
    """
    ground = _ground(work, row, feed)
    missing: set[str] = set()
    drafts: list[NewEmergency] = []
    for part in parts_of(_still_told(work, row), ground):
        said = said_in_order(part.infos, _languages(feed))
        missing.update(each.language for each in said if each not in spoken.clips)
        if any(each in spoken.clips for each in said):
            drafts.append(_wanted(work, row, feed, part, spoken))
    if not drafts:
        raise Hindered(Obstacle.NO_VOICE if missing else Obstacle.NOWHERE)
    actor = actor_for(work, row, feed)
    row.emergency_ids = [
        service.order(work.session, actor, each, now=work.now, rules=work.rules).id for each in drafts
    ]
    row.obstacle, row.unspoken = None, sorted(missing)
    record(
        work.session,
        work.now,
        "draft_cap",
        subject=f"{row.sender},{row.identifier}",
        area_id=row.area_id,
        detail={
            "emergencies": row.emergency_ids,
            "audiences": [each.audience.stored() for each in drafts],
            "unspoken": row.unspoken,
            "recordings": row.recordings,
            "gateways_without_place": unplaced(ground),
        },
    )


def actor_for(work: Work, row: CapAlert, feed: CapFeed | None) -> Actor:
    """Return who acts for an alert: nobody, within its feed's area and no further."""
    name = feed.name if feed is not None else "cap"
    return Actor(None, name, Role.OFFICER, row.area_id, work.path_of(row))


def obstacle_of(problem: Problem) -> Obstacle:
    """Return what a problem means for an alert."""
    return _OBSTACLES.get(type(problem), Obstacle.REFUSED)


def _still_told(work: Work, row: CapAlert) -> list[Info]:
    """Return what of an alert has not expired. It was found good when it came."""
    alert = read(read_alert(parse(row.raw), allow_11=True), tolerant=True)
    return [info for info in alert.infos if _ends_at(row, info) > work.now]


def _ground(work: Work, row: CapAlert, feed: CapFeed | None) -> Ground:
    codes = {geo.code for info in _still_told(work, row) for area in info.areas for geo in area.geocodes}
    systems = feed.geocodes if feed is not None else [GEOCODE_SYSTEM]
    return ground_for(work.session, codes, area_path=work.path_of(row), systems=systems, today=work.today)


def _wanted(work: Work, row: CapAlert, feed: CapFeed | None, part: Part, spoken: Spoken) -> NewEmergency:
    said = said_in_order(part.infos, _languages(feed))
    levels = [level for info in part.infos if (level := level_of(info.level, info.severity)) is not None]
    ends_at = max(_ends_at(row, info) for info in part.infos)
    repeat = feed.repeat_minutes if feed is not None else None
    return NewEmergency(
        title=title_of(part.infos, _languages(feed)),
        source=EmergencySource.CAP,
        audience=Audience(
            tuple(sorted(area_id_of(path) for path in part.target.paths)), tuple(sorted(part.target.gateways))
        ),
        clips=(*_signal(work, row), *(clip for each in said for clip in spoken.clips.get(each, ()))),
        mode=mode_of(row.status),
        text="\n\n".join(each.text for each in said)[:LONGEST_KEPT],
        level=max(levels, default=None),
        every_ms=repeat * 60_000 if repeat is not None else None,
        until_at=min(ends_at, row.expires_at, work.now + LONGEST),
        draft=True,
        proposed_by=row.brought_by,
    )


def _ends_at(row: CapAlert, info: Info) -> datetime:
    return info.expires_at or row.sent_at + LASTS


def _signal(work: Work, row: CapAlert) -> tuple[ClipRef, ...]:
    try:
        return sounds_of(work.session, work.path_of(row), ATTENTION).clips
    except NothingPrepared:
        return ()


def _languages(feed: CapFeed | None) -> tuple[str, ...]:
    return tuple(feed.languages) if feed is not None else LANGUAGES
