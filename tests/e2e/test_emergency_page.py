"""Warning everyone from a phone: one tap away, confirmed on purpose, followed by name, ended at once."""

import gzip
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlmodel import Session, col, select
from support.broadcasting import now
from support.browser import ARGUMENTS, EXECUTABLE
from support.browsing import DESKTOP, PHONE, Seat, running_browser
from support.commune import PASSWORD
from support.eventually import eventually
from support.site import LivedIn, lived_in_site
from support.town import Town
from support.warning_pack import keep_warning

from controller.areas.models import Area
from controller.broadcasts.models import Broadcast, Delivery
from controller.db import writing
from controller.emergencies.ending import stop_everything
from controller.emergencies.models import Emergency, EmergencyState, Ending
from controller.emergencies.roll_call import SILENT_AFTER
from controller.people.models import LogIn
from controller.warnings.pack import read_pack
from controller.web.i18n import LANGUAGES, catalogue
from wire.types import Event

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

FAKE_MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
HOLD_MS = 1200
HAMLET, HAMLETS_GATEWAYS = "Ấp Chợ", {"31672-001", "31672-002"}
SHARED = {
    "app.css",
    "emergency.css",
    "app.js",
    "live.js",
    "actions.js",
    "api.js",
    "words.js",
    "shapes.svg",
    "icon.svg",
}
"""What every page loads; a phone that has seen another page asks only whether it has changed."""


DEFERRED = {
    *(f"{name}.js" for name in ("recorder", "speaking", "talk", "microphone", "recording", "unsent")),
    "ban-thu-san",
}
"""What comes once the page can be used."""


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivedIn]:
    with lived_in_site(tmp_path_factory.mktemp("site")) as running:
        station, at = running.commune.officer.area_id, running.site.clock.now()
        there = {"storm_4", "drill_opening", "drill_closing"}
        for each in read_pack():
            if each.key not in there:
                title, hazard, level = each.title, each.hazard, each.level
                keep_warning(
                    running.site.engine, station, title, at=at, key=each.key, hazard=hazard, level=level
                )
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser(*FAKE_MICROPHONE) as running:
        yield running


@pytest.fixture(scope="module")
def phone(lived_in: LivedIn, browser: Browser) -> Iterator[Seat]:
    """An officer's phone."""
    seat = Seat(browser, lived_in.base_url, "officer", viewport=PHONE, has_touch=True)
    with seat:
        yield seat


@pytest.fixture
def page(lived_in: LivedIn, phone: Seat) -> Iterator[Page]:
    """The emergency page on it; whatever was ordered is over afterwards."""
    phone.page.goto("/khan-cap")
    yield phone.page
    with Session(lived_in.site.engine) as session, session.begin():
        writing(session)
        officer = lived_in.commune.officer
        stop_everything(
            session, officer, session.get_one(Area, officer.area_id), now=lived_in.site.clock.now()
        )


def prove(page: Page) -> None:
    page.locator("#step-up [name=secret]").fill(PASSWORD)
    page.get_by_test_id("step-up-confirm").click()


def choose_warning(page: Page, key: str = "flood_3") -> None:
    hazard = page.locator("details.hazard", has=page.locator(f"[value='{key}']"))
    if hazard.get_attribute("open") is None:
        hazard.locator("summary").first.click()
    page.locator(f"[name=key][value='{key}']").check()


def hold(page: Page) -> None:
    page.get_by_test_id("send").click(delay=HOLD_MS)


def send(page: Page) -> None:
    """Hold the button, and prove who this is if it is asked."""
    hold(page)
    expect(page.locator("#step-up[open], [data-emergency]").first).to_be_visible()
    if page.locator("#step-up[open]").count():
        prove(page)
    expect(page.locator("[data-emergency]").first).to_be_visible()


def emergencies(lived_in: LivedIn) -> list[Emergency]:
    with Session(lived_in.site.engine) as session:
        return list(session.exec(select(Emergency).order_by(col(Emergency.created_at))))


def newest_broadcast(lived_in: LivedIn) -> str:
    with Session(lived_in.site.engine) as session:
        query = select(Broadcast.id).where(col(Broadcast.emergency_id).is_not(None))
        return str(session.exec(query.order_by(col(Broadcast.created_at).desc()).limit(1)).one())


