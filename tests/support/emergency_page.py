"""What a thumb does on the emergency page, and what the controller made of it."""

from datetime import timedelta

from playwright.sync_api import Page, expect
from sqlmodel import Session, col, select
from support.commune import PASSWORD
from support.site import LivedIn

from controller.broadcasts.models import Broadcast, Delivery
from controller.emergencies.models import Emergency

HOLD_MS = 1200
HAMLET, HAMLETS_GATEWAYS = "Ấp Chợ", {"31672-001", "31672-002"}


def prove(page: Page) -> None:
    """Answer who this is, by password."""
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
    """Return all there were, oldest first."""
    with Session(lived_in.site.engine) as session:
        return list(session.exec(select(Emergency).order_by(col(Emergency.created_at))))


def newest_broadcast(lived_in: LivedIn) -> str:
    """Return the id of what an emergency let sound last."""
    with Session(lived_in.site.engine) as session:
        query = select(Broadcast.id).where(col(Broadcast.emergency_id).is_not(None))
        return str(session.exec(query.order_by(col(Broadcast.created_at).desc()).limit(1)).one())


def started_earlier(lived_in: LivedIn, broadcast_id: str, by: timedelta) -> None:
    with Session(lived_in.site.engine) as session, session.begin():
        session.get_one(Broadcast, broadcast_id).start_at -= by


def audience_of(lived_in: LivedIn, broadcast_id: str) -> set[str]:
    with Session(lived_in.site.engine) as session:
        return set(session.exec(select(Delivery.gateway_id).where(Delivery.broadcast_id == broadcast_id)))
