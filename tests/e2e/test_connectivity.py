"""A gateway that is unplugged shows, and so does its return."""

import signal
from datetime import datetime
from pathlib import Path

import pytest
from support.broadcasting import now
from support.eventually import eventually
from support.town import running_town

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


def test_an_unplugged_gateway_is_offline_within_a_minute_and_back_within_ten_seconds(tmp_path: Path) -> None:
    with running_town(tmp_path / "town", gateways=2) as town:
        api = town.api("monitor")
        unplugged = town.agents["31672-001"]

        # Stopped, not killed: no packet says goodbye, as when the plug is pulled.
        unplugged.send(signal.SIGSTOP)
        pulled_at = now()
        eventually(lambda: api.gateways()["31672-001"]["contact"] == "offline", 60, "shown offline")
        noticed = api.gateways()["31672-001"]
        assert pulled_at <= datetime.fromisoformat(noticed["changed_at"]) <= now()
        assert api.gateways()["31672-002"]["contact"] == "online"

        unplugged.send(signal.SIGCONT)
        eventually(lambda: api.gateways()["31672-001"]["contact"] == "online", 10, "shown online again")
        history = api.get("/gateways/31672-001")["connectivity"]
        assert [each["online"] for each in history] == [True, False, True]


def test_a_controller_that_restarts_doubts_what_it_knew_until_it_has_heard(tmp_path: Path) -> None:
    with running_town(tmp_path / "town", gateways=2) as town:
        town.controller.kill()
        town.agents["31672-001"].kill()
        town.controller.start()
        town.wait_for_controller()
        api = town.api("monitor")
        eventually(lambda: api.gateways()["31672-002"]["contact"] == "online", 10, "heard again")
        eventually(lambda: api.gateways()["31672-001"]["contact"] == "offline", 10, "its will was kept")
