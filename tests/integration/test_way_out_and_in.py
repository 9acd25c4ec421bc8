"""From an order to its proof, over a real database, with a clock that stands still."""

from datetime import timedelta
from itertools import pairwise

import pytest
from sqlmodel import Session, select
from support.office import Office
from support.speaking import Speaker

from controller.gateways.models import Connectivity, SecurityEvent
from controller.outbox import due
from wire.messages import Beat, Cancel, Plan, Play, Receipt, Stop
from wire.mqtt import NotConnected
from wire.types import Event, Priority


def test_play_now_orders_each_gateway_of_the_audience_and_no_other(office: Office) -> None:
    broadcast = office.play_now(areas=[office.hamlets[0]])
    sent = office.step("order")
    assert [each.gateway_id for each in sent if isinstance(each.message, Play)] == ["g1", "g2"]
    assert office.states(broadcast.id) == {"g1": "sent", "g2": "sent"}


def test_an_emergency_goes_on_its_own_topic_with_the_boot_nonce(office: Office) -> None:
    office.births("g1")
    office.play_now(gateways=["g1"], priority=Priority.EMERGENCY)
    (sent,) = office.step("emergency")
    assert sent.message.boot is not None


def test_an_order_is_sent_again_until_it_is_confirmed_each_time_under_a_new_id(office: Office) -> None:
    office.births("g1")
    broadcast = office.play_now(gateways=["g1"])
    orders = []
    for _ in range(4):
        orders += [each.message for each in office.step("order") if isinstance(each.message, Play)]
        office.clock.pass_time(5)
    assert len(orders) == 4
    assert len({order.id for order in orders}) == 4
    assert len({order.order_id for order in orders}) == 1
    assert [order.seq for order in orders] == sorted({order.seq for order in orders})
    office.tell("g1", Event.RECEIVED, broadcast.id, orders=(orders[0].order_id,))
    office.clock.pass_time(60)
    assert not [each for each in office.step("order") if isinstance(each.message, Play)]
    assert office.waiting(orders[0].order_id) == set()


def test_an_order_killed_between_sending_and_noting_it_goes_out_again(office: Office) -> None:
    broadcast = office.play_now(gateways=["g1", "g2"])
    office.publisher.connected = False
    with pytest.raises(NotConnected):
        office.dispatcher._send_orders(office.clock.now())
    assert office.states(broadcast.id) == {"g1": "planned", "g2": "planned"}
    office.publisher.connected = True
    office.dispatcher = office.new_dispatcher()
    assert len([each for each in office.step("order") if isinstance(each.message, Play)]) == 2


def test_an_order_that_expired_is_not_sent_any_more(office: Office) -> None:
    office.publisher.connected = False
    broadcast = office.play_now(gateways=["g1"])
    office.step()
    office.clock.pass_time(121)
    office.publisher.connected = True
    assert not [each for each in office.step("order") if isinstance(each.message, Play)]
    office.clock.pass_time(120)
    office.step()
    assert office.states(broadcast.id) == {"g1": "expired"}


def test_a_gateway_that_is_away_is_not_flooded_and_gets_its_order_when_it_comes_back(office: Office) -> None:
    office.births("g1")
    office.dies("g1")
    office.play_now(gateways=["g1"])
    sent = 0
    for _ in range(10):
        sent += len([each for each in office.step("order") if isinstance(each.message, Play)])
        office.clock.pass_time(5)
    assert sent == 1
    office.births("g1")
    assert [each for each in office.step("order") if isinstance(each.message, Play)]


def test_a_gateway_that_is_heard_again_by_a_report_gets_its_order_as_well(office: Office) -> None:
    office.births("g1")
    office.dies("g1")
    office.play_now(gateways=["g1"])
    office.step()
    office.clock.pass_time(10)
    office.tell("g1", Event.PLAN_STORED, plan_version=1)
    assert [each for each in office.step("order") if isinstance(each.message, Play)]