def started_earlier(lived_in: LivedIn, broadcast_id: str, by: timedelta) -> None:
    with Session(lived_in.site.engine) as session, session.begin():
        session.get_one(Broadcast, broadcast_id).start_at -= by


def audience_of(lived_in: LivedIn, broadcast_id: str) -> set[str]:
    with Session(lived_in.site.engine) as session:
        return set(session.exec(select(Delivery.gateway_id).where(Delivery.broadcast_id == broadcast_id)))


def violations(page: Page) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    found = page.evaluate("(rules) => axe.run(document, rules).then((told) => told.violations)", rules)
    return [f"{each['id']}: {[node['html'][:160] for node in each['nodes'][:3]]}" for each in found]


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_it_is_one_tap_away_and_its_button_covers_nothing(
    lived_in: LivedIn, browser: Browser, viewport: Any
) -> None:
    with Seat(browser, lived_in.base_url, "officer", viewport=viewport) as page:
        for path in ("/", "/soan", "/cum-loa"):
            page.goto(path)
            page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
            free = page.evaluate(
                """() => {
                  const button = document.querySelector("[data-test=emergency]").getBoundingClientRect();
                  const all = [...document.querySelectorAll("main > *")];
                  const shown = all.filter((each) => each.offsetParent);
                  const last = shown.at(-1).getBoundingClientRect();
                  return last.bottom <= button.top || last.left >= button.right;
                }"""
            )
            assert free, path
        page.get_by_test_id("emergency").click()
        page.wait_for_url("**/khan-cap")
        expect(page.get_by_test_id("stop-all")).to_be_in_viewport()


def test_a_warning_is_reviewed_held_and_proved_before_it_is_ordered_once(
    lived_in: LivedIn, phone: Seat, page: Page
) -> None:
    with Session(lived_in.site.engine) as session, session.begin():
        for opened in session.exec(select(LogIn)):
            opened.stepped_up_at = None
    before = len(emergencies(lived_in))
    expect(page.get_by_test_id("send")).to_be_disabled()
    choose_warning(page)
    page.locator("#audience label", has_text=HAMLET).click()
    expect(page.get_by_test_id("review")).to_contain_text("Lũ lớn, rủi ro cấp 3")
    expect(page.get_by_test_id("review")).to_contain_text(HAMLET)
    expect(page.get_by_test_id("review")).to_contain_text("2 cụm loa")
    page.get_by_test_id("send").click()
    assert len(emergencies(lived_in)) == before, "a tap is not enough"
    hold(page)
    expect(page.locator("#step-up")).to_be_visible()
    secret = page.locator("#step-up [name=secret]")
    assert secret.get_attribute("autocomplete") == "current-password"
    secret.fill("falsch")
    with page.expect_response("**/step-up") as refused:
        page.get_by_test_id("step-up-confirm").click()
    assert refused.value.status == 403
    expect(page.locator("#step-up .fault")).to_be_visible()
    # The refused password is the one thing that the console may speak of.
    assert all("403" in each for each in phone.faults)
    phone.faults.clear()
    prove(page)
    expect(page.locator("[data-emergency]")).to_have_count(1)
    ordered = emergencies(lived_in)[before:]
    assert [(each.warning_key, each.level, each.mode.value) for each in ordered] == [("flood_3", 3, "actual")]
    assert audience_of(lived_in, newest_broadcast(lived_in)) == HAMLETS_GATEWAYS


def test_two_presses_of_a_key_confirm_what_one_does_not(lived_in: LivedIn, page: Page) -> None:
    before = len(emergencies(lived_in))
    choose_warning(page)
    page.get_by_test_id("send").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("send")).to_contain_text("lần nữa")
    assert len(emergencies(lived_in)) == before
    page.keyboard.press("Enter")
    expect(page.locator("#step-up[open], [data-emergency]").first).to_be_visible()
    if page.locator("#step-up[open]").count():
        prove(page)
    expect(page.locator("[data-emergency]")).to_have_count(1)


