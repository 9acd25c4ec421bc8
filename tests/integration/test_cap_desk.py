"""Alerts from elsewhere become drafts, sound by policy, make way for newer ones, and end when over."""

from concurrent.futures import wait

import pytest
from sqlmodel import Session, select
from support.alerts import (
    AROUND_THE_COMMUNE,
    Signer,
    alert_xml,
    area_xml,
    at,
    info_xml,
)
from support.office import Office
from support.watch import ALERT, CANCEL, UPDATE, Watch, after

from controller.cap.intake import Bringer
from controller.cap.models import FeedKind
from controller.cap.outbound import Fetched, FetchFailed, Limits
from controller.cap.polling import CapPoller
from controller.cap.refusal import Refusal
from controller.db import writing
from controller.emergencies import ending
from controller.emergencies.models import EmergencySource, Ending
from controller.gateways.rules import HouseRules
from controller.people.models import Person, Role
from controller.tables import Broadcast, CapFeed, Emergency
from schedules.quiet_hours import QuietHours
from wire.messages import Cancel, Play
from wire.types import Event, Mode

pytestmark = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
"""What depends on the database is in `test_cap_order`."""


@pytest.fixture
def watch(office: Office) -> Watch:
    office.births()
    office.step()
    return Watch(office)


def test_a_strong_alert_sounds_by_policy_in_the_commune_that_it_names(watch: Watch) -> None:
    watch.take(watch.feed(), ALERT)
    assert watch.played() == [(each, "Bão số 9 vào gần bờ") for each in watch.office.gateway_ids]
    (emergency,) = watch.emergencies("KTTV-1")
    assert (emergency.source, emergency.level, emergency.ordered_by) == (EmergencySource.CAP, 4, None)
    assert emergency.until_at == after(hours=3)
    said = "Bão mạnh. Bão số 9 vào gần bờ. Gió giật cấp 12. Bà con chằng chống nhà cửa."
    assert [each.text for each in watch.spoken] == [said]


def test_a_weaker_one_is_a_draft_that_waits_for_one_approval(watch: Watch) -> None:
    watch.take(watch.feed(), alert_xml(severity="Moderate"))
    assert watch.standing() == {"KTTV-1": ("in_force", "below_threshold")}
    assert watch.states("KTTV-1") == [("draft", None)]
    assert watch.played() == []
    watch.approve("KTTV-1")
    assert len(watch.played()) == 4


def test_a_shape_means_the_gateways_that_stand_in_it(watch: Watch) -> None:
    areas = area_xml(circles=["9.556,106.166 0.5"], geocodes=[])
    watch.take(watch.feed(), alert_xml(areas=areas))
    assert [gateway_id for gateway_id, _ in watch.played()] == ["g1"]
    (row,) = watch.audited("draft_cap")
    assert row.detail["audiences"] == [{"areas": [], "gateways": ["g1"]}]
    assert row.detail["gateways_without_place"] == 1


def test_an_alert_for_nowhere_reaches_nobody(watch: Watch) -> None:
    areas = area_xml(polygons=["40,20 40,21 41,21 40,20"], geocodes=[("VN-GSO", "31679")])
    watch.take(watch.feed(), alert_xml(areas=areas), alert_xml("KTTV-2", areas=""))
    assert watch.standing() == {"KTTV-1": ("in_force", "nowhere"), "KTTV-2": ("in_force", "nowhere")}
    assert watch.played() == []


def test_each_place_hears_only_what_is_told_of_it(watch: Watch) -> None:
    storm = info_xml(areas=area_xml(geocodes=[("VN-GSO", "H1")]))
    rain = info_xml(headline="Mưa lớn", areas=area_xml(geocodes=[("VN-GSO", "H2")]))
    watch.take(watch.feed(), alert_xml(infos=storm + rain))
    assert watch.played() == [
        ("g1", "Bão số 9 vào gần bờ"),
        ("g2", "Bão số 9 vào gần bờ"),
        ("g3", "Mưa lớn"),
        ("g4", "Mưa lớn"),
    ]


def test_other_bytes_under_the_same_name_are_put_aside_and_on_record(watch: Watch) -> None:
    feed = watch.feed()
    watch.desk.take(feed, ALERT)
    watch.take(feed, alert_xml(headline="Không có bão"))
    assert watch.standing() == {"KTTV-1": ("in_force", "contested")}
    assert watch.states("KTTV-1") == [("draft", None)], "which of the two is right a person has to say"
    assert watch.emergencies("KTTV-1")[0].title == "Bão số 9 vào gần bờ"
    assert len(watch.audited("contest_cap")) == 1