def test_an_order_handed_over_while_its_gateway_came_back_is_sent_again_soon(office: Office) -> None:
    office.births("g1")
    office.dies("g1")
    office.play_now(gateways=["g1"])
    with Session(office.engine) as session:
        orders, wanted = due.due_orders(session, office.clock.now())
    office.births("g1")
    with Session(office.engine) as session, session.begin():
        due.note_orders_sent(session, wanted, orders, office.clock.now())
    office.clock.pass_time(6)
    assert [each for each in office.step("order") if isinstance(each.message, Play)]


def test_the_plan_holds_eight_days_of_a_daily_schedule(office: Office) -> None:
    office.schedule(dtstart="2026-11-24T17:30:00", rrule="FREQ=DAILY")
    plans = {each.gateway_id: each for each in office.step("plan")}
    assert set(plans) == set(office.gateway_ids)
    plan = plans["g1"].message
    assert isinstance(plan, Plan)
    assert plans["g1"].retain
    assert plan.exp - office.clock.now() >= timedelta(days=7)
    starts = [item.start_at for item in plan.items]
    assert len(starts) == 8
    assert {later - earlier for earlier, later in pairwise(starts)} == {timedelta(days=1)}


def test_a_stored_plan_makes_its_deliveries_received_and_ready_comes_after(office: Office) -> None:
    office.births()
    schedule = office.schedule(dtstart="2026-11-24T17:30:00")
    (broadcast,) = office.broadcasts_of(schedule)
    plan = office.step("plan")[0].message
    assert isinstance(plan, Plan)
    assert set(office.states(broadcast.id).values()) == {"sent"}
    office.tell("g1", Event.PLAN_STORED, plan_version=plan.version)
    assert office.states(broadcast.id)["g1"] == "received"
    office.tell("g1", Event.READY, broadcast.id)
    assert office.states(broadcast.id) == {"g1": "ready", "g2": "sent", "g3": "sent", "g4": "sent"}


def test_a_plan_stored_after_its_broadcast_was_cancelled_takes_nothing_back(office: Office) -> None:
    office.births("g1")
    schedule = office.schedule(dtstart="2026-11-24T17:30:00", how={"gateways": ["g1"]})
    (broadcast,) = office.broadcasts_of(schedule)
    plan = office.step("plan")[0].message
    assert isinstance(plan, Plan)
    office.hear(
        office.reports(
            "g1",
            office.report("g1", Event.CANCELLED, broadcast.id),
            office.report("g1", Event.PLAN_STORED, plan_version=plan.version),
        )
    )
    assert office.states(broadcast.id) == {"g1": "cancelled"}


def test_an_unconfirmed_plan_is_sent_again_with_a_higher_version(office: Office) -> None:
    office.births("g1")
    office.schedule(dtstart="2026-11-24T17:30:00", how={"gateways": ["g1"]})
    first = office.step("plan")[0].message
    office.clock.pass_time(5)
    second = office.step("plan")[0].message
    assert isinstance(first, Plan)
    assert isinstance(second, Plan)
    assert second.version == first.version + 1
    office.tell("g1", Event.PLAN_STORED, plan_version=second.version)
    office.clock.pass_time(60)
    assert office.step("plan") == []


def test_a_gateway_that_lost_its_plan_gets_it_again(office: Office) -> None:
    office.births("g1")
    office.schedule(dtstart="2026-11-24T17:30:00", how={"gateways": ["g1"]})
    plan = office.step("plan")[0].message
    assert isinstance(plan, Plan)
    office.tell("g1", Event.PLAN_STORED, plan_version=plan.version)
    office.births("g1", boot="01930000-0000-7000-8000-0000000000b1")  # its state says plan 0: a new disk
    assert [each.gateway_id for each in office.step("plan")] == ["g1"]