def test_who_sounds_is_counted_live_and_who_is_silent_is_named_with_a_number_to_ring(
    lived_in: LivedIn, page: Page, browser: Browser
) -> None:
    choose_warning(page)
    send(page)
    expect(page.get_by_test_id("heard")).to_have_text("0/8")
    broadcast_id, at = newest_broadcast(lived_in), lived_in.site.clock.now()
    heard = lived_in.commune.gateway_ids[:6]
    with lived_in.speaking(*heard) as voices:
        for voice in voices:
            voice.reports(Event.PLAYING, broadcast_id, at, started_at=at)
    expect(page.get_by_test_id("heard")).to_have_text("6/8")
    started_earlier(lived_in, broadcast_id, SILENT_AFTER)
    silent = page.locator(".silent .event")
    expect(silent).to_have_count(2)
    expect(silent.first).to_contain_text("Cầu kênh Ba")
    assert silent.first.locator("a[href^='tel:']").get_attribute("href") == "tel:0900000012"
    with Seat(browser, lived_in.base_url, "monitor") as regional:
        for path in ("/cum-loa", "/"):
            regional.goto(path)
            strip = regional.locator("[data-emergency]")
            expect(strip.get_by_test_id("heard")).to_have_text("6/8")
            expect(strip).to_contain_text(f"{HAMLET} 2/2")
        with lived_in.speaking("31672-007") as (late,):
            late.reports(Event.PLAYING, broadcast_id, at, started_at=at)
        expect(strip.get_by_test_id("heard")).to_have_text("7/8")


def test_a_false_alarm_takes_two_taps_and_is_told_where_it_was_heard(lived_in: LivedIn, page: Page) -> None:
    choose_warning(page)
    send(page)
    broadcast_id, at = newest_broadcast(lived_in), lived_in.site.clock.now()
    heard = lived_in.commune.gateway_ids[:3]
    with lived_in.speaking(*heard) as voices:
        for voice in voices:
            voice.reports(Event.PLAYING, broadcast_id, at, started_at=at)
    page.get_by_test_id("false-alarm").click()
    with lived_in.speaking("31672-004") as (another,):
        another.reports(Event.PLAYING, broadcast_id, at, started_at=at)
    expect(page.get_by_test_id("heard")).to_have_text("4/8")
    page.get_by_test_id("end-confirm").click()
    expect(page.locator("[data-emergency]")).to_have_count(0)
    expect(page.locator("#said")).to_contain_text("báo lại")
    assert emergencies(lived_in)[-1].ending is Ending.FALSE_ALARM
    assert audience_of(lived_in, newest_broadcast(lived_in)) == {*heard, "31672-004"}


def test_one_tap_stops_everything_and_says_what_it_did(lived_in: LivedIn, page: Page) -> None:
    choose_warning(page)
    send(page)
    page.get_by_test_id("stop-all").click()
    expect(page.locator("#said")).to_contain_text("cụm loa")
    expect(page.locator("#said")).to_be_in_viewport()
    expect(page.locator("[data-emergency]")).to_have_count(0)
    last = emergencies(lived_in)[-1]
    assert (last.state, last.ending) == (EmergencyState.ENDED, Ending.STOPPED)


def test_what_is_confirmed_sounds_at_the_chosen_gateways_and_nowhere_else(
    town: Town, browser: Browser
) -> None:
    officer = town.api("officer")
    clip = officer.speak("Nước lên nhanh. Bà con rời vùng trũng ngay.")["clip"]
    written = {"title": "Lũ quét", "clip_sha256": clip["sha256"], "source": "speech"}
    bulletin = officer.post("/bulletins", json=written).json()
    put = officer.client.put(f"/api/v1/bulletins/{bulletin['id']}/prepared", json={"prepared": True})
    assert put.is_success, put.text
    with Seat(browser, town.base_url, "officer", viewport=PHONE) as page:
        page.goto("/khan-cap")
        choose_warning(page, bulletin["id"])
        page.locator("#audience label", has_text=HAMLET).click()
        held_at = now()
        send(page)
        expect(page.get_by_test_id("heard")).to_have_text("2/2", timeout=15_000)
        for gateway_id in HAMLETS_GATEWAYS:
            eventually(
                lambda g=gateway_id: town.recording(g).first_sample_at(held_at), 10, f"{gateway_id} sounds"
            )
        page.get_by_test_id("stop-all").click()
        expect(page.locator("[data-emergency]")).to_have_count(0)
    for gateway_id in set(town.gateway_ids) - HAMLETS_GATEWAYS:
        assert town.recording(gateway_id).first_sample_at(held_at) is None, gateway_id


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_confirms_something_real_shares_no_word_with_what_confirms_a_drill_or_a_test(
    language: str,
) -> None:
    words = catalogue(language)
    said = {
        mode: {word.strip(".,:").lower() for word in words[f"js.send.{mode}"].split()}
        for mode in ("actual", "drill", "test")
    }
    assert all(said.values())
    assert not said["actual"] & (said["drill"] | said["test"])
    assert not said["drill"] & said["test"]


