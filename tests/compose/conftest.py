"""Containers are run only when asked for by ``-m compose`` or by path; here is the running system.

The first start takes half a minute, so all tests of one database share it.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from compose.deployment import HOME, Deployment, Visitor
from support.ports import free_port


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Keep this directory out of a run of everything."""
    named = any(argument.startswith("tests/compose") for argument in config.args)
    return None if named or "compose" in config.option.markexpr else collection_path.is_relative_to(_HERE)


_HERE = Path(__file__).parent


def _missing() -> str | None:
    if shutil.which("podman") is None:
        return "podman is not installed; tests/compose/run installs what is needed (Debian, as root)"
    if not (HOME / "venv/bin/podman-compose").exists():
        return f"no podman-compose in {HOME}; tests/compose/run makes it, and the images"
    return None


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def deployment(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    reason = _missing()
    if reason:
        pytest.skip(reason)
    running = Deployment(web_port=free_port(), postgresql=request.param == "postgresql")
    try:
        running.build()
        running.up()
        yield running
    finally:
        running.keep_logs()
        running.down()


@pytest.fixture
def admin(deployment: Deployment) -> Iterator[Visitor]:
    visitor = deployment.admin()
    yield visitor
    visitor.client.close()