def test_what_played_is_told_once_however_often_it_is_reported(office: Office) -> None:
    office.births("g1")
    broadcast = office.play_now(gateways=["g1"])
    office.step()
    started = office.clock.pass_time(1)
    message = office.reports(
        "g1",
        office.report("g1", Event.PLAYING, broadcast.id, started_at=started),
        office.report(
            "g1", Event.PLAYED, broadcast.id, started_at=started, played_ms=10_000, expected_ms=10_000
        ),
    )
    office.hear(message, message)
    office.hear(message)
    delivery = office.deliveries(broadcast.id)["g1"]
    assert (delivery.state, delivery.played_ms, delivery.started_at) == ("played", 10_000, started)
    assert office.history(broadcast.id, "g1") == [("playing", "played")]
    assert office.state_of("g1").last_played_id == broadcast.id


def test_too_short_is_partial_whatever_the_gateway_calls_it(office: Office) -> None:
    broadcast = office.play_now(gateways=["g1"])
    office.step()
    office.tell("g1", Event.PLAYED, broadcast.id, played_ms=9_000, expected_ms=10_000)
    assert office.states(broadcast.id) == {"g1": "partial"}


def test_silence_becomes_unknown_and_the_journal_amends_it(office: Office) -> None:
    broadcast = office.play_now(gateways=["g1"])
    office.step()
    office.clock.pass_time(120 + 10 + 100 + 1)
    office.step()
    assert office.states(broadcast.id) == {"g1": "unknown"}
    office.tell("g1", Event.PLAYED, broadcast.id, played_ms=10_000, expected_ms=10_000)
    assert office.states(broadcast.id) == {"g1": "played"}
    assert office.history(broadcast.id, "g1") == [("sent", "unknown"), ("unknown", "played")]


def test_reports_are_receipted_after_the_commit_up_to_what_is_complete(office: Office) -> None:
    broadcast = office.play_now(gateways=["g1"])
    office.step()
    office.tell("g1", Event.RECEIVED, broadcast.id)
    lost = office.reports("g1", office.report("g1", Event.READY, broadcast.id))
    office.tell("g1", Event.PLAYING, broadcast.id)
    office.clock.pass_time(1)
    receipts = [each.message for each in office.step("order") if isinstance(each.message, Receipt)]
    # `oldest` of the third message says that the second was receipted before; only an agent whose controller
    # was restored says that, so the receipt goes up to it.
    assert [receipt.up_to for receipt in receipts] == [3]
    office.hear(lost)
    assert office.states(broadcast.id) == {"g1": "playing"}


def test_stop_is_ordered_of_every_gateway_that_may_still_sound(office: Office) -> None:
    office.births()
    broadcast = office.play_now(areas=[office.hamlets[0]])
    office.step()
    office.tell("g1", Event.PLAYED, broadcast.id, played_ms=10_000, expected_ms=10_000)
    from controller.broadcasts.ending import stop  # noqa: PLC0415 - the act under test
    from controller.db import writing  # noqa: PLC0415

    with Session(office.engine) as session, session.begin():
        writing(session)
        stop(session, office.officer, broadcast.id, now=office.clock.now())
    stops = [each for each in office.step() if isinstance(each.message, Stop)]
    assert [each.gateway_id for each in stops] == ["g2"]
    office.tell("g2", Event.CANCELLED, broadcast.id, reason="stopped", played_ms=4_000)
    assert office.states(broadcast.id) == {"g1": "played", "g2": "cancelled"}


