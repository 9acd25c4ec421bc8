"""What we tell others is valid CAP 1.2 by the rules of Google Public Alerts, and reads back as it was."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clocks import NOON

from controller.cap.alert import Alert, Geocode, MsgType, Severity, Status
from controller.cap.atom import read_entries
from controller.cap.reading import read
from controller.cap.shapes import Circle, Place
from controller.cap.telling import Publisher, Told, ToldArea, feed, message, numbers_of
from controller.cap.xml import parse, read_alert, to_bytes, to_node
from controller.emergencies.models import Emergency, EmergencySource, EmergencyState, Ending
from wire.types import Mode

US = Publisher("loacast@trande.example", "UBND xã Trần Đề", "https://trande.example")
COMMUNE = ToldArea("Xã Trần Đề", code="31673")


def emergency(id_: str = "e1", **how: Any) -> Emergency:
    plain: dict[str, Any] = {
        "id": id_,
        "area_id": 1,
        "title": "Nước lên nhanh",
        "text": "Bà con ấp Chợ lên chỗ cao ngay.",
        "mode": Mode.ACTUAL,
        "source": EmergencySource.TEXT,
        "state": EmergencyState.ACTIVE,
        "hazard": "flood",
        "level": 4,
        "created_at": NOON + timedelta(microseconds=77),
        "until_at": NOON + timedelta(hours=2),
        "ordered_by": 1,
        "audience": {"areas": [1], "gateways": []},
    }
    return Emergency(**(plain | how))


def told(found: Emergency, *replaces: Emergency, number: int = 1) -> Alert:
    raw = to_bytes(message(Told(found, (COMMUNE,), replaces), number, US))
    return read(read_alert(parse(raw), allow_11=False))


def against_google(alert: Alert) -> list[str]:
    """Return what Google's profile has against an alert (google/cap-library, GoogleProfile.java)."""
    faults = []
    for info in alert.infos:
        faults += ["no description"] * (not info.description)
        faults += ["no expires"] * (info.expires_at is None)
        faults += ["long headline"] * (not 0 < len(info.headline) < 140)
        faults += ["ends early"] * (
            None not in {info.effective_at, info.expires_at} and info.effective_at > info.expires_at  # type: ignore[operator]
        )
        faults += ["no area"] * (not any(area.shapes or area.geocodes for area in info.areas))
    return faults + ["no info"] * (not alert.infos) + ["a test"] * (alert.status is Status.TEST)


def test_an_emergency_is_an_alert_that_reads_back_as_it_was() -> None:
    alert = told(emergency())
    (info,) = alert.infos
    assert (alert.key.identifier, alert.key.sent_at) == ("loacast.e1.1", NOON)
    assert (alert.status, alert.msg_type, alert.references) == (Status.ACTUAL, MsgType.ALERT, ())
    assert (info.severity, info.level, info.headline) == (Severity.SEVERE, 4, "Nước lên nhanh")
    assert info.expires_at == NOON + timedelta(hours=2)
    assert info.areas[0].geocodes == (Geocode("VN-GSO", "31673"),)
    assert against_google(alert) == []


def test_one_that_replaces_another_is_an_update_of_it() -> None:
    older = emergency("e0", state=EmergencyState.ENDED, ending=Ending.SUPERSEDED)
    alert = told(emergency(created_at=NOON + timedelta(hours=1)), older)
    assert (alert.msg_type, alert.references) == (MsgType.UPDATE, (told(older).key,))


@pytest.mark.parametrize("ending", [Ending.ALL_CLEAR, Ending.FALSE_ALARM, Ending.STOPPED])
def test_one_that_was_taken_back_is_cancelled(ending: Ending) -> None:
    over = emergency(state=EmergencyState.ENDED, ending=ending, ended_at=NOON + timedelta(minutes=9))
    assert list(numbers_of(over)) == [1, 2]
    cancel = told(over, number=2)
    assert (cancel.msg_type, cancel.references, cancel.note) == (MsgType.CANCEL, (told(over).key,), ending)
    assert against_google(cancel) == []


def test_one_that_is_over_by_itself_or_was_replaced_has_no_cancel_and_a_draft_has_nothing() -> None:
    for ending in (Ending.EXPIRED, Ending.SUPERSEDED, Ending.FINISHED):
        assert list(numbers_of(emergency(state=EmergencyState.ENDED, ending=ending))) == [1]
    assert not numbers_of(emergency(state=EmergencyState.DRAFT, ordered_by=None))
    turned_down = emergency(state=EmergencyState.ENDED, ending=Ending.FINISHED, ordered_by=None)
    assert not numbers_of(turned_down)


@pytest.mark.parametrize(("mode", "status"), [(Mode.TEST, Status.TEST), (Mode.DRILL, Status.EXERCISE)])
def test_what_is_not_real_says_so(mode: Mode, status: Status) -> None:
    assert told(emergency(mode=mode)).status is status


def test_a_single_gateway_is_told_by_where_it_stands() -> None:
    areas = (ToldArea("Cầu kênh Ba", place=Place(9.54, 106.15)),)
    raw = to_bytes(message(Told(emergency(), areas), 1, US))
    alert = read(read_alert(parse(raw), allow_11=False))
    assert alert.infos[0].areas[0].shapes == (Circle(Place(9.54, 106.15), 0.5),)


@given(
    st.text(min_size=1, max_size=160).filter(lambda text: any(each.isalnum() for each in text)),
    st.text(max_size=300),
    st.sampled_from([None, 1, 2, 3, 4, 5]),
    st.sampled_from(Mode),
)
def test_whatever_people_write_it_is_a_valid_alert(
    title: str, text: str, level: int | None, mode: Mode
) -> None:
    alert = told(emergency(title=title, text=text, level=level, mode=mode))
    assert alert.infos[0].level == level


def test_the_feed_points_to_every_message_the_newest_first() -> None:
    over = emergency("e2", state=EmergencyState.ENDED, ending=Ending.ALL_CLEAR, ended_at=NOON)
    raw = to_bytes(feed([over, emergency()], US, NOON))
    urls = [each.url for each in read_entries(to_node(parse(raw)), "https://trande.example/")]
    assert urls == [US.url_of("e2", 2), US.url_of("e2", 1), US.url_of("e1", 1)]
