"""Whatever comes in whatever order, twice, at once or around a restart ends the same, in every database."""

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest
from sqlmodel import Session
from support.alerts import SENDER
from support.office import Office
from support.watch import ALERT, CANCEL, UPDATE, Watch

from controller.tables import Broadcast, CapAlert, CapFeed, Emergency


@pytest.fixture
def watch(office: Office) -> Watch:
    office.births()
    office.step()
    return Watch(office)


def test_the_same_alert_a_hundred_times_is_one_row_and_sounds_once(watch: Watch) -> None:
    feed = watch.feed()
    outcomes = watch.take(feed, *([ALERT] * 50))
    watch.restarted()
    outcomes += watch.take(feed, *([ALERT] * 50))
    assert sum(each.is_new for each in outcomes) == 1
    counts = {table: watch.office.count(table) for table in (CapAlert, Emergency, Broadcast)}
    assert counts == {CapAlert: 1, Emergency: 1, Broadcast: 1}


def test_an_update_takes_the_place_of_what_sounds(watch: Watch) -> None:
    watch.take(watch.feed(), ALERT)
    watch.played()
    watch.office.clock.pass_time(60)
    watch.take(1 if False else watch.rows()[0].feed_id or 0, UPDATE)
    assert watch.played() == [(each, "Bão số 9 đổ bộ") for each in watch.office.gateway_ids]
    assert watch.states("KTTV-1") == [("ended", "superseded")]
    assert watch.states("KTTV-2") == [("active", None)]


def test_a_cancel_before_its_alert_keeps_it_from_ever_sounding(watch: Watch) -> None:
    feed = watch.feed()
    watch.office.clock.pass_time(120)
    watch.take(feed, CANCEL)
    watch.restarted()
    watch.take(feed, ALERT, UPDATE)
    assert watch.played() == []
    assert {key: state for key, (state, _) in watch.standing().items()} == {
        "KTTV-3": "tombstone",
        "KTTV-1": "cancelled",
        "KTTV-2": "cancelled",
    }
    assert watch.office.count(Emergency) == 0


def test_every_order_ends_in_the_same_state(watch: Watch) -> None:
    feed = watch.feed()
    watch.office.clock.pass_time(180)
    for number, order in enumerate(permutations((ALERT, UPDATE, CANCEL))):
        sender = f"s{number}@example.vn"
        with Session(watch.office.engine) as session, session.begin():
            session.get_one(CapFeed, feed).senders = [sender]
        watch.take(feed, *(each.replace(SENDER.encode(), sender.encode()) for each in order))
        states = {row.identifier: row.state.value for row in watch.rows() if row.sender == sender}
        assert states == {"KTTV-1": "cancelled", "KTTV-2": "cancelled", "KTTV-3": "tombstone"}
    assert watch.played() == []


def test_what_is_killed_before_it_is_spoken_is_spoken_after_the_restart(watch: Watch) -> None:
    watch.desk.take(watch.feed(), ALERT)
    watch.restarted().step()
    assert len(watch.played()) == 4
    watch.restarted().step()
    assert watch.played() == []


def test_an_alert_that_comes_on_two_ways_at_once_is_one(watch: Watch) -> None:
    feeds = [watch.feed(), watch.feed("second")]
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda number: watch.desk.take(feeds[number % 2], ALERT), range(12)))
        list(pool.map(lambda _: watch.desk.step(), range(2)))
    assert sum(each.is_new for each in outcomes) == 1
    assert len(watch.rows()) == 1
    assert watch.office.count(Broadcast) == 1
