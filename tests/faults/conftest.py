"""Faults at their full size take minutes; they run only when they are asked for."""

import pytest
from support.agent_fixtures import broker, media

__all__ = ["broker", "media"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave those of full size out, and say how to run them."""
    if "full_size" in config.getoption("markexpr"):
        return
    for item in items:
        if item.get_closest_marker("full_size") is not None:
            item.add_marker(pytest.mark.skip(reason="takes minutes: pytest -m full_size tests/faults"))