def test_a_test_looks_and_reads_differently_and_is_ordered_as_a_test(lived_in: LivedIn, page: Page) -> None:
    choose_warning(page)
    looks, reads = set(), set()
    for mode in ("actual", "drill", "test"):
        page.locator(f"[name=mode][value={mode}]").check()
        button = page.get_by_test_id("send")
        looks.add(button.evaluate("(button) => getComputedStyle(button).backgroundColor"))
        reads.add(page.get_by_test_id("review").inner_text().split("“")[0] + button.inner_text())
    assert len(looks) == len(reads) == 3
    send(page)
    assert emergencies(lived_in)[-1].mode.value == "test"
    expect(page.locator(".band")).to_contain_text("THỬ")


def test_a_review_of_what_was_learnt_is_kept(lived_in: LivedIn, page: Page) -> None:
    choose_warning(page)
    send(page)
    page.get_by_test_id("stop-all").click()
    expect(page.locator("[data-emergency]")).to_have_count(0)
    page.goto("/khan-cap")
    newest = page.locator("[data-ended]").first
    newest.locator("summary").click()
    newest.locator("textarea").fill("Loa ấp Bờ Sông yếu.")
    newest.locator("button[type=submit]").click()
    expect(page.locator("#said")).to_be_visible()
    assert emergencies(lived_in)[-1].review == "Loa ấp Bờ Sông yếu."


def test_who_may_not_warn_is_told_why_and_whom_to_ask(lived_in: LivedIn, browser: Browser) -> None:
    with Seat(browser, lived_in.base_url, "monitor") as page:
        page.goto("/khan-cap")
        expect(page.get_by_test_id("may-not")).to_contain_text("Giám sát khu vực")
        expect(page.get_by_test_id("may-not")).to_contain_text("Trần Văn Nam")
        assert page.locator("#warn").count() == 0
        assert page.get_by_test_id("stop-all").count() == 0


@pytest.mark.parametrize(
    ("how", "language"),
    [({"viewport": PHONE, "color_scheme": "dark"}, "vi"), ({"viewport": DESKTOP}, "en")],
    ids=["phone-dark-vi", "desktop-light-en"],
)
def test_an_emergency_that_goes_on_can_be_followed_by_everyone(
    lived_in: LivedIn, page: Page, browser: Browser, how: dict[str, Any], language: str
) -> None:
    choose_warning(page)
    send(page)
    with Seat(browser, lived_in.base_url, "officer", language, **how) as other:
        other.goto("/khan-cap")
        choose_warning(other)
        other.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
        for source in ("text", "recording", "voice", "warning"):
            other.locator(f"[name=source][value={source}]").check()
            assert other.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, source
        found = violations(other)
        other.goto("/ngoai-tuyen")
        found += violations(other)
    assert found == []


def test_its_first_load_is_light_enough_for_a_slow_link(page: Page) -> None:
    page.wait_for_load_state("load")
    loaded = page.evaluate("() => performance.getEntriesByType('resource').map(({ name }) => name)")
    urls = {url.split("#")[0] for url in [page.url, *loaded] if "/events" not in url}
    sizes = {url.rsplit("/", 1)[-1]: len(gzip.compress(page.request.get(url).body())) for url in urls}
    own = sum(size for name, size in sizes.items() if name not in SHARED | DEFERRED)
    assert {"khan-cap", "emergency.js", "emergency.css"} < sizes.keys()
    assert own < 15_000, sizes
    assert sum(size for name, size in sizes.items() if name not in DEFERRED) < 40_000, sizes


def go_offline(page: Page) -> None:
    page.context.set_offline(True)
    page.wait_for_function("() => !navigator.onLine")