def test_an_update_that_waits_for_a_person_silences_what_is_stale(watch: Watch) -> None:
    feed = watch.feed()
    watch.take(feed, ALERT)
    with Session(watch.office.engine) as session, session.begin():
        session.get_one(CapFeed, feed).certificate_pem = Signer.make().pem
    watch.office.clock.pass_time(60)
    watch.take(feed, UPDATE)
    assert watch.states("KTTV-1") == [("active", None)], "what is not signed takes nothing back"
    assert watch.states("KTTV-2") == [("draft", None)]


def test_an_update_carries_on_what_an_officer_let_sound(watch: Watch) -> None:
    feed = watch.feed(auto_level=None)
    watch.take(feed, ALERT)
    watch.approve("KTTV-1")
    watch.played()
    watch.office.clock.pass_time(60)
    watch.take(feed, UPDATE)
    assert len(watch.played()) == 4
    assert watch.states("KTTV-1") == [("ended", "superseded")]


def test_an_update_of_a_draft_is_a_draft_in_its_place(watch: Watch) -> None:
    feed = watch.feed(auto_level=None)
    watch.take(feed, ALERT)
    watch.office.clock.pass_time(60)
    watch.take(feed, UPDATE)
    assert watch.states("KTTV-1") == [("ended", "finished")]
    assert watch.states("KTTV-2") == [("draft", None)]


def test_a_cancel_silences_at_once_and_the_end_is_told_where_it_was_heard(watch: Watch) -> None:
    feed = watch.feed()
    watch.take(feed, ALERT)
    watch.played()
    with Session(watch.office.engine) as session:
        (sound,) = session.exec(select(Broadcast)).all()
    watch.office.tell("g1", Event.PLAYING, sound.id, started_at=watch.office.clock.now())
    watch.office.clock.pass_time(120)
    watch.desk.take(feed, CANCEL)  # without a step: nothing has to be waited for
    cancels = [each for each in watch.office.step("emergency") if isinstance(each.message, Cancel)]
    assert {each.gateway_id for each in cancels} == set(watch.office.gateway_ids)
    assert watch.states("KTTV-1") == [("ended", "all_clear")]
    assert watch.audited("end_all_clear")[0].detail["heard"] == 1


def test_a_cancel_of_a_draft_ends_it_in_silence(watch: Watch) -> None:
    feed = watch.feed(auto_level=None)
    watch.take(feed, ALERT)
    watch.office.clock.pass_time(120)
    watch.take(feed, CANCEL)
    assert watch.states("KTTV-1") == [("ended", "finished")]
    assert watch.played() == []


def test_an_update_before_its_alert_waits_and_the_stale_one_never_sounds(watch: Watch) -> None:
    feed = watch.feed()
    watch.office.clock.pass_time(60)
    watch.take(feed, UPDATE)
    assert watch.standing() == {"KTTV-2": ("in_force", "orphan")}
    assert watch.played() == []
    watch.take(feed, ALERT)
    assert {title for _, title in watch.played()} == {"Bão số 9 đổ bộ"}
    assert watch.standing()["KTTV-1"] == ("superseded", None)


def test_nothing_begins_at_or_after_its_end_and_repeats_stop(watch: Watch) -> None:
    feed = watch.feed(repeat_minutes=30)
    watch.office.clock.pass_time(3 * 3600)
    watch.take(feed, ALERT)
    assert watch.standing() == {"KTTV-1": ("expired", None)}
    last = alert_xml("KTTV-9", sent=at(after(hours=3)), expires=at(after(hours=4)))
    watch.take(feed, last)
    assert len(watch.played()) == 3 * 4, "now, in half an hour, in an hour, and none after that"
    watch.step(3600)
    assert watch.played() == []
    assert watch.states("KTTV-9") == [("ended", "expired")]
    assert watch.standing()["KTTV-9"] == ("expired", None)


def test_what_begins_later_is_a_draft_until_then(watch: Watch) -> None:
    feed = watch.feed()
    watch.take(feed, alert_xml(onset=at(after(hours=1)), expires=at(after(hours=2))))
    assert watch.states("KTTV-1") == [("draft", None)]
    watch.step(3599)
    assert watch.played() == []
    watch.restarted()
    watch.step(1)
    assert len(watch.played()) == 4


