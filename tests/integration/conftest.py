"""Fixtures of the integration tests: the same office over every database that we support."""

from collections.abc import Iterator

import pytest
from sqlalchemy.engine import Engine
from support.agent_fixtures import broker, media
from support.clocks import StoppedClock
from support.databases import postgresql_binaries, running_postgresql
from support.office import Office, empty_database

from controller.db import make_engine, migrate

__all__ = ["broker", "media"]


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if request.param == "sqlite":
        engine = make_engine(f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/loacast.db")
        migrate(engine)
        yield engine
        engine.dispose()
        return
    if postgresql_binaries() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with running_postgresql(tmp_path_factory.mktemp("postgresql") / "server") as url:
        engine = make_engine(url)
        migrate(engine)
        yield engine
        engine.dispose()


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def office(migrated: Engine, clock: StoppedClock) -> Office:
    empty_database(migrated)
    return Office(migrated, clock)
