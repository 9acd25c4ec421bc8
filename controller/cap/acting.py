"""Doing what was decided: what holds no more falls silent at once, what holds is drafted and may sound."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import structlog
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from controller.audit.service import record
from controller.cap.alert import Key
from controller.cap.deciding import REMEMBERED, Standing, State, standings
from controller.cap.drafting import Hindered, ToSay, Work, actor_for, draft, obstacle_of, to_say
from controller.cap.intake import key_of, known_of
from controller.cap.models import CapAlert, CapFeed
from controller.cap.speaking import Spoken
from controller.emergencies import ending, service
from controller.emergencies.models import Emergency, EmergencyState, Ending
from controller.errors import Problem
from controller.events import Change, announce

log = structlog.get_logger(__name__)


class _Case(NamedTuple):
    """One alert, its feed, and what has become of it."""

    row: CapAlert
    feed: CapFeed | None
    emergencies: tuple[Emergency, ...]

    @property
    def let_sound(self) -> bool:
        return any(each.ordered_until_at is not None for each in self.emergencies)

    @property
    def open_ids(self) -> tuple[str, ...]:
        return tuple(each.id for each in self.emergencies if each.state is not EmergencyState.ENDED)


def settle(work: Work, sender: str, *, try_again: bool = False) -> list[ToSay]:
    """Bring all that has become of a sender's alerts to where the alerts stand now.

    Args:
        work: A writing transaction and the present.
        sender: Whose alerts.
        try_again: Look once more at those that something stood in the way of.

    Returns:
        What is to be spoken before it can be a draft; hand it to `let_say` then.
    """
    cases = _cases(work.session, sender, work.now)
    found = standings(
        [known_of(case.row, case.feed, let_sound=case.let_sound) for case in cases.values()], work.now
    )
    wanted: list[ToSay] = []
    for key, case in cases.items():
        standing = found[key]
        _note(work, case, standing)
        if standing.state is State.CANCELLED:
            _take_back(work, case, Ending.ALL_CLEAR)
        elif standing.state is State.SUPERSEDED and not _is_relieved(work, standing, found, cases):
            _take_back(work, case, Ending.SUPERSEDED)
        elif standing.state is State.IN_FORCE and case.emergencies:
            _let_sound(work, case, standing, cases)
        elif standing.state is State.IN_FORCE and (try_again or case.row.obstacle is None):
            wanted.extend(_to_say(work, case))
    return wanted


def let_say(work: Work, asked: ToSay, spoken: Spoken) -> None:
    """Make drafts of an alert that was spoken, if it still holds, and let sound what sounds by itself."""
    row = work.session.get(CapAlert, asked.alert_id)
    if row is None or row.sha256 != asked.sha256 or row.emergency_ids or row.state is not State.IN_FORCE:
        return
    feed = work.session.get(CapFeed, row.feed_id) if row.feed_id is not None else None
    row.recordings = dict(spoken.recordings)
    try:
        with work.session.begin_nested():
            draft(work, row, feed, spoken)
    except Hindered as hindered:
        row.obstacle = hindered.obstacle
    except Problem as problem:
        log.warning("cap_not_drafted", alert=row.identifier, reason=problem.code)
        row.obstacle = obstacle_of(problem)
    changes = (Change("emergency", each) for each in row.emergency_ids)
    announce(work.session, Change("cap", work.path_of(row)), *changes)
    work.session.flush()
    settle(work, row.sender)


def open_senders(session: Session) -> list[str]:
    """Return the senders of whom something is in force: time alone may change how that stands."""
    return sorted(session.exec(select(CapAlert.sender).where(CapAlert.state == State.IN_FORCE).distinct()))


def _cases(session: Session, sender: str, now: datetime) -> dict[Key, _Case]:
    rows = session.exec(
        select(CapAlert)
        .where(CapAlert.sender == sender, CapAlert.received_at >= now - REMEMBERED)
        .options(defer(CapAlert.raw))  # type: ignore[arg-type]
        .order_by(col(CapAlert.sent_at), col(CapAlert.id))
    ).all()
    feeds = {feed.id: feed for feed in session.exec(select(CapFeed))}
    emergencies = {
        each.id: each for each in _emergencies(session, [each for row in rows for each in row.emergency_ids])
    }
    return {
        key_of(row): _Case(
            row,
            feeds.get(row.feed_id) if row.feed_id is not None else None,
            tuple(emergencies[each] for each in row.emergency_ids if each in emergencies),
        )
        for row in rows
    }


def _emergencies(session: Session, ids: list[str]) -> Iterable[Emergency]:
    return session.exec(select(Emergency).where(col(Emergency.id).in_(ids))) if ids else ()


def _note(work: Work, case: _Case, standing: Standing) -> None:
    row = case.row
    if row.state is not standing.state:
        row.state = standing.state
        announce(work.session, Change("cap", work.path_of(row)))
        record(
            work.session,
            work.now,
            f"cap_{standing.state.value}",
            subject=f"{row.sender},{row.identifier}",
            area_id=row.area_id,
            detail={
                "reason": standing.reason,
                "by": standing.by.identifier if standing.by is not None else None,
            },
        )
    row.reason = standing.reason.value if standing.reason is not None else None


def _is_relieved(
    work: Work, standing: Standing, found: Mapping[Key, Standing], cases: Mapping[Key, _Case]
) -> bool:
    """Whether what takes its place is about to sound by itself: until then the older one may go on."""
    if standing.by is None:
        return False
    newer, case = found[standing.by], cases[standing.by]
    is_due = newer.state is State.IN_FORCE and newer.sounds_at is not None and newer.sounds_at <= work.now
    is_to_come = not case.emergencies or any(each.state is EmergencyState.DRAFT for each in case.emergencies)
    return is_due and is_to_come and case.row.obstacle is None


def _take_back(work: Work, case: _Case, how: Ending) -> None:
    actor = actor_for(work, case.row, case.feed)
    for emergency_id in case.open_ids:
        ending.end(work.session, actor, emergency_id, how, now=work.now)
        announce(work.session, Change("emergency", emergency_id))


def _to_say(work: Work, case: _Case) -> list[ToSay]:
    try:
        return [to_say(work, case.row, case.feed)]
    except Hindered as hindered:
        case.row.obstacle = hindered.obstacle
        return []


def _let_sound(work: Work, case: _Case, standing: Standing, cases: Mapping[Key, _Case]) -> None:
    if standing.sounds_at is None or standing.sounds_at > work.now:
        return
    older = [each for key in sorted(standing.replaces) for each in cases[key].open_ids]
    for emergency in case.emergencies:
        if emergency.state is not EmergencyState.DRAFT:
            continue
        actor = actor_for(work, case.row, case.feed)
        try:
            with work.session.begin_nested():
                service.approve(
                    work.session, actor, emergency.id, now=work.now, rules=work.rules, supersedes=older
                )
        except Problem as problem:
            log.warning("cap_not_sounded", emergency=emergency.id, reason=problem.code)
            case.row.obstacle = obstacle_of(problem)
        else:
            case.row.obstacle = None
            announce(work.session, *(Change("emergency", each) for each in (emergency.id, *older)))
