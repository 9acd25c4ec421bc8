"""What a real agent process talks to, as fixtures for whichever folder's conftest takes them in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.broker import Broker
from support.media import MediaServer


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "broker").start()
    yield broker
    broker.stop()


@pytest.fixture
def media() -> Iterator[MediaServer]:
    media = MediaServer()
    yield media
    media.stop()
