"""More than one commune: the page asks who else decides, and nothing sounds before that is settled."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlmodel import Session
from support.browsing import PHONE, Seat
from support.commune import PASSWORD
from support.emergency_page import emergencies, hold, prove, send
from support.site import LivedIn

from controller.areas.models import Area
from controller.db import writing
from controller.emergencies.ending import stop_everything
from controller.people.access import Actor
from controller.people.models import Role
from controller.people.service import add_person

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

PROVINCE, COMMUNE = "Thành phố Cần Thơ", "Xã Trần Đề"


@pytest.fixture(scope="module")
def chiefs(lived_in: LivedIn) -> Iterator[tuple[str, str]]:
    with Session(lived_in.site.engine) as session, session.begin():
        writing(session)
        for username, name in (("chief", "Huỳnh Văn Tài"), ("deputy", "Thạch Thị Sa")):
            add_person(
                session,
                username=username,
                name=name,
                role=Role.ADMIN,
                area_id=lived_in.commune.areas[PROVINCE],
                password=PASSWORD,
                now=lived_in.site.clock.now(),
            )
    yield "chief", "deputy"
    with Session(lived_in.site.engine) as session, session.begin():
        writing(session)
        province = session.get_one(Area, lived_in.commune.areas[PROVINCE])
        everyone = Actor(None, "chief", Role.ADMIN, province.id, province.path)
        stop_everything(session, everyone, province, now=lived_in.site.clock.now())


@contextmanager
def at_the_page(browser: Browser, lived_in: LivedIn, username: str) -> Iterator[Page]:
    with Seat(browser, lived_in.base_url, username, viewport=PHONE, has_touch=True) as page:
        page.goto("/khan-cap")
        yield page


def say_something(page: Page) -> None:
    page.locator("[name=text]").fill("Nước dâng rất nhanh, bà con lên chỗ cao.")
    page.get_by_test_id("speak").click()
    expect(page.get_by_test_id("preview")).to_be_visible(timeout=30_000)


def test_what_one_proposes_another_approves(
    lived_in: LivedIn, browser: Browser, chiefs: tuple[str, str]
) -> None:
    chief, deputy = chiefs
    before = len(emergencies(lived_in))
    with at_the_page(browser, lived_in, chief) as page:
        say_something(page)
        page.locator("#audience label", has_text=COMMUNE).click()
        expect(page.get_by_test_id("second")).to_be_hidden()
        page.locator("#audience label", has_text=PROVINCE).click()
        expect(page.get_by_test_id("second")).to_be_visible()
        expect(page.get_by_test_id("review")).to_contain_text("CHỜ DUYỆT")
        send(page)
        draft = page.locator("section.draft")
        expect(draft).to_contain_text("cần một người khác duyệt")
        expect(draft.get_by_test_id("approve")).to_have_count(0)
        (proposed,) = emergencies(lived_in)[before:]
        assert (proposed.state.value, proposed.ordered_by) == ("draft", None)
        with at_the_page(browser, lived_in, deputy) as other:
            expect(other.locator("section.draft")).to_contain_text("Huỳnh Văn Tài đề nghị phát")
            other.get_by_test_id("approve").click()
            prove(other)
            expect(other.locator("section.emergency")).to_contain_text("Thạch Thị Sa")
        expect(page.locator("section.emergency")).to_contain_text("Thạch Thị Sa")
        assert emergencies(lived_in)[before].state.value == "active"


def test_alone_it_goes_at_once_with_a_reason_that_everyone_sees(
    lived_in: LivedIn, browser: Browser, chiefs: tuple[str, str]
) -> None:
    chief, deputy = chiefs
    reason = "Vỡ đê, chưa gọi được ai"
    before = len(emergencies(lived_in))
    with at_the_page(browser, lived_in, chief) as page:
        say_something(page)
        page.locator("#audience label", has_text=PROVINCE).click()
        page.locator("#second label", has_text="phát ngay một mình").click()
        expect(page.get_by_test_id("send")).to_be_disabled()
        expect(page.get_by_test_id("review")).to_contain_text("lý do")
        page.locator("[name=alone_because]").fill(reason)
        expect(page.get_by_test_id("review")).to_contain_text("THẬT")
        hold(page)
        expect(page.locator("#step-up[open], [data-test=alone]").first).to_be_visible()
        if page.locator("#step-up[open]").count():
            prove(page)
        expect(page.get_by_test_id("alone")).to_contain_text(reason)
    assert [each.alone_because for each in emergencies(lived_in)[before:]] == [reason]
    with at_the_page(browser, lived_in, deputy) as other:
        expect(other.get_by_test_id("alone")).to_contain_text(reason)
