"""Every page, as everyone sees it: phone and desktop, light and dark, Vietnamese and English."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browsing import DESKTOP, PHONE, Seat, violations
from support.site import LivedIn, lived_in_site

from controller.broadcasts.delivery import DeliveryState
from controller.gateways.liveness import Contact
from controller.gateways.models import GatewayKind
from wire.types import Fault, Priority, SelfTest, Sound

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

WIDTHS = {"phone": PHONE, "desktop": DESKTOP}
FORTY_PER_CENT_LONGER = """() => {
  for (const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walker.nextNode();) {
    const node = walker.currentNode;
    if (node.textContent.trim() && !node.parentElement.closest("script")) {
      const longer = (word) => word + word.slice(0, Math.ceil(word.length * 0.4));
      node.textContent = node.textContent.replace(/\\p{L}+/gu, longer);
    }
  }
}"""

TOO_SMALL_FOR_A_THUMB = """() => {
  const touched = "button, .button, select, textarea, summary, .choice, .places a, input:not(.choice input)";
  return [...document.querySelectorAll(touched)]
    .filter((each) => each.offsetParent !== null && each.getBoundingClientRect().height < 44)
    .map((each) => `${each.outerHTML.slice(0, 120)}: ${each.getBoundingClientRect().height}`);
}"""
WORDS_OF_THE_PROGRAM = {
    *(state.value for state in DeliveryState),
    *(contact.value for contact in Contact),
    *(kind.value for kind in GatewayKind),
    *(priority.value for priority in Priority),
    *(each.value for kind in (Sound, Fault, SelfTest) for each in kind),
    "None",
    "null",
    "undefined",
}


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivedIn]:
    with lived_in_site(tmp_path_factory.mktemp("site")) as found:
        yield found


def pages_of(lived_in: LivedIn) -> dict[str, str]:
    day = lived_in.day
    return {
        "today": "/",
        "week": "/tuan",
        "compose": "/soan",
        "broadcast, mixed": f"/phat/{day.mixed}",
        "broadcast, on air": f"/phat/{day.playing}",
        "broadcast, coming": f"/phat/{day.coming}",
        "schedule": f"/lich/{day.schedule_id}",
        "drills": "/dien-tap",
        "emergency": "/khan-cap",
        "fleet": "/cum-loa",
        "gateway, flapping": "/cum-loa/31672-005",
        "gateway, gone": "/cum-loa/31672-007",
    }


def unfold(page: Page) -> None:
    """Open what is folded away, so that it is looked at as well."""
    page.evaluate(
        """() => {
          const folded = "[data-when-source], [data-when-when]";
          document.querySelectorAll("main details").forEach((each) => { each.open = true; });
          document.querySelectorAll(folded).forEach((each) => { each.hidden = false; });
        }"""
    )


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_can_be_used_by_everyone(
    lived_in: LivedIn, browser: Browser, width: str, language: str
) -> None:
    found = []
    with Seat(browser, lived_in.base_url, "officer", language, viewport=WIDTHS[width]) as page:
        for path in pages_of(lived_in).values():
            page.goto(path)
            unfold(page)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found += [f"{scheme} {each}" for each in violations(page)]
    assert found == []


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_log_in_can_be_used_by_everyone(lived_in: LivedIn, browser: Browser, language: str) -> None:
    found = []
    for scheme in ("light", "dark"):
        with Seat(browser, lived_in.base_url, None, language, viewport=PHONE, color_scheme=scheme) as page:
            page.goto("/dang-nhap")
            found += violations(page)
    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_faults_and_dialogs_can_be_used_by_everyone(lived_in: LivedIn, browser: Browser, scheme: str) -> None:
    with Seat(browser, lived_in.base_url, "officer", viewport=PHONE, color_scheme=scheme) as page:
        page.goto("/soan")
        page.get_by_test_id("submit").click()
        expect(page.locator("#title-fault")).to_be_visible()
        found = violations(page)
        page.goto("/")
        page.get_by_test_id("stop-all").click()
        found += violations(page)
        page.get_by_test_id("stop-all-confirm").click()
        expect(page.locator("#said")).to_be_visible()
        page.get_by_test_id("account").click()
        found += violations(page)
    assert found == []


def test_a_planted_fault_is_caught(lived_in: LivedIn, browser: Browser) -> None:
    with Seat(browser, lived_in.base_url, "officer") as page:
        page.goto("/soan")
        page.evaluate(
            """() => {
              const field = document.querySelector("[name=title]");
              field.closest("label").replaceWith(field);
              document.querySelector("#file-hint").style.color = "#bbb";
            }"""
        )
        found = " ".join(violations(page))
    assert "label" in found
    assert "color-contrast" in found


def test_no_page_is_wider_than_a_small_phone(lived_in: LivedIn, browser: Browser) -> None:
    too_wide = {}
    with Seat(browser, lived_in.base_url, "officer", viewport=PHONE) as page:
        for name, path in pages_of(lived_in).items():
            page.goto(path)
            unfold(page)
            for state in ("as it is", "with longer words"):
                if state == "with longer words":
                    page.evaluate(FORTY_PER_CENT_LONGER)
                over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                if over > 0:
                    too_wide[name, state] = over
    assert too_wide == {}


def test_what_a_thumb_touches_is_large_enough(lived_in: LivedIn, browser: Browser) -> None:
    small = {}
    with Seat(browser, lived_in.base_url, "officer", viewport=PHONE) as page:
        for name, path in pages_of(lived_in).items():
            page.goto(path)
            unfold(page)
            found = page.evaluate(TOO_SMALL_FOR_A_THUMB)
            if found:
                small[name] = found
    assert small == {}


def test_no_page_shows_a_word_of_the_program(lived_in: LivedIn, browser: Browser) -> None:
    with Seat(browser, lived_in.base_url, "officer", viewport=DESKTOP) as page:
        for path in pages_of(lived_in).values():
            page.goto(path)
            unfold(page)
            words = set(page.locator("body").inner_text().split())
            assert words & WORDS_OF_THE_PROGRAM == set(), path


def test_a_state_has_a_word_and_a_shape_beside_its_colour(lived_in: LivedIn, browser: Browser) -> None:
    stated = 0
    with Seat(browser, lived_in.base_url, "officer") as page:
        for path in pages_of(lived_in).values():
            page.goto(path)
            shown = page.locator(".state").evaluate_all(
                """(states) => states.map((state) =>
                  state.textContent.trim() !== "" && state.querySelector("svg.shape use") !== null)"""
            )
            assert all(shown), path
            stated += len(shown)
    assert stated > 20, "states were looked at"


def test_a_gateway_that_did_not_report_is_unknown_and_not_played(lived_in: LivedIn, browser: Browser) -> None:
    with Seat(browser, lived_in.base_url, "officer") as page:
        page.goto(f"/phat/{lived_in.day.mixed}")
        cell = page.locator('td[data-gateway="31672-007"]')
        expect(cell).to_have_attribute("data-state", "unknown")
        expect(cell).to_have_text("chưa rõ")
        row = page.locator("tr", has=cell)
        assert row.locator("[data-started]").inner_text() == "–"
        assert row.locator("[data-played-ms]").inner_text() == "–"
        expect(page.get_by_test_id("outcome")).to_contain_text("5/8")
        expect(page.get_by_test_id("outcome")).to_contain_text("1 chưa rõ")
        expect(page.get_by_test_id("outcome")).to_contain_text("1 cụm không nghe thấy tiếng loa")


def test_what_a_gateway_cannot_read_what_it_has_not_and_what_worries_are_three_things(
    lived_in: LivedIn, browser: Browser
) -> None:
    with Seat(browser, lived_in.base_url, "monitor") as page:
        page.goto("/cum-loa/31672-005")
        expect(page.get_by_test_id("health-power")).to_contain_text("đang dùng ắc quy")
        expect(page.get_by_test_id("health-battery")).to_contain_text("18 %")
        expect(page.get_by_test_id("health-under_voltage")).to_contain_text("đã bị từ khi bật máy")
        expect(page.get_by_test_id("health-temperature")).to_contain_text("không đọc được")
        expect(page.get_by_test_id("health-amplifier")).to_contain_text("không có cảm biến")
        expect(page.get_by_test_id("last-error")).to_contain_text("broke off")


def test_every_role_has_its_pages_and_no_more(lived_in: LivedIn, browser: Browser) -> None:
    with Seat(browser, lived_in.base_url, "leader") as page:
        page.goto("/")
        assert page.get_by_test_id("nav-compose").count() == 0
        assert page.get_by_test_id("stop-all").count() == 1
    with Seat(browser, lived_in.base_url, "monitor") as page:
        page.goto("/")
        assert page.get_by_test_id("stop-all").count() == 0
        page.goto("/cum-loa")
        assert page.locator("[data-contact]").count() == 10
        assert page.get_by_test_id("tile-never").inner_text() == "1"
        assert page.locator(".commune-name").all_inner_texts() == ["Xã Lịch Hội Thượng", "Xã Trần Đề"]


def test_the_first_load_is_light_enough_for_a_slow_link(lived_in: LivedIn, browser: Browser) -> None:
    sizes = []
    with Seat(browser, lived_in.base_url, "officer") as page:
        page.on("response", lambda answer: "/events" in answer.url or sizes.append(len(answer.body())))
        page.goto("/soan")
        page.wait_for_load_state("load")
        assert 0 < sum(sizes) < 120_000, "before any compression"
