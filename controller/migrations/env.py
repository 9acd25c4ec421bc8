"""Alembic's entry point; `controller.db.migrate` hands it a connection."""

from alembic import context

from controller.tables import metadata

connection = context.config.attributes["connection"]
# SQLite changes a table by copying it (batch mode); PostgreSQL ignores the flag.
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
