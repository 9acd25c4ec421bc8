"""Emergencies between database and broker: who is told what, how it repeats, and how it ends."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select
from support.office import CLIP, ZONE, Office

from controller.areas.models import Area, AreaKind
from controller.areas.service import add_area
from controller.audit.models import AuditRow
from controller.broadcasts.audience import Audience
from controller.broadcasts.models import Broadcast
from controller.bulletins.models import Bulletin, Source
from controller.clips.models import Clip
from controller.columns import new_id
from controller.db import writing
from controller.emergencies import campaigns, ending, service
from controller.emergencies.models import Emergency, EmergencySource, EmergencyState, Ending
from controller.emergencies.roll_call import Phase, roll_call
from controller.emergencies.service import NewEmergency
from controller.errors import (
    AlreadyOver,
    ForeignArea,
    InQuietHours,
    InvalidInput,
    NotADraft,
    NotFound,
    NothingPrepared,
    OwnDraft,
    SecondPersonNeeded,
)
from controller.gateways.models import Gateway
from controller.gateways.rules import HouseRules
from controller.people.access import Actor
from controller.people.models import Person, Role
from controller.people.second_person import require_second_person
from schedules.quiet_hours import QuietHours
from wire.messages import Cancel, ClipRef, Play, Stop
from wire.types import Event, Mode, Priority

SAID = ClipRef(sha256=CLIP, size_bytes=20_000, duration_ms=10_000)
WHOLE_DAY = HouseRules(QuietHours(), longest_ms=3_600_000)
"""Quiet from 21:00 to 05:00."""


def wanted(office: Office, **how: object) -> NewEmergency:
    plain = {
        "title": "Lũ lên nhanh",
        "source": EmergencySource.TEXT,
        "audience": Audience((office.commune.id,)),
        "clips": (SAID,),
    }
    return NewEmergency(**{**plain, **how})  # type: ignore[arg-type]


def order(
    office: Office, actor: Actor | None = None, *, rules: HouseRules = WHOLE_DAY, **how: object
) -> Emergency:
    with Session(office.engine, expire_on_commit=False) as session, session.begin():
        writing(session)
        new = wanted(office, **how)
        return service.order(session, actor or office.officer, new, now=office.clock.now(), rules=rules)


def end(office: Office, emergency: Emergency, how: Ending) -> bool:
    with Session(office.engine) as session, session.begin():
        writing(session)
        _, told = ending.end(session, office.officer, emergency.id, how, now=office.clock.now())
        return told


def go_on(office: Office) -> None:
    with Session(office.engine) as session, session.begin():
        writing(session)
        campaigns.go_on(session, now=office.clock.now(), zone=ZONE)


def prepare(office: Office, key: str, sha256: str, duration_ms: int = 3_000, language: str = "vi") -> None:
    """Keep one more clip as a prepared warning of the commune."""
    with Session(office.engine) as session, session.begin():
        session.add(
            Clip(
                sha256=sha256,
                size_bytes=5_000,
                duration_ms=duration_ms,
                loudness_lufs=-16.0,
                true_peak_dbtp=-2.0,
                prepared_at=office.clock.now(),
            )
        )
        session.flush()
        session.add(
            Bulletin(
                id=new_id(),
                area_id=office.commune.id,
                title=key,
                language=language,
                source=Source.UPLOAD,
                clip_sha256=sha256,
                prepared=True,
                warning_key=key,
                created_at=office.clock.now(),
            )
        )


def sounds(office: Office, emergency: Emergency) -> list[Broadcast]:
    with Session(office.engine) as session:
        query = select(Broadcast).where(Broadcast.emergency_id == emergency.id)
        return sorted(session.exec(query), key=lambda each: (each.start_at, each.id))


def stored(office: Office, emergency: Emergency) -> Emergency:
    with Session(office.engine) as session:
        return session.get_one(Emergency, emergency.id)


def heard(office: Office, broadcast_id: str, *gateway_ids: str) -> None:
    for gateway_id in gateway_ids:
        office.tell(gateway_id, Event.PLAYING, broadcast_id, started_at=office.clock.now())


def test_every_gateway_of_the_commune_is_told_under_the_emergency_key(office: Office) -> None:
    office.births()
    emergency = order(office, level=4, hazard="flood")
    sent = [each for each in office.step("emergency") if isinstance(each.message, Play)]
    assert [each.gateway_id for each in sent] == office.gateway_ids
    item = sent[0].message.item
    assert (item.priority, item.mode, item.clips) == (Priority.EMERGENCY, Mode.ACTUAL, (SAID,))
    assert stored(office, emergency).ordered_by is None  # the office's officer is nobody's row


def test_quiet_hours_do_not_hold_for_it_and_that_is_on_record(office: Office) -> None:
    office.clock.pass_time(12 * 3600)  # past 22:00
    emergency = order(office)
    assert stored(office, emergency).in_quiet_hours
    with Session(office.engine) as session:
        row = session.exec(select(AuditRow).where(AuditRow.action == "order_emergency")).one()
    assert row.detail["in_quiet_hours"] is True


def test_a_test_keeps_to_quiet_hours_and_says_what_it_is_before_and_after(office: Office) -> None:
    with pytest.raises(NothingPrepared):
        order(office, mode=Mode.TEST)
    prepare(office, "test_opening", "a1" * 32)
    prepare(office, "test_closing", "a2" * 32)
    order(office, mode=Mode.TEST)
    item = next(each.message.item for each in office.step("emergency") if isinstance(each.message, Play))
    assert [clip.sha256 for clip in item.clips] == ["a1" * 32, CLIP, "a2" * 32]
    assert (item.priority, item.mode) == (Priority.PRIORITY, Mode.TEST)
    office.clock.pass_time(12 * 3600)
    with pytest.raises(InQuietHours):
        order(office, mode=Mode.TEST)


def test_what_is_said_in_two_languages_is_said_in_vietnamese_first(office: Office) -> None:
    prepare(office, "drill_opening", "b2" * 32, language="km")
    prepare(office, "drill_opening", "b1" * 32, language="vi")
    order(office, mode=Mode.DRILL, gain_db=-10.0)
    item = next(each.message.item for each in office.step("emergency") if isinstance(each.message, Play))
    assert [clip.sha256 for clip in item.clips] == ["b1" * 32, "b2" * 32, CLIP]
    assert item.gain_db == -10.0


def test_a_neighbour_cannot_warn_here(office: Office) -> None:
    with pytest.raises(ForeignArea):
        order(office, office.neighbour)


@pytest.mark.parametrize(
    ("lasts", "every_ms"),
    [(timedelta(seconds=-1), None), (timedelta(days=4), None), (timedelta(hours=1), 1000)],
    ids=["ends before it begins", "lasts too long", "repeats without a pause"],
)
def test_an_end_or_an_interval_without_sense_is_refused(
    office: Office, lasts: timedelta, every_ms: int | None
) -> None:
    with pytest.raises(InvalidInput):
        order(office, until_at=office.clock.now() + lasts, every_ms=every_ms)


def test_repeats_lie_on_the_gateways_ahead_and_keep_their_times(office: Office) -> None:
    office.births()
    began = office.clock.now()
    emergency = order(office, every_ms=600_000, until_at=began + timedelta(hours=1))
    go_on(office)
    starts = [each.start_at - began for each in sounds(office, emergency)]
    assert starts == [timedelta(minutes=m) for m in (0, 10, 20, 30)]
    ahead = [each for each in office.step("emergency") if isinstance(each.message, Play)]
    assert len(ahead) == 4 * len(office.gateway_ids), "sent at once, to wait on the gateways"
    office.clock.pass_time(25 * 60)
    go_on(office)
    go_on(office)
    assert [each.start_at - began for each in sounds(office, emergency)][-1] == timedelta(minutes=50)
    for _ in range(2):
        office.clock.pass_time(20 * 60)
        go_on(office)
    assert (stored(office, emergency).state, stored(office, emergency).ending) == ("ended", "expired")
    assert len(sounds(office, emergency)) == 7, "the last at the full hour, none after the end"


def test_a_newer_one_takes_the_place_of_an_older_one(office: Office) -> None:
    office.births()
    older = order(office, every_ms=600_000)
    go_on(office)
    office.step()
    first, *repeats = sounds(office, older)
    office.clock.pass_time(5)
    newer = order(office, supersedes=(older.id,), audience=Audience((office.hamlets[0].id,)))
    assert (stored(office, older).ending, stored(office, older).superseded_by) == ("superseded", newer.id)
    sent = office.step("emergency")
    plays = [each for each in sent if isinstance(each.message, Play)]
    assert [each.gateway_id for each in plays] == ["g1", "g2"]
    assert plays[0].message.item.supersedes == (first.id,)
    taken_back: dict[str, set[str]] = {}
    for each in sent:
        if isinstance(each.message, Cancel):
            taken_back.setdefault(each.gateway_id, set()).update(each.message.broadcast_ids)
    later = {each.id for each in repeats}
    assert taken_back == {"g1": later, "g2": later, "g3": {first.id, *later}, "g4": {first.id, *later}}
    office.clock.pass_time(3600)
    go_on(office)
    assert len(sounds(office, older)) == 4, "no repeat of it is ordered any more"


def test_all_clear_sounds_only_where_the_danger_was_heard(office: Office) -> None:
    prepare(office, "all_clear", "c2" * 32)
    office.births()
    emergency = order(office, every_ms=600_000)
    go_on(office)
    office.step()
    heard(office, sounds(office, emergency)[0].id, "g1", "g3")
    assert end(office, emergency, Ending.ALL_CLEAR) is True
    sent = office.step("emergency")
    clear = [each for each in sent if isinstance(each.message, Play)]
    assert {each.gateway_id: each.message.item.clips[0].sha256 for each in clear} == {
        "g1": "c2" * 32,
        "g3": "c2" * 32,
    }
    silenced = {each.gateway_id for each in sent if isinstance(each.message, Cancel)}
    assert silenced == set(office.gateway_ids), "a late original never sounds"
    with pytest.raises(AlreadyOver):
        end(office, emergency, Ending.FALSE_ALARM)


def test_a_false_alarm_can_still_be_called_after_it_was_stopped(office: Office) -> None:
    prepare(office, "false_alarm", "c3" * 32)
    emergency = order(office)
    office.step()
    heard(office, sounds(office, emergency)[0].id, "g2")
    assert end(office, emergency, Ending.STOPPED) is False
    office.step()
    assert end(office, emergency, Ending.FALSE_ALARM) is True
    assert [each.gateway_id for each in office.step("emergency") if isinstance(each.message, Play)] == ["g2"]


def test_without_a_prepared_clip_it_ends_and_says_that_nobody_is_told(office: Office) -> None:
    emergency = order(office)
    office.step()
    heard(office, sounds(office, emergency)[0].id, "g2")
    assert end(office, emergency, Ending.ALL_CLEAR) is False
    assert stored(office, emergency).state is EmergencyState.ENDED


def test_stop_all_goes_out_first_and_takes_back_what_is_queued(office: Office) -> None:
    office.births("g1", "g2", "g3")
    office.dies("g3")
    emergency = order(office, every_ms=600_000)
    routine = office.play_now()
    with Session(office.engine) as session, session.begin():
        writing(session)
        told, ended = ending.stop_everything(session, office.officer, office.commune, now=office.clock.now())
    assert (told, ended) == (4, [emergency.id])
    sent = office.step()
    kinds = [type(each.message) for each in sent if each.channel in {"emergency", "order"}]
    assert Play not in kinds, "what was queued is not sent any more"
    assert kinds[0] is Stop
    assert {each.gateway_id for each in sent if isinstance(each.message, Stop)} == set(office.gateway_ids)
    assert set(office.states(routine.id).values()) == {"cancelled"}
    go_on(office)
    assert len(sounds(office, emergency)) == 1
    with Session(office.engine) as session:
        assert (
            session.exec(select(AuditRow).where(AuditRow.action == "stop_all")).one().detail["gateways"] == 4
        )


def test_a_draft_is_silent_until_one_person_approves_it(office: Office) -> None:
    draft = order(office, draft=True, source=EmergencySource.CAP)
    assert office.step("emergency") == []
    with Session(office.engine) as session, session.begin():
        writing(session)
        service.approve(session, office.officer, draft.id, now=office.clock.now(), rules=WHOLE_DAY)
    assert len([each for each in office.step("emergency") if isinstance(each.message, Play)]) == 4
    with Session(office.engine) as session, session.begin(), pytest.raises(NotADraft):
        service.approve(session, office.officer, draft.id, now=office.clock.now(), rules=WHOLE_DAY)


class TestMoreThanOneCommune:
    """Two people, or one who says why alone."""

    @pytest.fixture
    def chiefs(self, office: Office) -> tuple[Actor, Actor]:
        with Session(office.engine) as session, session.begin():
            province = session.exec(select(Area).where(Area.kind == AreaKind.PROVINCE)).one()
            people = [
                Person(
                    username=name,
                    name=name,
                    role=Role.ADMIN,
                    area_id=province.id,
                    password_hash="-",
                )
                for name in ("chief", "deputy")
            ]
            session.add_all(people)
            session.flush()
            one, other = (
                Actor(person.id, person.name, Role.ADMIN, province.id, province.path) for person in people
            )
        return one, other

    def test_one_person_alone_is_asked_for_a_second_or_a_reason(
        self, office: Office, chiefs: tuple[Actor, Actor]
    ) -> None:
        chief, _ = chiefs
        everywhere = Audience((chief.area_id,))
        for reason in ("", "  ", "x"):
            with pytest.raises(SecondPersonNeeded):
                order(office, chief, audience=everywhere, alone_because=reason)
        two_communes = Audience((office.commune.id, office.foreign.id))
        with pytest.raises(SecondPersonNeeded):
            order(office, chief, audience=two_communes)
        order(office, chief, audience=Audience((office.commune.id,)))
        assert {each.gateway_id for each in office.step("emergency")} == set(office.gateway_ids)

    def test_nor_does_whoever_brought_an_alert_by_hand_approve_it_for_more_than_a_commune(
        self, office: Office, chiefs: tuple[Actor, Actor]
    ) -> None:
        chief, deputy = chiefs
        nobody = Actor(None, "cap", Role.OFFICER, chief.area_id, chief.area_path)
        brought = {"draft": True, "source": EmergencySource.CAP, "proposed_by": chief.person_id}
        wide = order(office, nobody, audience=Audience((chief.area_id,)), **brought)
        at_home = order(office, nobody, audience=Audience((office.commune.id,)), **brought)
        with Session(office.engine) as session, session.begin():
            writing(session)
            with pytest.raises(OwnDraft):
                service.approve(session, chief, wide.id, now=office.clock.now(), rules=WHOLE_DAY)
            service.approve(session, chief, at_home.id, now=office.clock.now(), rules=WHOLE_DAY)
            service.approve(session, deputy, wide.id, now=office.clock.now(), rules=WHOLE_DAY)

    def test_play_now_is_no_way_around_it(self, office: Office, chiefs: tuple[Actor, Actor]) -> None:
        chief, _ = chiefs
        both = [office.commune, office.foreign]
        with pytest.raises(SecondPersonNeeded):
            office.play_now(chief, areas=both, priority=Priority.EMERGENCY)
        office.play_now(chief, areas=both)

    def test_a_reason_lets_it_sound_at_once_and_stays_on_record(
        self, office: Office, chiefs: tuple[Actor, Actor]
    ) -> None:
        chief, _ = chiefs
        reason = "Vỡ đê, không gọi được ai"
        ordered = order(office, chief, audience=Audience((chief.area_id,)), alone_because=reason)
        assert len(office.step("emergency")) == 4
        assert stored(office, ordered).alone_because == reason
        with Session(office.engine) as session:
            row = session.exec(select(AuditRow).where(AuditRow.subject == ordered.id)).one()
        assert row.detail["alone_because"] == reason

    def test_whoever_proposes_it_is_not_the_second_person(
        self, office: Office, chiefs: tuple[Actor, Actor]
    ) -> None:
        chief, deputy = chiefs
        draft = order(office, chief, audience=Audience((chief.area_id,)), draft=True)
        for nobody in (chief, office.officer):
            with Session(office.engine) as session, session.begin():
                writing(session)
                with pytest.raises((OwnDraft, NotFound)):
                    service.approve(session, nobody, draft.id, now=office.clock.now(), rules=WHOLE_DAY)
        assert office.step("emergency") == []
        with Session(office.engine) as session, session.begin():
            writing(session)
            service.approve(session, deputy, draft.id, now=office.clock.now(), rules=WHOLE_DAY)
        assert len(office.step("emergency")) == 4
        approved = stored(office, draft)
        assert (approved.proposed_by, approved.ordered_by) == (chief.person_id, deputy.person_id)

    @pytest.mark.parametrize("mode", [Mode.DRILL, Mode.TEST])
    def test_what_says_in_the_sound_that_it_is_not_real_needs_no_second_person(
        self, office: Office, mode: Mode
    ) -> None:
        with Session(office.engine) as session:
            province = session.exec(select(Area).where(Area.kind == AreaKind.PROVINCE)).one()
        require_second_person(province, mode, alone_because="")


def test_the_roll_call_counts_by_hamlet_and_names_the_silent_with_a_phone(office: Office) -> None:
    with Session(office.engine) as session, session.begin():
        session.get_one(Gateway, "g4").keeper_name = "Thạch Sơn"
        session.get_one(Gateway, "g4").keeper_phone = "0912 345 678"
    office.births("g1", "g2", "g3")
    emergency = order(office)
    office.step()
    (sound,) = sounds(office, emergency)
    heard(office, sound.id, "g1")
    office.tell("g1", Event.PLAYED, sound.id, played_ms=10_000, expected_ms=10_000)
    heard(office, sound.id, "g2")
    office.tell("g3", Event.RECEIVED, sound.id)

    def called() -> tuple[dict[str, dict[str, int]], list[tuple[str, str, str]], tuple[int, int]]:
        with Session(office.engine) as session:
            found = roll_call(session, stored(office, emergency), now=office.clock.now(), within="/")
        counts = {
            hamlet.name: {phase.value: count for phase, count in hamlet.counts.items() if count}
            for hamlet in found.hamlets
        }
        silent = [(each.answer.gateway_id, each.person, each.phone) for each in found.silent]
        return counts, silent, (found.count(Phase.SOUNDING, Phase.FINISHED), found.count())

    counts = {"Ấp 1": {"sounding": 1, "finished": 1}, "Ấp 2": {"sent": 1, "received": 1}}
    assert called() == (counts, [], (2, 4))
    office.clock.pass_time(10)
    assert called() == (
        counts,
        [("g3", "Thạch Sơn", "0912 345 678"), ("g4", "Thạch Sơn", "0912 345 678")],
        (2, 4),
    )
    office.tell("g4", Event.FAILED, sound.id, reason="no_device")
    assert called()[0]["Ấp 2"] == {"received": 1, "failed": 1}


def test_a_drill_ends_by_itself_once_it_has_sounded(office: Office) -> None:
    prepare(office, "drill_opening", "b1" * 32)
    drill = order(office, mode=Mode.DRILL, audience=Audience((), ("g1",)))
    office.step()
    go_on(office)
    assert stored(office, drill).state is EmergencyState.ACTIVE
    heard(office, sounds(office, drill)[0].id, "g1")
    office.tell("g1", Event.PLAYED, sounds(office, drill)[0].id, played_ms=13_000, expected_ms=13_000)
    go_on(office)
    assert stored(office, drill).ending is Ending.FINISHED


def test_a_commune_sees_what_the_province_lets_sound_in_it_and_its_own_gateways_of_it(office: Office) -> None:
    with Session(office.engine) as session, session.begin():
        province = session.exec(select(Area).where(Area.kind == AreaKind.PROVINCE)).one()
        elsewhere = add_area(
            session,
            code="H9",
            kind=AreaKind.HAMLET,
            name="Ấp 9",
            parent=session.get_one(Area, office.foreign.id),
            valid_from=province.valid_from,
        )
        session.get_one(Gateway, "g4").area_id = hamlet = elsewhere.id
        chief = Actor(None, "chief", Role.ADMIN, province.id, province.path)
    reason = "Nước lên trong đêm"
    everywhere = order(office, chief, audience=Audience((chief.area_id,)), alone_because=reason)
    only_there = order(office, chief, audience=Audience((hamlet,)))
    office.step()
    with Session(office.engine) as session:
        seen = service.emergencies_of(session, office.commune.path)
        assert [each.id for each in seen] == [everywhere.id]
        assert {each.id for each in service.emergencies_of(session, chief.area_path)} == {
            everywhere.id,
            only_there.id,
        }
        here = roll_call(session, seen[0], now=office.clock.now(), within=office.commune.path)
    assert [hamlet.name for hamlet in here.hamlets] == ["Ấp 1", "Ấp 2"]
    assert here.total == 3