def test_a_list_tells_what_had_sounded_before_it_was_stopped(office: Office) -> None:
    from controller.broadcasts.ending import stop  # noqa: PLC0415 - the act under test
    from controller.db import writing  # noqa: PLC0415
    from controller.web.listing import lines_of  # noqa: PLC0415
    from controller.web.places import Places  # noqa: PLC0415

    broadcast = office.play_now(areas=[office.hamlets[0]])
    office.step()
    office.tell("g1", Event.PLAYING, broadcast.id, started_at=office.clock.now())
    with Session(office.engine) as session, session.begin():
        writing(session)
        stop(session, office.officer, broadcast.id, now=office.clock.now())
    for gateway_id in ("g1", "g2"):
        office.tell(gateway_id, Event.CANCELLED, broadcast.id, reason="stopped")
    with Session(office.engine) as session:
        (line,) = lines_of(session, Places(session, office.commune.path), [broadcast])
    assert (line.summary, line.outcome.cut_short, line.outcome.total) == ("stopped", 1, 2)


def test_cancelling_takes_a_broadcast_out_of_the_plan_and_tells_those_who_have_it(office: Office) -> None:
    from controller.broadcasts.ending import cancel  # noqa: PLC0415 - the act under test
    from controller.db import writing  # noqa: PLC0415

    office.births()
    schedule = office.schedule(dtstart="2026-11-24T17:30:00", rrule="FREQ=DAILY")
    today, tomorrow, *_ = office.broadcasts_of(schedule)
    office.step()
    with Session(office.engine) as session, session.begin():
        writing(session)
        cancel(session, office.officer, today.id, now=office.clock.now())
    sent = office.step()
    assert {each.gateway_id for each in sent if isinstance(each.message, Cancel)} == set(office.gateway_ids)
    plan = next(each.message for each in sent if isinstance(each.message, Plan))
    assert plan.items[0].broadcast_id == tomorrow.id
    assert set(office.states(today.id).values()) == {"sent"}, "not cancelled until the gateway says so"
    office.tell("g1", Event.CANCELLED, today.id)
    assert office.states(today.id)["g1"] == "cancelled"


def test_what_was_never_sent_is_cancelled_at_once(office: Office) -> None:
    from controller.broadcasts.ending import cancel  # noqa: PLC0415 - the act under test
    from controller.db import writing  # noqa: PLC0415

    (broadcast,) = office.broadcasts_of(office.schedule(dtstart="2026-11-24T17:30:00"))
    with Session(office.engine) as session, session.begin():
        writing(session)
        cancel(session, office.officer, broadcast.id, now=office.clock.now())
    assert set(office.states(broadcast.id).values()) == {"cancelled"}


def test_the_horizon_moves_on_and_nothing_is_planned_twice(office: Office) -> None:
    schedule = office.schedule(dtstart="2026-11-24T17:30:00", rrule="FREQ=DAILY")
    for _ in range(48):
        office.clock.pass_time(3600)
        office.step()
    broadcasts = office.broadcasts_of(schedule)
    assert len(broadcasts) == 10
    assert len({each.start_at for each in broadcasts}) == 10


def test_what_was_due_while_the_controller_was_down_is_not_lost(office: Office) -> None:
    schedule = office.schedule(dtstart="2026-11-24T17:30:00", rrule="FREQ=DAILY")
    office.clock.pass_time(20 * 24 * 3600)
    office.dispatcher = office.new_dispatcher()
    office.step()
    assert len(office.broadcasts_of(schedule)) == 28


def test_a_will_counts_only_for_the_boot_that_it_was_written_by(office: Office) -> None:
    office.births("g1")
    office.dies("g1", boot="01930000-0000-7000-8000-0000000000ff")
    assert office.state_of("g1").online is True
    office.dies("g1")
    assert office.state_of("g1").online is False
    with Session(office.engine) as session:
        assert [row.online for row in session.exec(select(Connectivity))] == [True, False]


def test_a_gateway_that_says_nothing_for_long_is_offline_even_without_a_will(office: Office) -> None:
    office.births("g1")
    office.clock.pass_time(149)
    office.step()
    assert office.state_of("g1").online is True
    office.clock.pass_time(6)
    office.step()
    assert office.state_of("g1").online is False


