"""A database of an earlier version becomes one of this version and loses nothing, and can go back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Engine
from support.databases import postgresql_binaries, running_postgresql

from controller.db import make_engine, migrate
from controller.tables import metadata

AREA = (
    "INSERT INTO area (code, kind, name, path, valid_from) VALUES ('9', 'commune', 'x', '/1/', '2025-07-01')"
)
GATEWAY = """INSERT INTO gateway (id, area_id, name, kind, speakers, keeper_name, keeper_phone, secret_sha256,
    enrolled_at, enabled, volume_percent, note)
    VALUES ('g1', 1, 'x', 'ip_speaker', '', '', '', '0', '2026-01-01', true, 80, '')"""
ORDER = """INSERT INTO "order" (id, kind, body, emergency, created_at, expires_at)
    VALUES ('{id}', '{kind}', '{{}}', false, '2026-01-01', '2026-01-02')"""
OUTBOX = """INSERT INTO outbox (order_id, gateway_id, attempts, next_attempt_at, expires_at)
    VALUES ('{id}', 'g1', 0, '2026-01-01', '2026-01-02')"""


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        engine = make_engine(f"sqlite:///{tmp_path}/loacast.db")
        yield engine
        engine.dispose()
        return
    if postgresql_binaries() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with running_postgresql(tmp_path / "server") as url:
        engine = make_engine(url)
        yield engine
        engine.dispose()


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return connection.execute(sa.text(f'SELECT count(*) FROM "{table}"')).scalar_one()  # noqa: S608


def test_rows_of_the_first_version_are_there_after_the_last_and_after_the_way_back(engine: Engine) -> None:
    migrate(engine, "0001")
    run(engine, AREA, GATEWAY, ORDER.format(id="o1", kind="volume"), OUTBOX.format(id="o1"))
    with pytest.raises(sa.exc.IntegrityError):
        run(engine, ORDER.format(id="o2", kind="config"))

    migrate(engine)
    run(engine, ORDER.format(id="o2", kind="config"), OUTBOX.format(id="o2"))
    assert (count(engine, "order"), count(engine, "outbox"), count(engine, "gateway")) == (2, 2, 1)
    with pytest.raises(sa.exc.IntegrityError):
        run(engine, ORDER.format(id="o3", kind="nonsense"))
    with pytest.raises(sa.exc.IntegrityError):
        run(engine, "DELETE FROM gateway")

    migrate(engine, "0001")
    assert (count(engine, "order"), count(engine, "outbox")) == (1, 1)


def test_the_last_version_is_what_the_models_say(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