def test_a_test_is_never_heard_as_real(watch: Watch) -> None:
    feed = watch.feed()
    watch.take(feed, alert_xml(status="Test"))
    assert watch.standing() == {"KTTV-1": ("in_force", "nothing_prepared")}, "it cannot say that it is a test"
    watch.prepare("test_opening")
    watch.step(300)
    (emergency,) = watch.emergencies("KTTV-1")
    assert (emergency.mode, emergency.state.value) == (Mode.TEST, "draft")
    assert len(emergency.clips) == 2
    watch.approve("KTTV-1")
    sent = [each.message for each in watch.office.step("emergency") if isinstance(each.message, Play)]
    assert {each.item.mode for each in sent} == {Mode.TEST}


def test_drills_are_ignored_where_they_are_not_wanted(watch: Watch) -> None:
    watch.take(watch.feed(drills=False), alert_xml(status="Exercise"))
    assert watch.standing() == {"KTTV-1": ("ignored", "no_drills")}


def test_a_test_waits_for_the_end_of_the_quiet_hours(office: Office) -> None:
    watch = Watch(office, rules=HouseRules(QuietHours(), longest_ms=3_600_000))
    watch.prepare("test_opening")
    feed = watch.feed()
    office.clock.pass_time(10 * 3600)
    watch.take(feed, alert_xml(status="Test", sent=at(after(hours=10)), expires=at(after(hours=20))))
    assert watch.standing() == {"KTTV-1": ("in_force", "in_quiet_hours")}
    watch.step(7.1 * 3600)
    assert watch.states("KTTV-1") == [("draft", None)]


def test_languages_are_said_in_order_and_what_no_voice_speaks_is_kept_in_writing(watch: Watch) -> None:
    both = info_xml(language="km", headline="ព្យុះ") + info_xml()
    watch.take(watch.feed(), alert_xml(infos=both))
    assert [each.language for each in watch.spoken] == ["vi", "km"]
    assert watch.row("KTTV-1").unspoken == ["km"]
    (emergency,) = watch.emergencies("KTTV-1")
    assert len(emergency.clips) == 1
    assert "ព្យុះ" in emergency.text


def test_an_alert_that_no_voice_speaks_asks_for_a_person(watch: Watch) -> None:
    watch.take(watch.feed(), alert_xml(language="km"))
    assert watch.standing() == {"KTTV-1": ("in_force", "no_voice")}
    watch.voices = ("vi", "km")
    watch.step(300)
    assert watch.states("KTTV-1") == [("active", None)]


@pytest.mark.parametrize("kind", [FeedKind.MQTT, FeedKind.HTTP])
def test_a_signed_alert_counts_only_with_the_pinned_certificate(watch: Watch, kind: FeedKind) -> None:
    signer, stranger = Signer.make(), Signer.make()
    feed = watch.feed(kind=kind, certificate_pem=signer.pem)
    forged, tampered = stranger.sign(ALERT), signer.sign(ALERT).replace(b"12", b"17")
    for each in (forged, tampered):
        (outcome,) = watch.take(feed, each)
        assert outcome.refused is not None
        assert outcome.refused.refusal is Refusal.BAD_SIGNATURE
    assert watch.rows() == []
    watch.take(feed, ALERT)
    assert watch.standing() == {"KTTV-1": ("in_force", "unproven")}
    assert watch.states("KTTV-1") == [("draft", None)]
    (unproven,) = watch.emergencies("KTTV-1")
    watch.take(feed, signer.sign(ALERT))
    assert watch.row("KTTV-1").proven
    with Session(watch.office.engine) as session:
        assert session.get_one(Emergency, unproven.id).ending is Ending.FINISHED, "nobody may approve it now"
    assert len(watch.played()) == 4


def test_an_alert_that_someone_brought_for_less_is_drafted_anew_when_its_sender_sends_it(
    watch: Watch,
) -> None:
    officer = watch.office.hamlets[0]
    with Session(watch.office.engine) as session, session.begin():
        writing(session)
        person = Person(username="hoa", name="Hoa", role=Role.OFFICER, area_id=officer.id, password_hash="-")
        session.add(person)
        session.flush()
        person_id = person.id
        watch.desk.take_in(session, Bringer(officer.id, None, person_id), ALERT)
    watch.step()
    (brought,) = watch.emergencies("KTTV-1")
    assert brought.proposed_by == person_id, "for more than a commune, somebody else approves it"
    assert (brought.state.value, brought.audience["areas"]) == ("draft", [officer.id])
    watch.take(watch.feed(), ALERT)
    assert len(watch.played()) == 4
    (proven,) = watch.emergencies("KTTV-1")
    assert (proven.audience["areas"], proven.proposed_by) == ([watch.office.commune.id], None)


