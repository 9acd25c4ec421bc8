"""How the tests are shared out between the processes of pytest-xdist."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep each file in one process, and all that sounds in real time in one.

    Two towns of eight gateways at once would leave a small machine too little time for each; files that
    calculate, draw pages or ask a database fill the time in which a town waits.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
