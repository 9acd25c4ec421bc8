"""What gateways keep to by themselves: ordered of each, told again to one that has forgotten it."""

from datetime import time

import pytest
from sqlmodel import Session
from support.office import ALWAYS, Office

from controller.bulletins.service import set_prepared
from controller.db import writing
from controller.errors import NotAllowed
from controller.gateways.config import configure
from controller.gateways.models import GatewayConfig
from controller.gateways.rules import HouseRules, OwnRules
from controller.gateways.service import set_rules
from controller.people.access import Actor
from controller.people.models import Role
from schedules.quiet_hours import DailyWindow, QuietHours
from wire.messages import Config
from wire.types import Event

NIGHT = HouseRules(QuietHours((DailyWindow(time(21), time(5)),)), longest_ms=1_800_000)


def configs(office: Office) -> dict[str, Config]:
    return {each.gateway_id: each.message for each in office.step() if isinstance(each.message, Config)}


def admin(office: Office) -> Actor:
    return Actor(None, "admin", Role.ADMIN, office.commune.id, office.commune.path)


def apply(office: Office, rules: HouseRules) -> int:
    with Session(office.engine) as session, session.begin():
        writing(session)
        return configure(session, rules, now=office.clock.now())


def test_every_gateway_is_told_the_house_rules_once(office: Office) -> None:
    office.births()
    first = configs(office)
    assert first.keys() == set(office.gateway_ids)
    assert apply(office, ALWAYS) == 0

    assert apply(office, NIGHT) == len(office.gateway_ids)
    told = configs(office)
    assert {(span.from_minute, span.to_minute) for each in told.values() for span in each.quiet} == {
        (1260, 300)
    }
    assert {each.longest_ms for each in told.values()} == {1_800_000}
    assert all(told[each].version > first[each].version for each in told)
    assert len({each.order_id for each in told.values()}) == 1


def test_a_gateways_own_rules_reach_it_alone(office: Office) -> None:
    office.births()
    configs(office)
    own = OwnRules(400, -3.0, ({"from_minute": 1080, "to_minute": 360, "percent": 50},))
    with Session(office.engine) as session, session.begin():
        writing(session)
        set_rules(session, admin(office), "g2", own, rules=ALWAYS, now=office.clock.now())
    told = configs(office)
    assert told.keys() == {"g2"}
    assert (told["g2"].start_offset_ms, told["g2"].ceiling_db) == (400, -3.0)
    assert told["g2"].volume_caps[0].percent == 50


def test_an_officer_does_not_set_them(office: Office) -> None:
    with Session(office.engine) as session, pytest.raises(NotAllowed):
        set_rules(session, office.officer, "g2", OwnRules(), rules=ALWAYS, now=office.clock.now())


def test_a_prepared_warning_is_kept_by_every_gateway_of_its_area(office: Office) -> None:
    office.births()
    configs(office)
    for prepared in (True, False):
        with Session(office.engine) as session, session.begin():
            writing(session)
            set_prepared(
                session,
                office.officer,
                office.bulletin.id,
                prepared=prepared,
                rules=ALWAYS,
                now=office.clock.now(),
            )
        told = configs(office)
        assert told
        assert {len(each.pinned) for each in told.values()} == {int(prepared)}


def test_one_that_says_it_holds_an_older_one_is_told_again_and_one_that_holds_it_is_not(
    office: Office,
) -> None:
    office.births()
    told = configs(office)
    for gateway_id, config in told.items():
        office.tell(gateway_id, Event.RECEIVED, orders=(config.order_id,))
        office.births(gateway_id, config_version=config.version)
    office.births("g1", config_version=0)
    office.clock.pass_time(30)
    assert configs(office) == {}
    office.clock.pass_time(60)
    again = configs(office)
    assert again.keys() == {"g1"}
    assert again["g1"].version == told["g1"].version


def test_a_newer_one_takes_the_place_of_one_still_on_its_way(office: Office) -> None:
    office.births()
    configs(office)
    apply(office, NIGHT)
    office.clock.pass_time(10)
    told = [each.message for each in office.step() if isinstance(each.message, Config)]
    assert len(told) == len(office.gateway_ids)
    assert {each.longest_ms for each in told} == {1_800_000}


def test_a_gateway_enrolled_meanwhile_is_told_within_seconds(office: Office) -> None:
    first = configs(office)
    with Session(office.engine) as session, session.begin():
        writing(session)
        session.delete(session.get(GatewayConfig, "g3"))
    office.clock.pass_time(6)
    newer = {each: told for each, told in configs(office).items() if told.version > first[each].version}
    assert newer.keys() == {"g3"}
