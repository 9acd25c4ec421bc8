"""A commune with all built-in warnings, and an officer's phone with its emergency page open."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sqlmodel import Session
from support.browsing import PHONE, Seat
from support.sharing import Shared
from support.site import LivedIn, lived_in_site
from support.warning_pack import keep_warning

from controller.areas.models import Area
from controller.db import writing
from controller.emergencies.ending import stop_everything
from controller.warnings.pack import read_pack


@contextmanager
def warned_site(directory: Path) -> Iterator[LivedIn]:
    with lived_in_site(directory) as running:
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
def lived_in(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> LivedIn:
    return shared.once(lambda: warned_site(tmp_path_factory.mktemp("site")), "warned site")


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
