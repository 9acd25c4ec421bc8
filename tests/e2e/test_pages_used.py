"""What people do with the pages: write, send, watch, stop; by keyboard, with faults, with a lost server."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect
from sqlmodel import Session
from support.browsing import PHONE, Seat
from support.commune import PASSWORD, ZONE, found_commune, found_database
from support.site import LivedIn, MidMorning, lived_in_site, quiet_settings, running_site
from support.voices import speech

from controller.db import writing
from controller.events import Change
from controller.gateways.models import GatewayState
from controller.people.models import Role
from controller.people.service import add_person
from wire.types import Event

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivedIn]:
    with lived_in_site(tmp_path_factory.mktemp("site")) as running:
        yield running


def tab_to(page: Page, selector: str) -> None:
    """Press the tabulator until an element has the focus, as someone without a mouse does."""
    for _ in range(80):
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {selector}")


def choose_text(page: Page, text: str) -> None:
    page.locator("[name=source][value=speech]").check()
    page.locator("[name=text]").fill(text)
    page.get_by_test_id("speak").click()
    expect(page.get_by_test_id("preview")).to_be_visible(timeout=20_000)


def fault(page: Page, part: str) -> str:
    expect(page.locator(f"#{part}-fault")).to_be_visible()
    return page.locator(f"#{part}-fault").inner_text()


def test_a_wrong_password_is_told_beside_the_form_and_the_name_is_kept(
    lived_in: LivedIn, browser: Browser
) -> None:
    seat = Seat(browser, lived_in.base_url)
    with seat as page:
        page.goto("/tuan?from=2026-11-23")
        page.locator("[name=username]").fill("officer")
        page.locator("[name=password]").fill("falsch")
        page.get_by_test_id("log-in").click()
        expect(page.get_by_role("alert")).to_contain_text("không đúng")
        assert page.locator("[name=username]").input_value() == "officer"
        page.locator("[name=password]").fill(PASSWORD)
        page.get_by_test_id("log-in").click()
        page.wait_for_url("**/tuan?from=2026-11-23")
        page.get_by_test_id("account").click()
        page.get_by_test_id("log-out").click()
        page.wait_for_url("**/dang-nhap")
        page.goto("/")
        page.wait_for_url("**/dang-nhap")
        # The refused password is the one thing that the console may speak of.
        assert all("401" in each for each in seat.faults)
        seat.faults.clear()


def test_the_language_is_switched_in_place(lived_in: LivedIn, browser: Browser) -> None:
    with Seat(browser, lived_in.base_url, "officer") as page:
        page.goto("/tuan?from=2026-11-23")
        page.get_by_test_id("account").click()
        page.get_by_test_id("language-en").click()
        expect(page.locator("h1")).to_contain_text("Week")
        assert page.url.endswith("/tuan?from=2026-11-23")
        assert page.locator("html").get_attribute("lang") == "en"


def test_a_bulletin_is_composed_and_sent_with_the_keyboard_alone(lived_in: LivedIn, browser: Browser) -> None:
    with Seat(browser, lived_in.base_url, "officer") as page:
        page.goto("/soan")
        tab_to(page, "[name=title]")
        page.keyboard.type("Bão gần bờ")
        tab_to(page, "[name=source]")
        page.keyboard.press("ArrowRight")
        tab_to(page, "[name=text]")
        page.keyboard.type("Đề nghị bà con neo đậu tàu thuyền.")
        tab_to(page, "#speak")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("preview")).to_be_visible(timeout=20_000)
        tab_to(page, "[name=area]")
        page.keyboard.press("Space")
        expect(page.get_by_test_id("audience-count")).to_contain_text("8 cụm loa, 7")
        tab_to(page, "button[type=submit]")
        page.keyboard.press("Enter")
        tab_to(page, "#confirm-yes")
        page.keyboard.press("Enter")
        page.wait_for_url("**/phat/*")
        expect(page.locator("h1")).to_have_text("Bão gần bờ")
        assert page.locator("td[data-gateway]").count() == 8


def test_what_is_missing_is_said_beside_each_part(lived_in: LivedIn, browser: Browser) -> None:
    with Seat(browser, lived_in.base_url, "officer") as page:
        page.goto("/soan")
        page.locator("[name=when][value=once]").check()
        page.get_by_test_id("submit").click()
        for part in ("title", "sound", "audience", "start"):
            assert fault(page, part)
        assert page.evaluate("document.activeElement.name") == "title"
        assert page.locator("[name=title]").get_attribute("aria-invalid") == "true"
        page.locator("[name=title]").fill("Tên")
        page.locator("[name=title]").blur()
        expect(page.locator("#title-fault")).to_be_hidden()


@pytest.mark.parametrize(("language", "said"), [("vi", "Giờ phát đã qua"), ("en", "The start has gone by")])
def test_a_refusal_is_in_the_readers_language_and_nothing_typed_is_lost(
    lived_in: LivedIn, browser: Browser, language: str, said: str
) -> None:
    seat = Seat(browser, lived_in.base_url, "officer", language)
    with seat as page:
        page.goto("/soan")
        page.locator("[name=title]").fill("Quá muộn")
        choose_text(page, "Thông báo này đã quá giờ.")
        page.locator("[name=area]").first.check()
        page.locator("[name=when][value=once]").check()
        page.locator("[name=start]").fill("2026-01-05T05:30:00")
        page.get_by_test_id("submit").click()
        assert said in fault(page, "start")
        assert page.evaluate("document.activeElement.name") == "start"
        page.reload()
        assert page.locator("[name=title]").input_value() == "Quá muộn"
        assert page.locator("[name=text]").input_value() == "Thông báo này đã quá giờ."
        assert page.locator("[name=start]").input_value().startswith("2026-01-05T05:30")
        assert page.locator("[name=area]").first.is_checked()
        expect(page.get_by_test_id("preview")).to_be_visible()
        assert [each for each in seat.faults if "422" not in each] == []
        seat.faults.clear()


def test_a_file_that_is_no_sound_is_refused_beside_the_field(
    lived_in: LivedIn, browser: Browser, tmp_path: Path
) -> None:
    letter = tmp_path / "thong-bao.mp3"
    letter.write_text("Kính gửi bà con")
    with Seat(browser, lived_in.base_url, "officer", "en") as page:
        page.goto("/soan")
        page.locator("[name=file]").set_input_files(letter)
        assert "not an audio file" in fault(page, "sound")
        expect(page.get_by_test_id("preview")).to_be_hidden()


def test_an_upload_is_heard_before_it_goes_on_air(
    lived_in: LivedIn, browser: Browser, tmp_path: Path
) -> None:
    spoken = speech(tmp_path / "spoken.wav", "Mời bà con dự họp.")
    with Seat(browser, lived_in.base_url, "officer", viewport=PHONE) as page:
        page.goto("/soan")
        page.locator("[name=file]").set_input_files(spoken)
        expect(page.get_by_test_id("preview")).to_be_visible(timeout=20_000)
        expect(page.locator("#preview-facts")).to_contain_text("giây")
        page.locator("#preview-audio").evaluate("(audio) => { audio.muted = true; return audio.play(); }")
        expect(page.locator("#preview-audio")).to_have_js_property("error", None)
        assert page.locator("#preview-audio").evaluate("(audio) => audio.duration") > 1


def test_choosing_a_hamlet_chooses_its_gateways_and_leaves_the_commune(
    lived_in: LivedIn, browser: Browser
) -> None:
    with Seat(browser, lived_in.base_url, "officer") as page:
        page.goto("/soan")
        station = page.locator("[name=area]").first
        tally = page.get_by_test_id("audience-count")
        page.get_by_role("checkbox", name=re.compile("^Ấp Lâm Dồ")).check()
        expect(tally).to_contain_text("2 cụm loa")
        station.check()
        expect(tally).to_contain_text("8 cụm loa, 7")
        page.get_by_role("checkbox", name=re.compile("^Ấp Chợ")).uncheck()
        expect(tally).to_contain_text("6 cụm loa")
        assert not station.is_checked()


def test_a_repeating_schedule_shows_its_first_times_and_then_its_first_broadcast(
    lived_in: LivedIn, browser: Browser
) -> None:
    with Seat(browser, lived_in.base_url, "officer") as page:
        page.goto("/soan")
        page.locator("[name=title]").fill("Bản tin sáng")
        choose_text(page, "Chào buổi sáng.")
        page.locator("[name=area]").first.check()
        page.locator("[name=when][value=recurring]").check()
        for day in ("MO", "WE", "FR"):
            page.locator(f"[name=weekday][value={day}]").check()
        page.locator("[name=time]").fill("05:30")
        page.get_by_test_id("add-time").click()
        page.locator("[name=time]").nth(1).fill("17:00")
        expect(page.locator("#occurrences li")).to_have_count(5)
        first = page.locator("#occurrences li").first.inner_text()
        page.get_by_test_id("submit").click()
        page.wait_for_url("**/phat/*")
        expect(page.locator("dl").first).to_contain_text(first.split()[0])
        page.get_by_role("link", name="Xem lịch").click()
        expect(page.locator("main")).to_contain_text("Thứ Hai, Thứ Tư, Thứ Sáu · 05:30, 17:00")
        page.wait_for_load_state("load")  # before its script is there, a button does nothing yet
        page.get_by_test_id("end").click()
        page.get_by_test_id("end-confirm").click()
        expect(page.locator("main")).to_contain_text("Đã kết thúc")


def test_an_open_page_follows_what_gateways_report(lived_in: LivedIn, browser: Browser) -> None:
    day = lived_in.day
    with Seat(browser, lived_in.base_url, "officer") as page:
        page.goto(f"/phat/{day.playing}")
        cell = page.locator('td[data-gateway="31672-004"]')
        expect(cell).to_have_attribute("data-state", "playing")
        page.evaluate("window.sameDocument = true")
        now = lived_in.site.clock.now()
        with lived_in.speaking("31672-004") as [voice]:
            voice.reports(
                Event.PLAYED,
                day.playing,
                now,
                started_at=now - timedelta(seconds=20),
                played_ms=19_900,
                expected_ms=19_900,
            )
        expect(cell).to_have_attribute("data-state", "played")
        expect(cell).to_contain_text("đã phát")
        expect(page.get_by_test_id("outcome")).to_contain_text("1/3")
        expect(page.locator("#announce")).to_contain_text("1/3")
        assert page.evaluate("window.sameDocument") is True


def test_the_fleet_follows_a_gateway_that_goes_and_comes_back(lived_in: LivedIn, browser: Browser) -> None:
    with Seat(browser, lived_in.base_url, "officer") as page:
        page.goto("/cum-loa")
        cell = page.locator('td[data-gateway="31672-002"]')
        expect(page.get_by_test_id("tile-online")).to_have_text("7")
        page.locator("#gateway-31672-001 a").focus()
        with lived_in.speaking("31672-002") as [voice]:
            voice.is_born(lived_in.site.clock.now())
            voice.dies(lived_in.site.clock.now())
        expect(cell).to_have_attribute("data-contact", "offline")
        expect(page.get_by_test_id("tile-online")).to_have_text("6")
        expect(page.locator("#mark-31672-002 title")).to_contain_text("mất kết nối")
        assert page.evaluate("document.activeElement.closest('tr').id") == "gateway-31672-001"
        with lived_in.speaking("31672-002") as [voice]:
            voice.is_born(lived_in.site.clock.now())
        expect(cell).to_have_attribute("data-contact", "online")


def test_stopping_everything_asks_first_and_says_what_it_did(lived_in: LivedIn, browser: Browser) -> None:
    with Seat(browser, lived_in.base_url, "officer", viewport=PHONE) as page:
        page.goto("/")
        page.get_by_test_id("stop-all").click()
        expect(page.get_by_role("dialog")).to_contain_text("Địa bàn đài Đại Ân 2")
        page.get_by_role("dialog").get_by_role("button", name="Quay lại").click()
        expect(page.get_by_role("dialog")).to_be_hidden()
        page.get_by_test_id("stop-all").click()
        page.get_by_test_id("stop-all-confirm").click()
        expect(page.locator("#said")).to_contain_text("8 cụm loa")


def test_a_broadcast_that_is_still_to_come_can_be_cancelled(lived_in: LivedIn, browser: Browser) -> None:
    with Seat(browser, lived_in.base_url, "officer") as page:
        page.goto(f"/phat/{lived_in.day.coming}")
        page.get_by_test_id("cancel").click()
        page.get_by_test_id("cancel-confirm").click()
        expect(page.locator("#outcome")).to_have_attribute("data-state", "cancelled")
        expect(page.locator("#outcome")).to_contain_text("Lê Thị Hoa hủy lúc")
        expect(page.get_by_test_id("cancel")).to_have_count(0)


def test_a_refused_order_is_shown_until_someone_has_seen_it(lived_in: LivedIn, browser: Browser) -> None:
    with Seat(browser, lived_in.base_url, "officer") as page:
        page.goto("/")
        refused = page.get_by_role("region", name="Cụm loa đã từ chối lệnh lạ")
        expect(refused).to_contain_text("chữ ký không đúng")
        refused.get_by_role("button", name="Đã xem").click()
        expect(refused).to_have_count(0)
        page.goto("/cum-loa")
        expect(page.locator("#events")).to_contain_text("Đã có người xem")


def test_the_volume_is_ordered_from_the_gateways_page(lived_in: LivedIn, browser: Browser) -> None:
    with Seat(browser, lived_in.base_url, "officer") as page:
        page.goto("/cum-loa/31672-001")
        page.locator("[name=percent]").focus()
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#percent-shown")).to_have_text("75 %")
        page.get_by_test_id("set-volume").click()
        expect(page.locator("#said")).to_be_visible()
        page.reload()
        assert page.locator("[name=percent]").input_value() == "75"


def test_a_week_leads_to_the_next_and_the_one_before(lived_in: LivedIn, browser: Browser) -> None:
    today = lived_in.site.clock.now().astimezone(ZONE).date()
    with Seat(browser, lived_in.base_url, "officer") as page:
        page.goto("/tuan")
        expect(page.locator(".day")).to_have_count(7)
        expect(page.locator(".day.today h2")).to_contain_text(f"{today:%d/%m}")
        times = page.locator(".day.today .slot time").all_inner_texts()
        assert times == sorted(times)
        page.get_by_test_id("later").click()
        expect(page.locator(".day.today")).to_have_count(0)
        page.get_by_test_id("earlier").click()
        expect(page.locator(".day.today")).to_have_count(1)


def test_another_communes_gateway_and_broadcast_are_not_there(lived_in: LivedIn, browser: Browser) -> None:
    with Session(lived_in.site.engine) as session, session.begin():
        writing(session)
        add_person(
            session,
            username="neighbour",
            name="Lâm Hoàng Phúc",
            role=Role.OFFICER,
            area_id=lived_in.commune.areas["Xã Lịch Hội Thượng"],
            password=PASSWORD,
            now=lived_in.site.clock.now(),
        )
    broadcast, foreign_gateway = f"/phat/{lived_in.day.played}", "/cum-loa/31679-001"
    for username, there, not_there in (
        ("officer", broadcast, foreign_gateway),
        ("neighbour", foreign_gateway, broadcast),
    ):
        seat = Seat(browser, lived_in.base_url, username)
        with seat as page:
            answer = page.goto(there)
            assert answer is not None
            assert answer.status == 200, f"{username} has {there}"
            assert seat.faults == []
            answer = page.goto(not_there)
            assert answer is not None
            assert answer.status == 404
            expect(page.get_by_test_id("problem")).to_have_text("Không tìm thấy mục này.")
            # The console speaks of the refused page, and of nothing else.
            assert all("404" in each for each in seat.faults)
            seat.faults.clear()


def test_a_lost_server_is_said_and_a_new_one_is_read_anew(tmp_path: Path, browser: Browser) -> None:
    settings, clock = quiet_settings(tmp_path), MidMorning()
    engine = found_database(settings)
    found_commune(engine, settings, clock.now())
    with running_site(settings, clock) as site:
        seat = Seat(browser, site.base_url, "officer")
        page = seat.page
        page.goto("/cum-loa")
        expect(page.locator("#connection")).to_be_hidden()
        expect(page.get_by_test_id("tile-never")).to_have_text("8")
    expect(page.locator("#connection")).to_contain_text(re.compile(r"Mất kết nối.*\d\d:\d\d:\d\d"))
    with Session(engine) as session:
        # What changed while nobody told the page: every gateway was heard of once.
        session.execute(sa.update(GatewayState).values(heard_at=clock.now()))
        session.commit()
    engine.dispose()
    with running_site(settings, clock):
        expect(page.get_by_test_id("tile-unverified")).to_have_text("8", timeout=15_000)
        expect(page.locator("#connection")).to_be_hidden()
    seat.context.close()


def test_a_drill_is_scheduled_told_on_today_and_called_off(lived_in: LivedIn, browser: Browser) -> None:
    start = lived_in.site.clock.now().astimezone(ZONE) + timedelta(days=2)
    seat = Seat(browser, lived_in.base_url, "officer", viewport=PHONE)
    with seat as page:
        page.goto("/")
        page.get_by_test_id("drills").click()
        page.locator("[name=start]").fill(f"{start:%Y-%m-%d}T09:17")
        page.get_by_test_id("schedule-drill").click()
        mine = page.locator("#drills li", has_text="09:17")
        expect(mine).to_be_visible()
        expect(mine).to_contain_text("Bão mạnh")
        expect(mine).to_contain_text("Lê Thị Hoa")
        page.goto("/")
        expect(page.locator("[data-drill]", has_text="09:17")).to_contain_text("Diễn tập")
        page.goto("/dien-tap")
        mine.get_by_test_id("cancel-drill").click()
        with page.expect_response("**/parts/drills"):
            drill_id = mine.get_attribute("data-drill") or ""
            lived_in.site.app.state.services.events.publish(Change("drill", drill_id))
        expect(mine.get_by_role("dialog"), "a question stays while news comes in").to_be_visible()
        mine.get_by_role("dialog").get_by_role("button", name="Hủy diễn tập").click()
        expect(page.locator("#said")).to_contain_text("Đã hủy")
        expect(
            page.locator("section", has_text="Các lần diễn tập trước").locator("li", has_text="09:17")
        ).to_contain_text("Đã hủy")
        page.locator("[name=start]").fill("2020-01-01T09:00")
        page.locator("[name=start]").evaluate("(field) => field.removeAttribute('min')")
        page.get_by_test_id("schedule-drill").click()
        expect(page.locator("#drill .fault")).to_contain_text("đã qua")
        # The refusal is the one thing that the console may speak of.
        assert [each for each in seat.faults if "422" not in each] == []
        seat.faults.clear()
    with Seat(browser, lived_in.base_url, "monitor") as page:
        page.goto("/dien-tap")
        expect(page.locator("#drill")).to_have_count(0)
        score = page.locator("[data-drill]", has_text="6 trên 8")
        expect(score.get_by_test_id("drill-score")).to_contain_text("62")
        score.locator("summary").click()
        expect(score.get_by_role("link", name="Cầu kênh Ba")).to_be_visible()