def test_a_plain_way_proves_nobody(watch: Watch) -> None:
    for number, (kind, url) in enumerate(((FeedKind.MQTT, None), (FeedKind.HTTP, "http://a.example/"))):
        feed = watch.feed(f"feed {number}", kind=kind, url=url)
        watch.take(feed, alert_xml(f"KTTV-{number}"))
        assert watch.standing()[f"KTTV-{number}"] == ("in_force", "unproven")
    assert watch.played() == []


def test_a_sender_who_is_not_on_the_list_is_refused_and_on_record_once(watch: Watch) -> None:
    feed = watch.feed()
    for _ in range(3):
        (outcome,) = watch.take(feed, alert_xml(sender="someone@else.example"))
        assert outcome.refused is not None
        assert outcome.refused.refusal is Refusal.UNKNOWN_SENDER
    assert len(watch.audited("refuse_cap")) == 1
    assert "someone@else.example" in watch.feed_row(feed).problem


def test_a_heartbeat_is_a_sign_of_life_and_nothing_else(watch: Watch) -> None:
    feed = watch.feed(interval_s=60)
    watch.step(181)
    assert watch.feed_row(feed).silent_since is not None
    watch.take(feed, alert_xml("beat", status="System", sent=at(after(minutes=3))))
    assert watch.feed_row(feed).silent_since is None
    assert watch.rows() == []


def test_a_feed_that_misses_three_intervals_is_a_fault_within_a_hundred_seconds(watch: Watch) -> None:
    feed = watch.feed(kind=FeedKind.HTTP, url="https://a.example/", interval_s=60)
    watch.step(180)
    assert watch.feed_row(feed).silent_since is None
    watch.step(5)
    assert watch.feed_row(feed).silent_since == after(minutes=3)
    assert len(watch.audited("cap_feed_silent")) == 1
    watch.step(5)
    watch.desk.note(feed, reached=True)
    watch.step(1)
    assert watch.feed_row(feed).silent_since is None
    assert len(watch.audited("cap_feed_back")) == 1


class Web:
    """One host with one alert, that may be away."""

    def __init__(self) -> None:
        self.is_there, self.asked = True, 0

    def __call__(
        self, url: str, limits: Limits, *, etag: str | None = None, modified: str | None = None
    ) -> Fetched:
        self.asked += 1
        assert limits.hosts == {"alerts.example"}
        assert url == "https://alerts.example/feed"
        if not self.is_there:
            raise FetchFailed("alerts.example: timed out")
        return Fetched() if etag else Fetched(ALERT, '"1"', modified)


def test_a_feed_is_asked_in_its_interval_and_its_outage_is_noticed_from_the_third_miss(watch: Watch) -> None:
    feed = watch.feed(kind=FeedKind.HTTP, url="https://alerts.example/feed", interval_s=60)
    web = Web()
    poller = CapPoller(engine=watch.office.engine, clock=watch.office.clock, desk=watch.desk, fetching=web)
    silent_after: list[int] = []
    for second in range(0, 481, 5):
        wait(poller.ask_due())
        watch.desk.step()
        if second == 120:
            web.is_there = False
        if watch.feed_row(feed).silent_since is not None:
            silent_after.append(second - 120)
        watch.office.clock.pass_time(5)
    poller.stop()
    assert web.asked == 9
    assert len(watch.played()) == 4, "it was heard, and once"
    assert silent_after[0] - 3 * 60 <= 100, "within 100 s of the third miss"
    assert watch.feed_row(feed).problem == "alerts.example: timed out"


def test_an_alert_says_nothing_beyond_its_feeds_area(watch: Watch) -> None:
    feed = watch.feed(area_id=watch.office.hamlets[0].id)
    watch.take(feed, ALERT)
    assert [gateway_id for gateway_id, _ in watch.played()] == ["g1", "g2"]
    foreign = watch.feed("foreign", area_id=watch.office.foreign.id)
    watch.take(foreign, alert_xml("KTTV-7", areas=area_xml(polygons=[AROUND_THE_COMMUNE])))
    assert watch.standing()["KTTV-7"] == ("in_force", "nowhere")


def test_an_emergency_that_people_ended_is_not_begun_again(watch: Watch) -> None:
    watch.take(watch.feed(), ALERT)
    watch.played()
    with Session(watch.office.engine) as session, session.begin():
        writing(session)
        (emergency_id,) = watch.row("KTTV-1").emergency_ids
        now = watch.office.clock.now()
        ending.end(session, watch.office.officer, emergency_id, Ending.STOPPED, now=now)
    watch.step(600)
    assert watch.played() == []
    assert watch.standing() == {"KTTV-1": ("in_force", None)}