@pytest.fixture
def installed(lived_in: LivedIn, browser: Browser) -> Iterator[Seat]:
    """A phone on which the service worker has settled and the emergency page was seen."""
    seat = Seat(browser, lived_in.base_url, "officer", viewport=PHONE)
    seat.page.goto("/khan-cap")
    seat.page.evaluate("navigator.serviceWorker.ready")
    seat.page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    seat.page.goto("/khan-cap")
    yield seat
    seat.context.close()


def test_without_a_network_every_page_says_so_and_the_emergency_page_stays(installed: Seat) -> None:
    page = installed.page
    go_offline(page)
    for path in ("/", "/tuan", "/cum-loa/31672-001", "/phat/x"):
        page.goto(path)
        expect(page.locator("h1")).to_have_text("Không có mạng")
    page.goto("/khan-cap")
    expect(page.locator("#offline")).to_be_visible()
    assert page.locator("html").get_attribute("data-kept") is not None
    kept = page.evaluate(
        """async () => (await Promise.all((await caches.keys()).map(async (name) =>
          (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname)))).flat()"""
    )
    assert {"/khan-cap", "/ngoai-tuyen"} <= set(kept)
    assert not [path for path in kept if path.startswith(("/api", "/events", "/parts", "/media"))]
    page.context.set_offline(False)
    page.wait_for_function("() => !('kept' in document.documentElement.dataset)", timeout=15_000)
    expect(page.locator("#offline")).to_be_hidden()


def test_what_was_recorded_without_a_network_is_sent_once_and_only_when_confirmed_anew(
    lived_in: LivedIn, installed: Seat
) -> None:
    page, before = installed.page, len(emergencies(lived_in))
    page.locator("#audience label", has_text=HAMLET).click()
    go_offline(page)
    page.locator("[name=source][value=recording]").check()
    page.get_by_test_id("record").click()
    expect(page.get_by_test_id("record")).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(800)
    page.get_by_test_id("record").click()
    expect(page.locator("[data-unsent]")).to_have_count(1)
    expect(page.locator("[data-unsent]")).to_contain_text("Chưa gửi")
    page.context.set_offline(False)
    page.goto("/khan-cap")
    expect(page.locator("[data-unsent]")).to_have_count(1)
    assert len(emergencies(lived_in)) == before, "nothing is sent by itself"
    page.locator("[name=source][value=recording]").check()
    page.locator("#audience label", has_text=HAMLET).click()
    page.locator("[data-unsent] [data-take]").click()
    expect(page.get_by_test_id("preview")).to_be_visible(timeout=20_000)
    assert len(emergencies(lived_in)) == before
    send(page)
    expect(page.locator("[data-unsent]")).to_have_count(0)
    page.goto("/khan-cap")
    page.locator("[name=source][value=recording]").check()
    expect(page.locator("[data-unsent]")).to_have_count(0)
    sent = emergencies(lived_in)[before:]
    assert [each.source.value for each in sent] == ["recording"]
    page.get_by_test_id("stop-all").click()
    expect(page.locator("[data-emergency]")).to_have_count(0)


def test_the_log_out_takes_the_kept_page_away_and_leaves_the_page_for_no_network(installed: Seat) -> None:
    page = installed.page
    page.get_by_test_id("account").click()
    page.get_by_test_id("log-out").click()
    page.wait_for_url("**/dang-nhap")
    page.wait_for_function("() => caches.match('/khan-cap').then((found) => found === undefined)")
    go_offline(page)
    page.goto("/khan-cap")
    expect(page.locator("h1")).to_have_text("Không có mạng")


def test_it_can_be_installed(lived_in: LivedIn, browser: Browser, tmp_path: Path) -> None:
    context = browser.browser_type.launch_persistent_context(
        str(tmp_path), executable_path=EXECUTABLE, args=ARGUMENTS
    )
    try:
        page = context.pages[0]
        page.goto(f"{lived_in.base_url}/dang-nhap")
        page.locator("[name=username]").fill("officer")
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("form button").first.click()
        page.wait_for_url("**/")
        page.evaluate("navigator.serviceWorker.ready")
        session = context.new_cdp_session(page)
        errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
        told = session.send("Page.getAppManifest")
    finally:
        context.close()
    assert [each["errorId"] for each in errors] == []
    assert told["errors"] == []
    assert "/khan-cap" in told["data"]
