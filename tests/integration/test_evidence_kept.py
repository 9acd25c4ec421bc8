"""What a probe heard, and faults that gateways report of themselves, from the report to the database."""

from datetime import timedelta

from sqlmodel import Session
from support.office import Office

from controller.gateways.faults import faults_of, open_faults
from wire.types import Event, Fault, Sound


def faults(office: Office) -> list[tuple[str, str]]:
    with Session(office.engine) as session:
        return [(gateway.id, fault.reason) for fault, gateway in open_faults(session, "")]


def test_a_delivery_keeps_what_the_probe_heard(office: Office) -> None:
    broadcast = office.play_now(gateways=["g1", "g2"])
    office.step()
    length = {"played_ms": broadcast.duration_ms, "expected_ms": broadcast.duration_ms}
    office.tell(
        "g1",
        Event.PLAYED,
        broadcast.id,
        **length,
        rms_db=-19.2,
        sound=Sound.NOT_CONFIRMED,
        sound_confidence=0.0,
    )
    office.tell("g2", Event.PLAYED, broadcast.id, **length)
    kept = office.deliveries(broadcast.id)
    first, second = kept["g1"], kept["g2"]
    assert (first.state, first.sound, first.sound_confidence) == ("played", Sound.NOT_CONFIRMED, 0.0)
    assert first.rms_db == -19.2
    assert (second.state, second.sound, second.sound_confidence) == ("played", None, None)


def test_a_fault_is_open_until_its_gateway_says_that_it_is_over(office: Office) -> None:
    message = office.reports(
        "g1", office.report("g1", Event.FAULT, reason=Fault.SOUND_WHILE_IDLE, detail="-30 dBFS")
    )
    office.hear(message, message)
    office.tell("g1", Event.FAULT, reason=Fault.SOUND_WHILE_IDLE)
    office.tell("g2", Event.FAULT_OVER, reason=Fault.SOUND_WHILE_IDLE)
    assert faults(office) == [("g1", Fault.SOUND_WHILE_IDLE)]
    began_at = office.clock.now()
    office.clock.pass_time(60)
    office.tell("g1", Event.FAULT_OVER, reason=Fault.SOUND_WHILE_IDLE)
    assert faults(office) == []
    with Session(office.engine) as session:
        (over,) = faults_of(session, "g1")
    assert (over.detail, over.began_at) == ("-30 dBFS", began_at)
    assert over.ended_at == began_at + timedelta(seconds=60)


def test_different_faults_stand_beside_each_other_and_open_ones_come_first(office: Office) -> None:
    for event, reason in (
        (Event.FAULT, Fault.SOUND_WHILE_IDLE),
        (Event.FAULT, Fault.SELF_TEST),
        (Event.FAULT_OVER, Fault.SELF_TEST),
        (Event.FAULT, "what a newer agent says"),
    ):
        office.clock.pass_time(60)
        office.tell("g1", event, reason=reason)
    with Session(office.engine) as session:
        listed = [(fault.reason, fault.ended_at is None) for fault in faults_of(session, "g1")]
    assert listed == [
        ("what a newer agent says", True),
        (Fault.SOUND_WHILE_IDLE, True),
        (Fault.SELF_TEST, False),
    ]


def test_staff_see_faults_of_their_own_area_only(office: Office) -> None:
    office.tell("g1", Event.FAULT, reason=Fault.SELF_TEST)
    with Session(office.engine) as session:
        assert len(open_faults(session, office.officer.area_path)) == 1
        assert open_faults(session, "/no-such-area/") == []