def test_each_gateway_gets_a_beat_a_minute_with_what_is_open(office: Office) -> None:
    office.births()
    office.step()
    broadcast = office.play_now(gateways=["g1"])
    beats = []
    for _ in range(180):
        office.clock.pass_time(1)
        beats += office.step("beat")
    mine = [each.message for each in beats if each.gateway_id == "g1"]
    assert 2 <= len(mine) <= 4
    assert all(isinstance(beat, Beat) for beat in mine)
    assert mine[0].open_orders == (broadcast.id,)


def test_who_comes_back_is_told_the_time_within_two_seconds(office: Office) -> None:
    """It may have woken up in 1970, and until a beat says so nobody knows."""
    office.births()
    for _ in range(5):
        office.clock.pass_time(1)
        office.step()
    office.dies("g1")
    office.births("g1")
    told = []
    for _ in range(2):
        office.clock.pass_time(1)
        told += office.step("beat")
    assert "g1" in {each.gateway_id for each in told}


def test_gateways_are_told_at_once_who_may_speak_to_them_in_a_moment_and_when_that_is_over(
    office: Office,
) -> None:
    source = Speaker().source
    office.births()
    office.clock.pass_time(5)
    office.step()
    office.armed.enter(source, ["g1", "g3"])
    office.dispatcher.call(["g1", "g3"])
    told = {each.gateway_id: each.message for each in office.step("beat")}
    assert {each: beat.live_ahead for each, beat in told.items() if isinstance(beat, Beat)} == {
        "g1": (source,),
        "g3": (source,),
    }
    office.armed.leave(source.session)
    office.clock.pass_time(80)
    later = [each.message for each in office.step("beat") if each.gateway_id == "g1"]
    assert [beat.live_ahead for beat in later if isinstance(beat, Beat)] == [()]


def test_a_refusal_is_kept_once_and_its_delivery_ends(office: Office) -> None:
    broadcast = office.play_now(gateways=["g1"])
    office.step()
    message = office.reports(
        "g1", office.report("g1", Event.REJECTED, broadcast.id, reason="expired", detail="order 1")
    )
    office.hear(message)
    office.hear(message)
    with Session(office.engine) as session:
        (event,) = session.exec(select(SecurityEvent)).all()
        assert (event.gateway_id, event.reason) == ("g1", "expired")
    assert office.states(broadcast.id) == {"g1": "rejected"}


def test_a_message_that_cannot_be_read_holds_nothing_up(office: Office) -> None:
    from wire.mqtt import Incoming  # noqa: PLC0415

    broadcast = office.play_now(gateways=["g1"])
    office.step()
    nonsense = Incoming("loa/v1/g/g1/up/report", b'{"reports": 1}', 1, False, False)
    stranger = Incoming("loa/v1/g/nobody/up/state", b'{"online":true,"boot":"x"}', 1, False, False)
    good = office.reports("g1", office.report("g1", Event.RECEIVED, broadcast.id))
    office.hear(nonsense, stranger, good)
    assert office.states(broadcast.id) == {"g1": "received"}


def test_what_did_not_fit_into_a_plan_is_sent_days_before_its_start(office: Office) -> None:
    office.births("g1")
    times = [f"{hour:02}:{minute:02}" for hour in range(5, 20) for minute in (0, 20, 40)]
    office.schedule(
        dtstart="2026-11-24T05:00:00",
        rrule="FREQ=DAILY;UNTIL=20261201T235900",
        times=times,
        how={"gateways": ["g1"]},
    )
    (first,) = [each.message for each in office.step("plan") if isinstance(each.message, Plan)]
    assert first.until_at < office.clock.now() + timedelta(days=7), "it was cut at its size"
    held_until = first.until_at
    while office.clock.now() < first.until_at - timedelta(days=2):
        office.clock.pass_time(3_600)
        for each in office.step("plan"):
            if isinstance(each.message, Plan) and each.gateway_id == "g1":
                held_until = max(held_until, each.message.until_at)
    assert held_until > first.until_at
